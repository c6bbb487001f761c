"""What the page and the API cost: time over the job, memory, a long list, the first load.

A daemon of its own with `web:`, the real model, photos of 12 megapixels; everything over loopback.
What a person sees in a browser is measured by `benchmarks.browser`, start and rest by
`benchmarks.web_rest`; both are of this part.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import browser, photos, web_rest
from benchmarks.page_daemon import Daemon, until
from benchmarks.part import Bench, Verdict, at_least, at_most

_SIZE = (4000, 3000)
_CLIENTS = 8


def measure(bench: Bench) -> dict[str, Any]:
    """All of it; the list has a daemon of its own, with as many photos behind it."""
    count, rows, requests, large = (2, 1000, 50, 2) if bench.short else (24, 100_000, 10_000, 200)
    size = (400, 300) if bench.short else _SIZE
    found: dict[str, Any] = {"clients": _CLIENTS, "photos": count, "megapixels": size[0] * size[1]}
    made = []
    for number in range(count):
        made.append(bench.work / f"web-{number}.jpg")
        photos.make(photos.sources(bench.photos)[number % 8], size, made[-1], number)
    with Daemon(bench, bench.work / "web").running() as daemon:
        daemon.ask("POST", "/api/v1/cutout?name=warm.jpg", made[0].read_bytes() + b"warm")
        found["overhead_ms"] = _over(daemon, made[:10])
        bench.say(f"over the job: {found['overhead_ms']}")
        found |= _throughput(bench, daemon, made)
        bench.say(f"by API {found['api_s']:.1f} s, by folder {found['folder_s']:.1f} s")
        found |= _memory(daemon, made[0].read_bytes(), large, requests)
        found["first_load"] = _first_load(daemon)
    found |= _list(Daemon(bench, bench.work / "web-list"), rows)
    bench.say(f"a list of {rows:,}: p95 {found['list_p95_ms']:.0f} ms")
    return found | {"rest": web_rest.measure(bench), "browser": browser.measure(bench)}


def _over(daemon: Daemon, made: list[Path]) -> dict[str, dict[str, float]]:
    """Milliseconds from the request to the picture, less what the job took; one at a time."""
    token = daemon.token
    body, kind = _form("image_file", b"%s")
    ways: dict[str, Callable[[bytes, str], tuple[int, dict[str, str], bytes]]] = {
        "native": lambda data, name: daemon.ask("POST", f"/api/v1/cutout?name={name}", data),
        "remove.bg": lambda data, _: daemon.ask(
            "POST", "/v1.0/removebg", body.replace(b"%s", data), Content_Type=kind, X_Api_Key=token
        ),
    }  # fmt: skip
    found = {}
    for way, ask in ways.items():
        over = []
        for number, photo in enumerate(made):
            data = photo.read_bytes() + f"{way}{number}".encode()  # a photo of its own
            before = len(_done(daemon.log))
            began = time.monotonic()
            status, _, picture = ask(data, f"{way}-{number}.jpg")
            took_ms = (time.monotonic() - began) * 1000
            if status != 200:
                sys.exit(f"{way} answers {status}: {picture[:300]!r}")
            until(partial(_more, daemon.log, before), "the log's line")
            over.append(took_ms - _done(daemon.log)[-1])
        found[way] = {"median": statistics.median(over), "p95": _p95(over)}
    return found


def _throughput(bench: Bench, daemon: Daemon, made: list[Path]) -> dict[str, float]:
    """Seconds for all photos: by as many clients at a time, and dropped into the folder."""
    rounds: dict[str, list[float]] = {"api_s": [], "folder_s": []}

    def hand_in(photo: Path) -> None:
        data = photo.read_bytes() + f"api{turn}".encode()
        status, _, _ = daemon.ask("POST", f"/api/v1/cutout?name=api-{turn}-{photo.name}", data)
        if status != 200:
            sys.exit(f"{photo.name}: {status}")

    for turn in range(bench.rounds):
        began = time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(hand_in, made))
        rounds["api_s"].append(time.monotonic() - began)
        began = time.monotonic()
        for photo in made:
            data = photo.read_bytes() + f"folder{turn}".encode()
            (daemon.inbox / f"folder-{turn}-{photo.name}").write_bytes(data)
        ends = [daemon.out / f"folder-{turn}-{photo.stem}_nobg.png" for photo in made]
        until(partial(_all_there, ends), "the folder's cut-outs")
        rounds["folder_s"].append(time.monotonic() - began)
    return {name: statistics.median(taken) for name, taken in rounds.items()}


def _memory(daemon: Daemon, photo: bytes, large_mb: int, requests: int) -> dict[str, float]:
    """PSS of the page's process in use, after a large upload, and after many requests."""
    found = {"in_use_mb": daemon.page_mb()}
    large = photo + bytes(large_mb * 1_000_000 - len(photo))  # after a JPEG's end: no damage
    status, _, said = daemon.ask(
        "PUT", "/api/v1/photos?name=large.jpg", large, X_Api_Key=daemon.token
    )  # fmt: skip
    if status != 201:
        sys.exit(f"the large upload: {status} {said[:300]!r}")
    found["after_large_mb"] = daemon.page_mb()
    for _ in range(requests):
        daemon.ask("GET", "/api/v1/session")
    return found | {"large_mb": large_mb, "requests": requests, "after_many_mb": daemon.page_mb()}


def _first_load(daemon: Daemon) -> dict[str, float]:
    """What a browser fetches before the page is there: the frame, and what it and main.js name."""
    _, headers, body = daemon.ask("GET", "/", Accept_Encoding="gzip")
    frame = gzip.decompress(body).decode() if "gzip" in headers.values() else body.decode()
    names = re.findall(r'(?:href|src)="(static/[^"]+)"', frame)
    script = Path(__file__).parent.parent / "daemon/nobgd/web/static/main.js"
    statics = re.findall(r'^import .* from "\./([^"]+)"', script.read_text(), re.MULTILINE)
    sent, plain = len(body), len(frame)
    for name in (wanted := dict.fromkeys([*names, *(f"static/{each}" for each in statics)])):
        sent += len(daemon.ask("GET", f"/{name}", Accept_Encoding="gzip")[2])
        plain += len(daemon.ask("GET", f"/{name}")[2])
    return {"requests": 1 + len(wanted), "kb": sent / 1000, "plain_kb": plain / 1000}


def _list(daemon: Daemon, rows: int) -> dict[str, float]:
    """Milliseconds for the latest photos of a long list, and for those a few pages on."""
    from nobgd import config
    from nobgd.jobs.ledger import Ledger
    from nobgd.pool import engine

    recipes = engine.build(config.load(daemon.config)).recipes
    ledger = Ledger(str(daemon.state / "ledger.sqlite3"), time.time)
    db, inbox, box = ledger._db, str(daemon.inbox), str(daemon.out)

    def each() -> Iterator[tuple[object, ...]]:
        for number in range(rows):
            name = f"IMG_{number:07}"
            path = daemon.inbox / f"{name}.jpg"
            path.touch()
            os.truncate(path, 1_000_000 + number)
            seen = path.stat()
            yield (
                inbox, f"{name}.jpg".encode(), seen.st_size, seen.st_mtime_ns, "done",
                f"{number:064x}", recipes[inbox].key, box,
                f"{name}_nobg.png".encode(), "computed", float(number),
            )  # fmt: skip

    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, sha256, recipe, outbox, output,"
        " how, changed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?)", each(),
    )  # fmt: skip
    db.execute("INSERT INTO tally SELECT inbox, state, count(*) FROM photo GROUP BY 1, 2")
    db.execute("COMMIT")
    ledger.close()
    took = []
    with daemon.running():
        key = daemon.token
        after = ""
        for turn in range(200):
            began = time.monotonic()
            asked = f"/api/v1/photos?limit=100{after}"
            status, _, body = daemon.ask("GET", asked, Authorization=f"Bearer {key}")
            took.append((time.monotonic() - began) * 1000)
            answer = json.loads(body)
            if status != 200 or len(answer["photos"]) != 100:
                sys.exit(f"the list answers {status}: {body[:300]!r}")
            after = f"&after={answer['next']}" if answer["next"] and turn % 5 != 4 else ""
    return {"list_rows": rows, "list_median_ms": statistics.median(took), "list_p95_ms": _p95(took)}


def _more(log: Path, before: int) -> bool:
    return len(_done(log)) > before


def _all_there(files: list[Path]) -> bool:
    return all(each.exists() for each in files)


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def _form(field: str, data: bytes) -> tuple[bytes, str]:
    head = f'--end\r\nContent-Disposition: form-data; name="{field}"; filename="a.jpg"\r\n\r\n'
    return head.encode() + data + b"\r\n--end--\r\n", "multipart/form-data; boundary=end"


def _done(log: Path) -> list[float]:
    """The jobs' times, as the log has them so far."""
    lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    events = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return [event["total_ms"] for event in events if event["event"] == "photo.done"]


def section(result: dict[str, Any]) -> list[str]:
    """One table."""
    over, first = result["overhead_ms"], result["first_load"]
    mp, large, many = result["megapixels"] / 1e6, result["large_mb"], result["requests"]
    return [
        "## The page and the API", "",
        f"A daemon with `web:`, photos of {mp:.1f} megapixels, over loopback. Over the job: from"
        " the request to the picture, less `total_ms` of its log line, one at a time.", "",
        "| | median | p95 |", "|---|---|---|",
        *(f"| over the job, {way}, ms | {each['median']:.0f} | {each['p95']:.0f} |"
          for way, each in over.items()),
        f"| 100 of {result['list_rows']:,} photos listed, ms | {result['list_median_ms']:.0f} |"
        f" {result['list_p95_ms']:.0f} |", "",
        f"{result['photos']} photos: {result['api_s']:.1f} s by {result['clients']} clients of the"
        f" API, {result['folder_s']:.1f} s dropped into the folder. The page's process takes"
        f" {result['in_use_mb']:.0f} MB (PSS) in use, {result['after_large_mb']:.0f} after an"
        f" upload of {large} MB, {result['after_many_mb']:.0f} after {many:,} requests more. The"
        f" page is there after {first['requests']:.0f} requests and {first['kb']:.1f} KB,"
        " compressed.",
        *web_rest.section(result.get("rest") or {}),
        *browser.section(result.get("browser") or {}),
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on each."""
    over, first = result["overhead_ms"], result["first_load"]
    slope = result["after_many_mb"] - result["after_large_mb"]
    return [
        at_most("API over the job, p95", over["native"]["p95"], 60.0, "ms"),
        at_most("remove.bg's dialect over the job, p95", over["remove.bg"]["p95"], 80.0, "ms"),
        at_least("throughput by 8 clients, beside the folder",
                 result["folder_s"] / result["api_s"], 0.97),
        at_most("page's process in use", result["in_use_mb"], 40.0, "MB"),
        at_most("page's process after a large upload", result["after_large_mb"], 45.0, "MB"),
        at_most("its growth over many requests", slope, 1.0, "MB"),
        at_most("a page of a long list, p95", result["list_p95_ms"], 50.0, "ms"),
        at_most("first load, compressed", first["kb"], 25.0, "KB"),
        at_most("first load, not compressed", first["plain_kb"], 80.0, "KB"),
        at_most("first load, requests", first["requests"], 6.0, "requests"),
        *web_rest.verdicts(result.get("rest") or {}),
        *browser.verdicts(result.get("browser") or {}),
    ]  # fmt: skip

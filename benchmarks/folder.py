"""A folder of 12-megapixel photos through `nobgd once` and `rembg p`, in turns."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import photos, rival
from benchmarks.part import VARIANTS, Bench, Verdict, at_least, label
from benchmarks.processes import memory_mb

SIZE = (4000, 3000)
BARS = {"fp32": 4.0, "int8": 8.0, "ncnn": 6.8, "openvino": 11.0}
PLAIN = {"edges": "plain"}  # what rembg makes
MEMORY_BAR, _LEAN = 0.45, ("fp32", "int8")


def measure(bench: Bench) -> dict[str, Any] | None:
    """Medians over the rounds of each program; whole commands, start-up included."""
    return beside_rembg(bench, "folder", photos.sources(bench.photos))


def beside_rembg(
    bench: Bench, name: str, sources: list[Path], most: int = 24
) -> dict[str, Any] | None:
    """The same, of photos made from ``sources``; None where rembg has no command."""
    if rival.command() is None:
        bench.say("no `rembg` command: the folder is measured by `make bench`, which installs it")
        return None
    count, size = (4, (800, 600)) if bench.short else (most, SIZE)
    inbox = fill(bench, name, count, size, sources)
    results: dict[str, list[dict[str, float]]] = {}
    for turn in range(bench.rounds + 1):  # the first round only warms the caches
        for who in (*bench.ours, "rembg"):
            out = bench.work / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            if who == "rembg":
                result = rembg(bench, inbox, out)
            else:
                result = once(bench, inbox, out, who, PLAIN)
            made = len(list(out.glob("*.png")))
            if made != count:
                sys.exit(f"{who} made {made} of {count}")
            if turn:
                results.setdefault(who, []).append(result)
                bench.say(f"{name}, {who}: {count * 60 / result['wall_s']:.1f} photos/min")
    row: dict[str, Any] = {"photos": count, "size": size, "rounds": bench.rounds, "contenders": {}}
    for who, runs in results.items():
        each = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        walls = [run["wall_s"] for run in runs]
        each.update(least_s=min(walls), most_s=max(walls))
        each["photos_per_minute"] = count * 60 / each["wall_s"]
        row["contenders"][who] = each
    theirs = row["contenders"]["rembg"]
    for who in bench.ours:
        ours = row["contenders"][who]
        ours["ratio"] = theirs["wall_s"] / ours["wall_s"]
        ours["memory_ratio"] = ours["process_mb"] / theirs["process_mb"]
    return row


def fill(
    bench: Bench, name: str, count: int, size: tuple[int, int], sources: list[Path] | None = None
) -> Path:
    """A folder of ``count`` different photos of ``size``."""
    inbox = bench.work / name
    inbox.mkdir()
    sources = sources or photos.sources(bench.photos)
    for number in range(count):
        photos.make(sources[number % len(sources)], size, inbox / f"{number:03}.jpg", number)
    return inbox


def once(
    bench: Bench, inbox: Path, out: Path, who: str, output: Mapping[str, Any] | None = None,
    **workers: Any,
) -> dict[str, Any]:  # fmt: skip
    """`nobgd once` on a folder, with no ledger: its figures, and those in its log."""
    shutil.rmtree(bench.work / "state", ignore_errors=True)
    config = bench.work / "nobgd.yaml"
    precision, engine = VARIANTS[who]
    box = {"path": str(inbox), "outbox": str(out), "watch": {"settle_s": 0}}
    settings = {
        "state_dir": str(bench.work / "state"), "cache_dir": str(bench.work / "cache"),
        "model": {"name": "u2net", "precision": precision, "directory": str(bench.weights)},
        "workers": {"engine": engine, **workers}, "inboxes": [box], "output": dict(output or {}),
        "log": {"file": str(bench.work / "state" / "log.json")},
    }  # fmt: skip
    config.write_text(json.dumps(settings))
    result = run([sys.executable, "-m", "nobgd", "once", "-c", str(config)], dict(os.environ))
    log = (bench.work / "state" / "log.json").read_text().splitlines()
    events = [json.loads(line) for line in log]
    done = [each for each in events if each["event"] == "photo.done"]
    ready = next(each for each in events if each["event"] == "service.ready")
    result["process_mb"] = max(each["peak_rss_mb"] for each in done)
    result["infer_ms"] = sum(each["infer_ms"] for each in done)
    result["total_ms"] = sum(each["total_ms"] for each in done)
    result["lanes"] = ready["lanes"]
    ends = [datetime.fromisoformat(each["timestamp"]).timestamp() for each in done]
    starts = [end - each["total_ms"] / 1000 for end, each in zip(ends, done, strict=True)]
    result["work_s"] = max(ends) - min(starts)
    return result


def rembg(bench: Bench, inbox: Path, out: Path, *options: str) -> dict[str, float]:
    """`rembg p` on a folder: its figures.  The command must be there."""
    command = rival.command()
    assert command is not None
    words = [command, "p", "-m", "u2net", *options, str(inbox), str(out)]
    return run(words, rival.environment(bench))


def run(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Wall and CPU seconds, and the peak memory of all processes and of the largest."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peaks = [0.0, 0.0]

    def watch() -> None:
        while process.poll() is None:
            for number, value in enumerate(memory_mb(process.pid)):
                peaks[number] = max(peaks[number], value)
            time.sleep(0.1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, errors = process.communicate()
    wall = time.perf_counter() - start
    watcher.join()
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {errors.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "all_mb": peaks[0], "process_mb": peaks[1]}


def section(row: dict[str, Any]) -> list[str]:
    """The folder's table."""
    width, height = row["size"]
    lines = [
        f"## A folder of {row['photos']} photos of {width * height / 1e6:.0f} megapixels", "",
        f"`nobgd once` and `rembg p`, whole commands, start-up included, `edges: plain` as"
        f" rembg's; medians of {row['rounds']} rounds in turns. Memory: all"
        " processes with shared pages counted once, and the largest process alone.", "",
        "| | photos/min | wall s [least to most] | CPU s | MB, all | MB, one | × rembg |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for who, each in row["contenders"].items():
        name = "`rembg p`" if who == "rembg" else label(who).replace("nobgd", "`nobgd once`,")
        spread = f"{each['wall_s']:.1f} [{each['least_s']:.1f} to {each['most_s']:.1f}]"
        lines.append(
            f"| {name} | {each['photos_per_minute']:.1f} | {spread} | {each['cpu_s']:.0f} |"
            f" {each['all_mb']:.0f} | {each['process_mb']:.0f} | {each.get('ratio', 1):.2f} |"
        )
    return lines


def verdicts(row: dict[str, Any]) -> list[Verdict]:
    """The bars on a folder."""
    found = []
    for who, bar in BARS.items():
        if (ours := row["contenders"].get(who)) is None:
            continue
        found.append(at_least(f"folder of 12 MP, {label(who)}, × rembg", ours["ratio"], bar))
        if who not in _LEAN:
            continue
        ratio = ours["memory_ratio"]
        what = f"peak memory of a process, 12 MP, {label(who)}, of rembg's"
        found.append(Verdict(what, f"≤ {MEMORY_BAR}", f"{ratio:.2f}", ratio <= MEMORY_BAR))
    return found

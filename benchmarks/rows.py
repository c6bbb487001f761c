"""What a ledger of a million photos costs the loop, and what 200 outboxes that are gone do.

The daemon is the real one around the stub of `benchmarks.stub`; each measurement has a process of
its own (`python -m benchmarks.rows ledger ROWS FOLDER`, `… outage INBOXES SECONDS FOLDER`).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.part import Bench, Verdict, at_most

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_PERIODIC_BAR_MS, _STATUS_BAR_MS, _OUTAGE_BAR = 5.0, 50.0, 2.0
_SHARES = 20  # inboxes with share_control
_TIMES = 9
_IN_QUARANTINE = 1000  # one photo of so many


def measure(bench: Bench) -> dict[str, Any]:
    """One ledger, one outage."""
    rows, inboxes, seconds = (20_000, 20, 3) if bench.short else (1_000_000, 200, 60)
    found = _child("ledger", rows, bench.work / "rows")
    found |= _child("outage", inboxes, seconds, bench.work / "outage")
    bench.say(
        f"ledger of {rows:,}: periodic work {found['periodic_ms']:.2f} ms, status"
        f" {found['status_ms']:.1f} ms; {inboxes} inboxes in an outage:"
        f" {found['outage_percent']:.2f} % of a core"
    )
    return found


def _child(*words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.rows", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def ledger(rows: int, work: Path) -> dict[str, Any]:
    """Milliseconds of CPU that the loop spends at once, with so many rows in 20 shares."""
    from benchmarks import stub
    from nobgd.status import answers
    from nobgd.status.glance import Glance
    from nobgd.status.line import line

    service = _service(work, _SHARES, stub.Lanes())
    _fill(service, rows)
    began, cpu = time.monotonic(), time.process_time()
    service.start()
    start_s = time.monotonic() - began
    stub.until(service, service.loop.idle, 60)
    dropped = work / "in-00" / "new.jpg"
    dropped.write_bytes(b"photo")
    stub.until(service, lambda: service.ledger.count(str(dropped.parent), "done") > 1, 60)

    def periodic() -> None:
        service.share._look_at = 0.0  # as after ten seconds
        service.runner.run(service.share.tell(time.monotonic()))
        if service.audience.metrics._meter is not None:
            service.audience.metrics._meter.look(service.snapshot())
        line(service.snapshot())

    def status() -> None:
        answers.handle(service.config, service.ledger, service.running, {"do": "status"}, Glance())

    from nobgd.metrics.collectors import Meter

    service.audience.metrics._meter = service.audience.metrics._meter or Meter()
    row = {
        "rows": rows, "start_s": start_s, "start_cpu_s": time.process_time() - cpu,
        "periodic_ms": _median_ms(periodic), "status_ms": _median_ms(status),
    }  # fmt: skip
    service.end()
    return row


def _median_ms(act: Callable[[], None]) -> float:
    took = []
    for _ in range(_TIMES):
        cpu = time.process_time()
        act()
        took.append((time.process_time() - cpu) * 1000)
    return statistics.median(took)


def outage(inboxes: int, seconds: float, work: Path) -> dict[str, Any]:
    """Percent of a core while every outbox is gone and every inbox has a retry that is due."""
    from benchmarks import stub

    lanes = stub.Lanes()
    service = _service(work, inboxes, lanes)
    service.start()
    stub.until(service, lambda: all(box.ready for box in service.state.outboxes.values()), 60)
    lanes.gone = True
    for number in range(inboxes):
        (work / f"in-{number:02}" / "a.jpg").write_bytes(b"photo")
    boxes = service.state.outboxes.values()
    stub.until(service, lambda: not any(box.ready for box in boxes), 120)
    calm = time.monotonic() + min(20.0, seconds)  # until the probes have backed off
    stub.until(service, lambda: time.monotonic() > calm, seconds + 60)
    began, cpu = time.monotonic(), time.process_time()
    stub.until(service, lambda: time.monotonic() > began + seconds, seconds + 60)
    percent = (time.process_time() - cpu) * 100 / (time.monotonic() - began)
    waiting = len(service.state.backlog)
    service.end()
    return {"outage_inboxes": inboxes, "outage_percent": percent, "outage_waiting": waiting}


def _service(work: Path, count: int, lanes: Any) -> Service:
    from benchmarks import stub

    inboxes = [work / f"in-{number:02}" for number in range(count)]
    for inbox in inboxes:
        inbox.mkdir(parents=True)
    return stub.service(work, inboxes, lanes, settle_s=0.2, share_control=True)


def _fill(service: Service, rows: int) -> None:
    """Photos that were done over years, one of a thousand set aside."""
    db, inboxes = service.ledger._db, sorted(map(str, (i.path for i in service.config.inboxes)))
    box = str(service.config.inboxes[0].outbox)

    def each() -> Any:
        for number in range(rows):
            name = f"{number // 1000:04}/IMG_{number:07}.jpg".encode()
            bad = number % _IN_QUARANTINE == 0
            yield (
                inboxes[number % len(inboxes)], name, 1_000_000 + number, number,
                "quarantined" if bad else "done", "broken" if bad else None,
                f"{number:064x}", "u2net:fp32:" + "0" * 64 + ":r1", box,
                None if bad else name[:-4] + b"_nobg.png", "computed", float(number),
            )  # fmt: skip

    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, code, sha256, recipe, outbox,"
        " output, how, changed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", each(),
    )  # fmt: skip
    db.execute("INSERT INTO tally SELECT inbox, state, count(*) FROM photo GROUP BY 1, 2")
    db.execute("COMMIT")
    found = db.execute("SELECT inbox, state, number FROM tally")
    service.ledger._counts.update({(inbox, state): number for inbox, state, number in found})


def section(result: dict[str, Any]) -> list[str]:
    """One paragraph."""
    return [
        "## A ledger of a million photos, and an outage", "",
        f"With {result['rows']:,} photos of {_SHARES} shares in the ledger the loop's periodic"
        f" work (every `_nobgd.txt`, all metrics, the status line) takes"
        f" {result['periodic_ms']:.1f} ms of CPU, an answer to `nobgd status`"
        f" {result['status_ms']:.1f} ms; it starts in {result['start_s']:.2f} s."
        f" While {result['outage_inboxes']} outboxes are gone, with a photo waiting for each, it"
        f" takes {result['outage_percent']:.2f} % of a core.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """Periodic work, status, outage."""
    what = f"{result['rows']:,} photos in the ledger"
    gone = f"{result['outage_inboxes']} outboxes gone, of a core"
    return [
        at_most(f"periodic work, {what}", result["periodic_ms"], _PERIODIC_BAR_MS, "ms"),
        at_most(f"status, {what}", result["status_ms"], _STATUS_BAR_MS, "ms"),
        at_most(gone, result["outage_percent"], _OUTAGE_BAR, "%"),
    ]


if __name__ == "__main__":
    if sys.argv[1] == "ledger":
        print(json.dumps(ledger(int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        print(json.dumps(outage(int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))))

"""What the supervisor costs: a backlog of 1,000 to 100,000 photos, and watching them when idle.

The engine is the stub of `benchmarks.stub`; each size has a process of its own
(`python -m benchmarks.backlog COUNT IDLE_S FOLDER`).
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.part import Bench, Verdict, at_most

_RSS_BAR_MB = 150.0
_FLAT_BAR = 10.0
_IDLE_BAR = 0.5
_IN_FOLDER = 1000
_EDGE = 5  # thousands at either end
_THOUSAND = 1000


def measure(bench: Bench) -> list[dict[str, Any]]:
    """A row for each backlog."""
    rows = []
    for count in (2_000,) if bench.short else (1_000, 10_000, 100_000):
        folder = bench.work / f"backlog-{count}"
        idle_s = 2 if bench.short else 95 if count == 100_000 else 0
        command = [sys.executable, "-m", "benchmarks.backlog", str(count), str(idle_s), str(folder)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        bench.say(
            f"backlog of {count:,}: {rows[-1]['cpu_ms']:.2f} ms of CPU a photo,"
            f" {rows[-1]['rss_mb']:.0f} MB"
        )
    return rows


def child(count: int, idle_s: float, work: Path) -> dict[str, Any]:
    """Fill an inbox, let the daemon go through it, then watch it."""
    from benchmarks import stub

    inbox = work / "in"
    for number in range(count):
        if number % _IN_FOLDER == 0:
            folder = inbox / f"{number // _IN_FOLDER:03}"
            folder.mkdir(parents=True)
        (folder / f"IMG_{number:06}.jpg").write_bytes(bytes(1 + number * 37 % 50_021))
    marks: list[float] = []

    def took(_: object) -> None:
        if lanes.done % _THOUSAND == 1 or lanes.done == count:
            marks.append(time.process_time())

    lanes = stub.Lanes(took=took)
    service = stub.service(work, inbox, lanes, settle_s=0.0)
    began, cpu = time.monotonic(), time.process_time()
    service.start()
    stub.until(service, lambda: lanes.done >= count and not service.state.in_flight, 1800)
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    blocks = [after - before for before, after in itertools.pairwise(marks)]
    edge = min(_EDGE, max(1, len(blocks) // 2))
    first, last = statistics.median(blocks[:edge]), statistics.median(blocks[-edge:])
    row: dict[str, Any] = {
        "photos": count, "wall_s": took_s, "cpu_ms": cpu_s * 1000 / count,
        "first_ms": first, "last_ms": last, "rss_mb": _peak_mb(),
    }  # fmt: skip
    if idle_s:
        stub.until(service, lambda: time.monotonic() > began + took_s + 5, 60)
        began, cpu = time.monotonic(), time.process_time()
        stub.until(service, lambda: time.monotonic() > began + idle_s, idle_s + 60)
        row["idle_s"] = idle_s
        row["idle_percent"] = (time.process_time() - cpu) * 100 / (time.monotonic() - began)
        events = map(json.loads, (work / "stub.log").read_text().splitlines())
        watching = [each["strategy"] for each in events if each["event"] == "inbox.watching"]
        row["strategy"] = watching[-1]
    service.end()
    return row


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line[:5] == "VmHWM")
    return peak * 1024 / 1e6


def section(rows: list[dict[str, Any]]) -> list[str]:
    """The table of backlogs."""
    lines = [
        "## A backlog, and watching it when it is done", "",
        "The supervisor alone: its lanes answer at once. CPU per photo, and that of a thousand at"
        " either end of the backlog; peak memory.", "",
        "| photos | wall s | CPU ms a photo | first thousand | last thousand | peak MB |"
        " idle, % of a core |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        idle = f"{row['idle_percent']:.2f} ({row['strategy']})" if "idle_percent" in row else ""
        lines.append(
            f"| {row['photos']:,} | {row['wall_s']:.1f} | {row['cpu_ms']:.2f} |"
            f" {row['first_ms']:.2f} | {row['last_ms']:.2f} | {row['rss_mb']:.0f} | {idle} |"
        )
    return lines


def verdicts(rows: list[dict[str, Any]]) -> list[Verdict]:
    """The bars on the largest backlog."""
    row = rows[-1]
    growth = (row["last_ms"] / row["first_ms"] - 1) * 100
    what = f"{row['photos']:,} photos"
    found = [
        at_most(f"supervisor, {what} in the backlog, memory", row["rss_mb"], _RSS_BAR_MB, "MB"),
        at_most(f"supervisor, {what}, growth of cost", growth, _FLAT_BAR, "%"),
    ]
    if "idle_percent" in row:
        idle = row["idle_percent"]
        found.append(at_most(f"idle, {what} watched, of a core", idle, _IDLE_BAR, "%"))
    return found


if __name__ == "__main__":
    print(json.dumps(child(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))))

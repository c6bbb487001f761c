"""From the close of a file to the start of its job, beyond settle_s, in a watched folder.

The engine is the stub of `benchmarks.stub`: a job starts when it is handed out.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from typing import Any

from benchmarks import stub
from benchmarks.part import Bench, Verdict, at_most
from nobgd.values import Job

_SETTLE_S = 0.5
_BAR_MS = 100.0


def measure(bench: Bench) -> dict[str, Any]:
    """Percentiles over photos that come at random moments."""
    count = 10 if bench.short else 300
    inbox = bench.work / "latency"
    inbox.mkdir()
    closed: dict[str, float] = {}
    beyond: list[float] = []
    lock = threading.Lock()

    def took(job: Job) -> None:
        now = time.monotonic()
        with lock:
            beyond.append((now - closed[job.relpath] - _SETTLE_S) * 1000)

    def feed() -> None:
        chance = random.Random(1)
        for number in range(count):
            time.sleep(chance.uniform(0.02, 0.3))
            with lock:  # nobody asks for the time of a close that is under way
                (inbox / f"{number}.jpg").write_bytes(b"photo")
                closed[f"{number}.jpg"] = time.monotonic()

    lanes = stub.Lanes(took=took)
    service = stub.service(bench.work, inbox, lanes, _SETTLE_S)
    service.start()
    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    stub.until(service, lambda: lanes.done >= count, 30 + count)
    service.end()
    points = statistics.quantiles(beyond, n=100)
    result = {
        "photos": count, "settle_s": _SETTLE_S, "median_ms": points[49], "p95_ms": points[94],
        "most_ms": max(beyond),
    }  # fmt: skip
    bench.say(f"close to start: p95 {result['p95_ms']:.0f} ms beyond settle_s")
    return result


def section(result: dict[str, Any]) -> list[str]:
    """One sentence."""
    return [
        "## From the close of a file to the start of its job", "",
        f"{result['photos']} photos at random moments, settle_s {result['settle_s']}; beyond it:"
        f" median {result['median_ms']:.0f} ms, p95 {result['p95_ms']:.0f} ms,"
        f" most {result['most_ms']:.0f} ms.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bar on the 95th percentile."""
    what = "close of a file to its job, beyond settle_s, p95"
    return [at_most(what, result["p95_ms"], _BAR_MS, "ms")]

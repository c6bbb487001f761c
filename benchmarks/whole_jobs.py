"""Whole photos by other machines: what one costs beyond its lane, and how much faster eight are.

Home's hands (`pool.cluster`) without its loop, broker, link process and workers are real, on this
machine with TLS and one folder; models sleep, and the photo is small, so that what is measured is
nobgd's own.  A job's time runs from its hand-over until home has looked at its cut-out.
"""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.part import Bench, Verdict, at_most

_SLEEP_S = 0.5
_SIDES = 64, 48  # pixels of each photo
_LEASE_S, _PATIENCE_S = 30.0, 120.0


class _House:
    """Inbox, outbox, and hands that have no lane of their own free for long."""

    def __init__(self, broker: Any, work: Path) -> None:
        from nobgd import config
        from nobgd.pool import engine

        for name in ("in", "out"):
            (work / name).mkdir(parents=True, exist_ok=True)
        self._inbox, self._outbox = work / "in", work / "out"
        settings = {
            "state_dir": "state", "cache_dir": "cache", "model": {"name": "u2netp"},
            "inboxes": [{"path": "in", "outbox": "out"}],
            "workers": {"count": 1, "infer": 1, "threads": 1, "engine": "onnxruntime"},
            "cluster": {
                "join": str(broker.home), "shares": {"in": "in", "out": "out"},
                "lease_s": _LEASE_S,
            },
        }  # fmt: skip
        self._number = 0
        rules = config.parse(json.dumps(settings), str(work / "nobgd.yaml"), work)
        self._engine = engine.build(rules)
        self.hands = self._engine.lanes
        self.hands.start()

    def shares(self) -> dict[str, str]:
        """As a worker is given them."""
        return {"in": str(self._inbox), "out": str(self._outbox)}

    def job(self) -> Any:
        """Of a photo unlike all others."""
        from PIL import Image

        from nobgd.jobs import plan
        from nobgd.values import Job

        self._number += 1
        number = self._number
        name = f"{number}.jpg"
        colour = (number * 7 % 256, number * 13 % 256, number // 256 % 256)
        Image.new("RGB", _SIDES, colour).save(self._inbox / name)
        seen = (self._inbox / name).stat()
        inbox = str(self._inbox)
        return Job(
            inbox, name, seen.st_size, seen.st_mtime_ns, str(self._outbox),
            plan.outputs(name, "_nobg", ".png"), frozenset(), frozenset(), plan.inbox_key(inbox),
            self._engine.recipes[inbox], spare=plan.spare(name, "_nobg", ".png"), quiet_s=60.0,
        )  # fmt: skip

    def do(self, job: Any) -> Any:
        """Have it done by whoever there is; blocks."""
        return self.hands.submit(job).result(_PATIENCE_S)

    def await_shown(self, count: int) -> None:
        """Until so many machines do jobs; a photo that is done here is what they are shown."""
        until = time.monotonic() + _PATIENCE_S
        while self._working() < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.hands.others}")
            self.do(self.job())
            time.sleep(0.5)

    def _working(self) -> int:
        others = self.hands.others
        return 0 if others is None else sum(each.working for each in others.machines)

    def close(self) -> None:
        """All of it."""
        self.hands.shutdown(False, cancel_futures=True)


def measure(bench: Bench, machines: int) -> dict[str, Any]:
    """Jobs one after the other, then twice as many at a time as there are machines.

    The caller has set the environment of its sleeping models, and puts it back.
    """
    from cluster.broker import Broker, Worker

    work = bench.work / "whole"
    work.mkdir()
    hosts = [f"desk-{number}" for number in range(1, machines + 1)]
    broker = Broker(work / "broker", *hosts).start()
    house = _House(broker, work)
    keys: dict[str, Any] = {"sleep_s": 0.0, "priority": 0, "shares": house.shares()}
    workers = [Worker(broker, host, work, **keys) for host in hosts]
    try:
        workers[0].start()
        house.await_shown(1)
        result = _alone(house, 20 if bench.short else 500)
        for one in workers[1:]:
            one.start()
        house.await_shown(machines)
        for one in workers:
            one.sleeps(_SLEEP_S)
        result |= _together(house, machines, 2 if bench.short else 20)
    finally:
        house.close()
        for one in workers:
            if one.process is not None:
                one.kill()
        broker.kill()
    bench.say(f"a whole photo of another machine costs {result['median_ms']:.1f} ms more")
    bench.say(f"{machines} machines do {result['speed_up']:.2f} times as many whole photos as one")
    return result


def _alone(house: _House, count: int) -> dict[str, Any]:
    """One job after the other: milliseconds beyond what its lane there says that it took."""
    took = []
    for _ in range(count):
        job = house.job()
        began = time.perf_counter()
        done = house.do(job)
        wall_ms = (time.perf_counter() - began) * 1000
        if done.host:
            took.append(wall_ms - done.answer.timing.total_ms)
    took.sort()
    return {
        "jobs": len(took), "median_ms": statistics.median(took),
        "p99_ms": took[len(took) * 99 // 100],
    }  # fmt: skip


def _together(house: _House, machines: int, each: int) -> dict[str, Any]:
    """What machines did of it, in sleeps of one of them for each second that it took."""
    total = machines * each
    jobs = [house.job() for _ in range(total)]
    with ThreadPoolExecutor(2 * machines) as hands:
        began = time.perf_counter()
        done = list(hands.map(house.do, jobs))
        wall_s = time.perf_counter() - began
    away = sum(bool(one.host) for one in done)
    return {"machines": machines, "speed_up": away * _SLEEP_S / wall_s, "photos": total}


def lines(result: dict[str, Any]) -> list[str]:
    """The figures."""
    return [
        f"- {result['jobs']:,} whole photos on shared folders, one after the other: each takes"
        f" {result['median_ms']:.1f} ms longer than its lane there says (median; p99"
        f" {result['p99_ms']:.1f} ms), the look at its cut-out included.",
        f"- {result['photos']} whole photos of {_SLEEP_S} s by {result['machines']} machines:"
        f" {result['speed_up']:.2f} times as fast as by one.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars."""
    return [
        at_most("a whole photo of another machine, median beyond its lane", result["median_ms"],
                5, "ms"),
        at_most("the same, p99", result["p99_ms"], 20, "ms"),
        faster(f"whole photos by {result['machines']} machines, × one", result),
    ]  # fmt: skip


def faster(what: str, result: dict[str, Any]) -> Verdict:
    """The bar of so many machines beside one."""
    bar, speed_up = 0.95 * result["machines"], result["speed_up"]
    return Verdict(what, f"≥ {bar:.1f}×", f"{speed_up:.2f}×", speed_up >= bar)

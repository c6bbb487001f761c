"""SIGKILL of workers, broker, link process and supervisor at random moments, while photos come.

Two workers and the daemon itself make masks.  What is killed is started again a moment later; a
broker that is killed has lost its memory now and then.  Every few kills all is left alone until
nothing waits, then log and disk are compared: each photo done once, each cut-out the one that
these bytes always give.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import Broker, Worker, lacking
from faults.house import Checks, House, children
from faults.pictures import valid

NAME, TITLE = "storm", "SIGKILL of workers, broker, link and supervisor while masks come from all"
FULL, SHORT = 2_000, 6
_PORTION = 20  # kills between two drains
_VICTIMS = ("desk-1", "desk-2", "desk-1", "desk-2", "broker", "link", "supervisor")
_PATIENCE_S = 180.0
_CALM_S = 8.0
LINK = "nobgd.machines.process"


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    cache = root.parent / "cache"
    broker = Broker(root.parent / "storm-broker", "desk-1", "desk-2").start()
    workers = {host: Worker(broker, host, cache) for host in ("desk-1", "desk-2")}
    house = House(
        root, cache, cluster={"join": str(broker.home), "lease_s": 3},
        workers={"count": 4, "infer": 1, "threads": 1, "engine": "onnxruntime"},
    )  # fmt: skip
    checks = Checks(house)
    try:
        for each in workers.values():
            each.start()
        house.start()
        while start < stop:
            end = min(start + _PORTION, stop)
            inputs: dict[str, str] = {}
            counts = Counter({"kills": end - start})
            before, moved = _elsewhere(house), house.listen().events["photo.moved"]
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                for more in range(chance.randint(1, 4)):
                    _drop(house, seed, number * 4 + more, inputs)
                _calm(house)
                time.sleep(chance.uniform(0.0, 0.6))
                victim = chance.choice(_VICTIMS)
                counts[f"{victim} killed"] += _kill(victim, house, broker, workers, chance)
            left = house.await_ends(inputs, _PATIENCE_S)
            counts["photos"] = len(inputs)
            counts["masks of other machines"] = _elsewhere(house) - before
            counts["masks that had to move"] = house.listen().events["photo.moved"] - moved
            wrong = [f"lost: {source}" for source in left] + checks.violations(inputs)
            for name, digest in inputs.items():
                if (said := house.versions[house.path(name), digest]) != 1:
                    wrong.append(f"{name} was said to be done {said} times")
            if house.events["photo.failed"] or house.events["photo.quarantined"]:
                wrong.append(f"attempts were burnt: {dict(house.codes)}")
            for name in inputs:
                (house.inbox / name).unlink()
            yield end, [f"before {end}: {each}" for each in wrong], counts
            start = end
    finally:
        house.kill()
        for worker in workers.values():
            worker.kill()
        broker.kill()


def _elsewhere(house: House) -> int:
    """Masks that other machines have made."""
    return house.log.read_bytes().count(b'"host": "desk-')


def _calm(house: House) -> None:
    """Let another machine make a mask, so that there is something to break; not for long."""
    before, end = _elsewhere(house), time.monotonic() + _CALM_S
    while _elsewhere(house) == before and time.monotonic() < end:
        time.sleep(0.05)


def _drop(house: House, seed: int, number: int, inputs: dict[str, str]) -> None:
    name, data = f"{number}.jpg", valid(seed * 1_000_003 + number)
    temp = house.inbox / f".{name}.part"
    temp.write_bytes(data)
    os.rename(temp, house.inbox / name)
    inputs[name] = hashlib.sha256(data).hexdigest()


def _kill(
    victim: str, house: House, broker: Broker, workers: dict[str, Worker], chance: random.Random
) -> int:
    """Kill it, and start it again a moment later; 0 where there was none to kill."""
    pause_s = chance.uniform(0.0, 0.5)
    if victim == "broker":
        broker.kill()
        time.sleep(pause_s)
        if chance.random() < 0.3:
            broker.forget()
        broker.start()
    elif victim == "supervisor":
        house.kill()
        time.sleep(pause_s)
        house.start()
    elif victim == "link":
        assert house.process is not None
        found = children(house.process.pid, LINK)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return min(1, len(found))
    else:
        workers[victim].kill()
        time.sleep(pause_s)
        workers[victim].start()
    return 1

"""SIGKILL of workers, broker, link process and supervisor at random moments, while photos come.

Two workers and the daemon itself make masks.  What is killed is started again a moment later; a
broker that is killed has lost its memory now and then.  Every few kills all is left alone until
nothing waits, then log and disk are compared: each photo done once, each cut-out the one that
these bytes always give.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import Broker, Worker, lacking
from faults.house import Checks, House
from faults.machines import Machines, elsewhere
from faults.pictures import drop, valid

NAME, TITLE = "storm", "SIGKILL of workers, broker, link and supervisor while masks come from all"
FULL, SHORT = 2_000, 6
_PORTION = 20  # kills between two drains
_VICTIMS = ("desk-1", "desk-2", "desk-1", "desk-2", "broker", "link", "supervisor")
_PATIENCE_S = 180.0
_CALM_S = 8.0


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    cache = root.parent / "cache"
    broker = Broker(root.parent / "storm-broker", "desk-1", "desk-2").start()
    house = House(
        root, cache, cluster={"join": str(broker.home), "lease_s": 3},
        workers={"count": 4, "infer": 1, "threads": 1, "engine": "onnxruntime"},
    )  # fmt: skip
    workers = [Worker(broker, host, cache) for host in ("desk-1", "desk-2")]
    machines, checks = Machines(house, broker, *workers), Checks(house)
    try:
        machines.hire()
        house.start()
        while start < stop:
            end = min(start + _PORTION, stop)
            inputs: dict[str, str] = {}
            counts = Counter({"kills": end - start})
            before, moved = elsewhere(house)["masks"], house.events["photo.moved"]
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                for more in range(chance.randint(1, 4)):
                    photo = number * 4 + more
                    name, data = f"{photo}.jpg", valid(seed * 1_000_003 + photo)
                    drop(house.inbox, name, data)
                    inputs[name] = hashlib.sha256(data).hexdigest()
                _calm(house)
                time.sleep(chance.uniform(0.0, 0.6))
                victim = chance.choice(_VICTIMS)
                counts[f"{victim} killed"] += machines.kill(victim, chance)
            left = house.await_ends(inputs, _PATIENCE_S)
            counts["photos"] = len(inputs)
            counts["masks of other machines"] = elsewhere(house)["masks"] - before
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
        machines.close()


def _calm(house: House) -> None:
    """Let another machine make a mask, so that there is something to break; not for long."""
    before, end = elsewhere(house)["masks"], time.monotonic() + _CALM_S
    while elsewhere(house)["masks"] == before and time.monotonic() < end:
        time.sleep(0.05)

"""SIGKILL of workers, their lanes, broker, link process and supervisor while photos travel whole.

Two workers mount inbox and outbox under other paths and do photos there; models sleep.  Photos
come, are changed where they stand, and leave meanwhile.  Every few kills all is left alone until
nothing waits; then log, ledger and disk are compared: what lies in the inbox was done once, of
what lay there each version at most once, each cut-out is the one that home made of this picture
before, and no other file is left.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import lacking
from faults.changing import PATIENCE_S, Photos
from faults.house import Checks
from faults.machines import APART, calm, elsewhere, sharing
from faults.rows.kill_supervisor import booked

NAME, TITLE = "storm_work", "SIGKILL of workers, lanes, broker, link, supervisor at whole photos"
FULL, SHORT = 2_000, 3
_PORTION = 10  # kills between two drains
_VICTIMS = ("desk-1", "desk-2", "lane", "lane", "lane", "broker", "link", "supervisor")
_SLEEPS_S = (0.1, 0.3, 0.8)  # of models


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    machines = sharing(root, "desk-1", "desk-2")
    house = machines.house
    checks = Checks(house, APART)
    photos = Photos(house, seed)
    try:
        house.start()
        photos.learn()
        machines.hire()
        while start < stop:
            end = min(start + _PORTION, stop)
            counts = Counter({"kills": end - start})
            before, moved = Counter(elsewhere(house)), house.events["photo.moved"]
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                machines.sleep(chance.choice(_SLEEPS_S))
                photos.begin(number)
                calm(photos)
                photos.stir(chance, counts)
                counts["photos"] += photos.count
                time.sleep(chance.uniform(0.0, 1.2))
                victim = chance.choice(_VICTIMS)
                counts[f"{victim} killed"] += machines.kill(victim, chance)
            wrong = [f"lost: {each}" for each in house.await_versions(photos.now, PATIENCE_S)]
            wrong += machines.swept() + checks.violations(photos.now) + booked(house, photos.now)
            wrong += photos.violations(counts)
            counts["photos done on other machines"] = elsewhere(house)["photos"] - before["photos"]
            counts["masks of other machines"] = elsewhere(house)["masks"] - before["masks"]
            counts["photos that had to move"] = house.events["photo.moved"] - moved
            photos.clear()
            yield end, [f"before {end}: {each}" for each in wrong], counts
            start = end
    finally:
        machines.close()

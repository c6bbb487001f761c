"""SIGKILL of the supervisor at a random moment, sometimes again while it recovers; then drained."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House
from faults.pictures import valid

NAME, TITLE = "kill_supervisor", "SIGKILL of the supervisor at random moments, restart, drain"
FULL, SHORT = 2_000, 4
_PHOTOS = 2
_LATEST_S = 1.6  # settling, a job of half a second, publishing, and a while after
_PATIENCE_S = 90.0


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One kill or two each; yields (next number, violations, counts)."""
    with House(root, root.parent / "cache", workers={"count": 2}) as house:
        checks = Checks(house)
        for number in range(start, stop):
            chance = random.Random(seed * 1_000_003 + number)
            inputs = _drop(house, seed, number)
            time.sleep(chance.uniform(0.0, _LATEST_S))
            published = sum(1 for _ in house.outbox.glob(f"{number}-*_nobg.png"))
            house.kill()
            counts = {"kills": 1, f"{published} of {_PHOTOS} published at the kill": 1}
            if chance.random() < 0.3:  # a second fault during the recovery
                house.start()
                time.sleep(chance.uniform(0.0, 0.6))
                house.kill()
                counts["killed again while recovering"] = 1
            house.start()
            left = house.await_ends(inputs, _PATIENCE_S)
            wrong = [f"{number}: lost: {source}" for source in left]
            wrong += checks.violations(inputs)
            for name in inputs:
                said = house.done[house.path(name)]
                if said != 1:
                    wrong.append(f"{number}: {name} was said to be done {said} times")
                (house.inbox / name).unlink()
            yield number + 1, wrong, counts


def _drop(house: House, seed: int, number: int) -> dict[str, str]:
    """Photos of bytes that no other iteration has; a name and a SHA-256 each."""
    inputs = {}
    for count in range(_PHOTOS):
        data = valid(seed * 1_000_003 + number * _PHOTOS + count)
        name = f"{number}-{count}.jpg"
        (house.inbox / name).write_bytes(data)
        inputs[name] = hashlib.sha256(data).hexdigest()
    return inputs

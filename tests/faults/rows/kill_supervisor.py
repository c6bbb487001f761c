"""SIGKILL of the supervisor at random moments of its life, its start among them; then drained.

Photos are dropped, or changed under their old names, while it lives; what one kill leaves is
what the next start finds.  Every few kills it is left alone until nothing waits, and log,
ledger and disk are compared, one cut-out with that of a process that was never killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.fault_free import FaultFree
from faults.house import Checks, House
from faults.pictures import valid

NAME, TITLE = "kill_supervisor", "SIGKILL of the supervisor at random moments, restart, drain"
FULL, SHORT = 2_000, 4
_PORTION = 10  # kills between two drains
_WHILE_STARTING = 0.3  # of the kills do not wait until it is ready
_LATEST_S = 1.6  # settling, a job, publishing, and a while after
_PATIENCE_S = 120.0


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    house = House(root, root.parent / "cache", workers={"count": 2})
    truth = FaultFree(root.parent / "fault-free", root.parent / "cache")
    checks = Checks(house)
    try:
        while start < stop:
            end = min(start + _PORTION, stop)
            inputs: dict[str, str] = {}
            older: dict[str, set[str]] = {}
            counts = Counter({"kills": end - start})
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                ready = house.listen().events["service.ready"]
                if chance.random() < _WHILE_STARTING:
                    house.spawn()
                else:
                    house.start()
                _drop(house, seed, number, inputs, older, counts, chance)
                time.sleep(chance.uniform(0.0, _LATEST_S))
                house.kill()
                counts[_moment(house, inputs, ready)] += 1
            house.start()
            left = house.await_ends(inputs, _PATIENCE_S)
            left += house.await_versions(inputs, _PATIENCE_S)
            wrong = [f"lost: {source}" for source in left]
            wrong += checks.violations(inputs) + _said(house, inputs, older)
            house.stop()
            wrong += booked(house, inputs)
            name = max(inputs, key=inputs.__getitem__)
            wrong += truth.differs(house, name)
            counts["compared with a fault-free run"] = 1
            for each in inputs:
                (house.inbox / each).unlink()
            house.forget()
            yield end, [f"before {end}: {each}" for each in wrong], counts
            start = end
    finally:
        house.kill()


def _drop(
    house: House, seed: int, number: int, inputs: dict[str, str], older: dict[str, set[str]],
    counts: Counter[str], chance: random.Random,
) -> None:  # fmt: skip
    """One new photo, and now and then other bytes under a name that there is already."""
    names = [f"{number}.jpg"]
    if inputs and chance.random() < 0.4:
        names.append(chance.choice(sorted(inputs)))
        counts["changed while it worked"] += 1
    for count, name in enumerate(names):
        data = valid(seed * 1_000_003 + number * 2 + count)
        if name in inputs:
            older.setdefault(name, set()).add(inputs[name])
        temp = house.inbox / f".{name}.part"
        temp.write_bytes(data)
        os.rename(temp, house.inbox / name)
        inputs[name] = hashlib.sha256(data).hexdigest()
        counts["photos"] += 1


def _moment(house: House, inputs: dict[str, str], ready: int) -> str:
    """What the kill has cut short, as far as the log tells."""
    if house.listen().events["service.ready"] == ready:
        return "killed before it was ready"
    left = [name for name, sha in inputs.items() if not house.versions[house.path(name), sha]]
    return f"killed with {min(len(left), 3)}{' or more' if len(left) > 2 else ''} to do"


def _said(house: House, inputs: dict[str, str], older: dict[str, set[str]]) -> list[str]:
    """I5: the log says `photo.done` once of what lies there, at most once of what lay there."""
    wrong = []
    for name, digest in inputs.items():
        said = house.versions[house.path(name), digest]
        if said != 1:
            wrong.append(f"{name} was said to be done {said} times")
        wrong += [
            f"{name} as it was before was said to be done more than once"
            for old in older.get(name, ())
            if house.versions[house.path(name), old] > 1
        ]
    return wrong


def booked(house: House, inputs: dict[str, str]) -> list[str]:
    """What does not hold of I5: the ledger says what log and disk say, each photo in one state."""
    wrong = []
    path = house.state / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        for name, digest in inputs.items():
            rows = ledger.execute(
                "SELECT state, sha256, output, record FROM photo WHERE relpath = ?",
                (os.fsencode(name),),
            ).fetchall()
            output = os.path.relpath(house.outputs.get(house.path(name), ""), house.outbox)
            if rows != [("done", digest, os.fsencode(output), None)]:
                wrong.append(f"I5: the ledger has {rows} of {name}")
    return wrong

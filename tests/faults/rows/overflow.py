"""Many small files dropped at once, with a queue of inotify events that is far too short."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House
from faults.pictures import valid

NAME, TITLE = "overflow", "files dropped at once, inotify overflow forced"
FULL, SHORT = 50_000, 250
_QUEUE = "/proc/sys/fs/inotify/max_queued_events"
_SHORT_QUEUE = "16"
_FOLDERS = 50
_KINDS = 4  # different pictures; the others are twins, so scanning is what takes the time


def missing() -> str | None:
    """Why it cannot run here."""
    return None if os.access(_QUEUE, os.W_OK) else f"{_QUEUE} cannot be written"


@contextlib.contextmanager
def short_queue() -> Iterator[None]:
    """A queue of a few events for whoever opens one meanwhile."""
    with open(_QUEUE) as setting:
        before = setting.read()
    try:
        with open(_QUEUE, "w") as setting:
            setting.write(_SHORT_QUEUE)
        yield
    finally:
        with open(_QUEUE, "w") as setting:
            setting.write(before)


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """All in one drop, so an interrupted row begins again; yields once."""
    del start
    house = House(root, root.parent / "cache", watch={"settle_s": 0.3, "rescan_s": 3600})
    staged = root / "staged"
    for number in range(_FOLDERS):
        (staged / f"d{number}").mkdir(parents=True, exist_ok=True)
        (house.inbox / f"d{number}").mkdir(exist_ok=True)
    pictures = [valid(seed * 100 + number) for number in range(_KINDS)]
    digests = [hashlib.sha256(each).hexdigest() for each in pictures]
    inputs = {}
    for number in range(stop):
        name = f"d{number % _FOLDERS}/{number}.jpg"
        (staged / name).write_bytes(pictures[number % _KINDS])
        inputs[name] = digests[number % _KINDS]
    try:
        with short_queue():
            house.start()
        for name in inputs:
            os.rename(staged / name, house.inbox / name)
        left = house.await_ends(inputs, 120 + stop / 20)
        checks = Checks(house)
        wrong = checks.violations(inputs)
        wrong += [f"missed: {name}" for name in left[:20]]
        doubled = [name for name, count in house.done.items() if count > 1]
        wrong += [f"done twice: {name}" for name in doubled[:20]]
        if not house.events["inbox.overflow"]:
            wrong.append("the queue of events did not overflow")
        told = {"overflows told": house.events["inbox.overflow"]}
        counts = {"done": house.events["photo.done"], "missed": len(left), **told}
        yield stop, wrong, counts
    finally:
        house.kill()

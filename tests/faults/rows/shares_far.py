"""Whole photos over a share with coarse times and late names, at the worker's end or at home's.

A FUSE file system between one of them and the folders (`faults.far`) cuts times to 100 ns, 1 s or
2 s, and hides names that others made for 5 s.  Photos come, are changed and leave.  Each is done,
there or here, and some there; none is taken for changed for ever, and none is set aside.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import lacking
from faults.changing import PATIENCE_S, Photos
from faults.house import Checks
from faults.machines import APART, Machines, calm, elsewhere, sharing
from faults.rows import errno_matrix

NAME, TITLE = "shares_far", "whole photos over a share with coarse times and names that come late"
FULL, SHORT = 240, 1
_PORTION = 10  # batches of photos in one arrangement
_GRAINS = {"100 ns": 100, "1 s": 1_000_000_000, "2 s": 2_000_000_000}
_ARRANGED = [(end, grain) for grain in _GRAINS for end in ("worker", "home")]
_HIDE_S = 5.0


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking() or errno_matrix.missing()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of batches; yields (next number, violations, counts)."""
    while start < stop:
        portion = start // _PORTION
        end = min((portion + 1) * _PORTION, stop)
        far, grain = _ARRANGED[portion % len(_ARRANGED)]
        place = root / str(start)
        place.mkdir()
        with _arranged(place, root.parent / "cache", far, _GRAINS[grain]) as machines:
            wrong, counts = _portion(machines, place, seed, range(start, end))
        counts[f"batches: {far} sees times of {grain}"] = end - start
        yield end, [f"before {end} ({far}, {grain}): {each}" for each in wrong], counts
        start = end


def _portion(
    machines: Machines, place: Path, seed: int, numbers: range
) -> tuple[list[str], Counter[str]]:
    house, counts = machines.house, Counter[str]()
    checks = Checks(house, [*APART, "below"])
    photos = Photos(house, seed, place / "below" / "in", place / "below" / "out")
    house.start()
    photos.learn()
    machines.hire()
    calm(photos, PATIENCE_S)
    wrong = [f"lost: {each}" for each in house.await_versions(photos.now, PATIENCE_S)]
    photos.clear()
    for number in numbers:
        photos.begin(number)
        photos.stir(random.Random(seed * 1_000_003 + number), counts)
        wrong += [f"lost: {each}" for each in house.await_versions(photos.now, PATIENCE_S)]
        wrong += checks.violations(photos.now) + photos.violations(counts)
        counts["photos"] += photos.count
        photos.clear()
    counts["photos done on the other machine"] = elsewhere(house)["photos"]
    if not elsewhere(house)["photos"]:
        wrong.append(f"the other machine does nothing: {house.last.get('machine.unshown')}")
    counts["photos that had to move"] = house.events["photo.moved"]
    return wrong, counts


@contextlib.contextmanager
def _arranged(place: Path, cache: Path, far: str, grain_ns: int) -> Iterator[Machines]:
    """A home and a worker, one of them with the file system before the folders."""
    from faults.faulty import Mount  # it loads libfuse

    below, there = place / "below", place / "there"
    ends = {"worker": there, "home": place}
    with contextlib.ExitStack() as stack:
        for name in ("in", "out"):
            for end, folder in ends.items():
                if end == far:
                    words = str(grain_ns), str(_HIDE_S)
                    mount = Mount(below / name, folder / name, "faults.far", *words)
                    stack.callback(mount.close)
                else:
                    (below / name).mkdir(parents=True, exist_ok=True)
                    folder.mkdir(exist_ok=True)
                    (folder / name).symlink_to(below / name)
        machines = sharing(place, "desk-1", cache=cache, there=there, lanes=1, deadline_s=30)
        stack.callback(machines.close)
        yield machines

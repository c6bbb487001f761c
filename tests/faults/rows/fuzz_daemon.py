"""Mutated pictures, and valid ones among them, through a running daemon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House
from faults.pictures import mutated, valid

NAME, TITLE = "fuzz_daemon", "mutated pictures through the daemon"
FULL, SHORT = 5_000, 30
_PORTION = 250
_VALID_EVERY = 10
_PATIENCE_S = 600.0
_EXTENSIONS = (".jpg", ".png", ".webp", ".tif", ".JPEG")


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Drop portions, wait for an ending of each; yields (next number, violations, counts)."""
    settings = {"workers": {"deadline_s": 60, "max_megapixels": 20}}
    with House(root, root.parent / "cache", **settings) as house:
        checks = Checks(house)
        while start < stop:
            end = min(stop, start + _PORTION)
            before = house.events.copy() + house.codes
            wrong = _portion(house, checks, seed, start, end)
            counts = (house.events + house.codes) - before
            yield end, wrong, {name: n for name, n in counts.items() if name.startswith("photo")}
            start = end


def _portion(house: House, checks: Checks, seed: int, start: int, end: int) -> list[str]:
    inputs, good = {}, set()
    for number in range(start, end):
        data = mutated(seed, number)[1]
        if number % _VALID_EVERY == 0:
            data = valid(seed * 1_000_003 + number)
        name = f"{number}{_EXTENSIONS[number % len(_EXTENSIONS)]}"
        if number % _VALID_EVERY == 0:
            good.add(name)
        (house.inbox / name).write_bytes(data)
        inputs[name] = hashlib.sha256(data).hexdigest()
    house.await_ends(inputs, _PATIENCE_S)
    wrong = checks.violations(inputs)
    ends = {name: house.ends.get(house.path(name)) for name in inputs}
    wrong += [f"valid and not done: {name}" for name in sorted(good) if ends[name] != "photo.done"]
    wrong += [f"{what}: {count}" for what, count in _unforeseen(house).items()]
    for name in inputs:
        (house.inbox / name).unlink()
    return wrong


def _unforeseen(house: House) -> dict[str, int]:
    """Ends of lanes and bugs: none of them is the daemon's death, and none should be."""
    codes = ("crashed", "deadline", "internal")
    found = {what: house.codes.pop(what) for what in list(house.codes) if what.endswith(codes)}
    return {what: count for what, count in found.items() if count}

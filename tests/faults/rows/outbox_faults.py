"""An outbox that is full, read-only or unmounted, and comes back; under a running daemon."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House, Stuck, until
from faults.pictures import valid

NAME, TITLE = "outbox_faults", "outbox full, read-only, unmounted, and back"
FULL, SHORT = 150, 2
_PATIENCE_S = 150.0  # a paused outbox is looked at again after at most 72 s
_PHOTOS = 2


def missing() -> str | None:
    """Why it cannot run here."""
    return None if os.geteuid() == 0 else "mounting needs root"


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One fault each, in turn; yields (next number, violations, counts)."""
    out = root / "out"
    out.mkdir()
    _mount(out)
    try:
        with House(root, root.parent / "cache") as house:
            checks = Checks(house)
            for number in range(start, stop):
                name, fault = _FAULTS[number % len(_FAULTS)]
                house.forget()
                try:
                    wrong = fault(house, _photos(seed, number))
                    inputs = {
                        each: digest
                        for each, digest in _digests(house).items()
                        if each.startswith(f"{number}-")
                    }
                    wrong += checks.violations(inputs)
                except Stuck as stuck:
                    wrong = [f"{number} ({name}): {stuck}"]
                    with contextlib.suppress(Exception):
                        _restore(out)
                _clear(house)
                yield number + 1, wrong, {name: 1}
    finally:
        while os.path.ismount(out):
            subprocess.run(["umount", "-l", str(out)], check=False)


def _mount(out: Path) -> None:
    _sh("mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=200", "nobgd-test", str(out))


def _sh(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _photos(seed: int, number: int) -> dict[str, bytes]:
    return {
        f"{number}-{each}.jpg": valid(seed * 1_000_000 + number * 10 + each)
        for each in range(_PHOTOS)
    }


def _digests(house: House) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in house.inbox.iterdir()
    }


def _drop(house: House, photos: dict[str, bytes]) -> None:
    for name, data in photos.items():
        (house.inbox / name).write_bytes(data)


def _clear(house: House) -> None:
    """The next fault finds an empty inbox and an empty outbox."""
    for path in (*house.inbox.iterdir(), *house.outbox.iterdir()):
        path.unlink()


def _restore(out: Path) -> None:
    (out / "filler").unlink(missing_ok=True)
    if not os.path.ismount(out):
        _mount(out)
    _sh("mount", "-o", "remount,rw", str(out))


def _noticed(house: House, lost: int) -> None:
    until(lambda: house.listen().events["outbox.lost"] > lost, _PATIENCE_S, "the fault is noticed")


def _resumed(house: House, photos: dict[str, bytes]) -> list[str]:
    left = house.await_ends(photos, _PATIENCE_S)
    wrong = [f"not resumed: {name}" for name in left]
    for name in photos:
        end = house.ends.get(house.path(name))
        if end not in (None, "photo.done"):
            wrong.append(f"{name} ended in {end}")
    return wrong


def _full(house: House, photos: dict[str, bytes]) -> list[str]:
    lost = house.listen().events["outbox.lost"]
    filler = house.outbox / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    _drop(house, photos)
    _noticed(house, lost)
    filler.unlink()
    return _resumed(house, photos)


def _read_only(house: House, photos: dict[str, bytes]) -> list[str]:
    lost = house.listen().events["outbox.lost"]
    _sh("mount", "-o", "remount,ro", str(house.outbox))
    _drop(house, photos)
    _noticed(house, lost)
    _sh("mount", "-o", "remount,rw", str(house.outbox))
    return _resumed(house, photos)


def _unmounted(house: House, photos: dict[str, bytes]) -> list[str]:
    lost = house.listen().events["outbox.lost"]
    _sh("umount", "-l", str(house.outbox))
    before = house.outbox.stat().st_mtime_ns
    _drop(house, photos)
    _noticed(house, lost)
    house.await_ends(photos, 3.0)  # long enough for two probes of the bare mount point
    wrong = [f"on the bare mount point: {name}" for name in os.listdir(house.outbox)]
    if house.outbox.stat().st_mtime_ns != before:
        wrong.append("the bare mount point was written to")
    for name in os.listdir(house.outbox):
        (house.outbox / name).unlink()
    _mount(house.outbox)
    return wrong + _resumed(house, photos)


_FAULTS: tuple[tuple[str, Callable[[House, dict[str, bytes]], list[str]]], ...] = (
    ("full", _full),
    ("read-only", _read_only),
    ("unmounted", _unmounted),
)

"""Every error by every operation, of outbox, inbox and archive, under a running daemon.

A FUSE file system returns the error from the first such operation on, until the daemon has told of
it or has done the photo all the same (EINTR is given three times, as Python itself asks again);
then the photo must be done without help, and what is to be archived must be archived once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.house import Checks, House, Stuck, temps, until
from faults.pictures import subject, valid

NAME = "errno_matrix"
TITLE = "errno × operation, at the outbox (first write, overwrite), the inbox and the archive"
_ERRNOS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "ESTALE", "EACCES", "EINTR")
_OUTBOX = ("open", "write", "fsync", "close", "rename", "dir-fsync", "stat", "listdir")
_INBOX = ("open", "read", "close", "stat", "listdir")
_ARCHIVE = ("open", "write", "fsync", "close", "rename", "dir-fsync", "stat")
_CELLS = [
    (place, operation, name)
    for place, operations in (
        ("outbox, first write", _OUTBOX), ("outbox, overwrite", _OUTBOX), ("inbox", _INBOX),
    )
    for operation in operations
    for name in _ERRNOS
]  # fmt: skip
_ARCHIVED = [("archive", operation, name) for operation in _ARCHIVE for name in _ERRNOS]
FULL, SHORT = len(_CELLS) + len(_ARCHIVED), 3
_PORTION = 7
_MANY = 10_000
_THRICE = 3  # EINTR is retried by Python and by the kernel: let it end by itself
_PATIENCE_S = 80.0  # a paused outbox is looked at again after at most 72 s


def missing() -> str | None:
    """Why it cannot run here."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/fuse") or shutil.which("fusermount3") is None:
        return "there is no FUSE"
    try:
        import mfusepy  # noqa: F401 - it loads libfuse
    except (ImportError, OSError) as error:
        return f"mfusepy cannot be used: {error}"
    return None


@dataclass
class Site:
    """A daemon between two file systems that can be made to fail."""

    house: House
    mounts: dict[str, Any]
    checks: Checks
    inputs: dict[str, str] = field(default_factory=dict)

    def drop(self, name: str, data: bytes) -> None:
        """Into the folder below the inbox, as another machine would."""
        below: Path = self.mounts["inbox"].below
        (below / ".part").write_bytes(data)
        os.rename(below / ".part", below / name)
        self.inputs[name] = hashlib.sha256(data).hexdigest()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Cells in a shuffled order; yields (next number, violations, counts)."""
    from faults.faulty import Mount

    cells, archived = _CELLS.copy(), _ARCHIVED.copy()
    random.Random(seed).shuffle(cells)
    random.Random(seed).shuffle(archived)
    cells += archived
    with contextlib.ExitStack() as stack:
        site = _site(stack, root / "kept", root.parent / "cache", Mount, ("inbox", "outbox"))
        other = site
        if stop > len(_CELLS):
            other = _site(stack, root / "archived", root.parent / "cache", Mount, ("archive",))
        while start < stop:
            end = min(start + _PORTION, stop)
            wrong: list[str] = []
            counts: Counter[str] = Counter()
            for number in range(start, end):
                if number < len(_CELLS):
                    told, fired = _cell(site, cells[number], seed * 1_000 + number)
                else:
                    told, fired = _archive(other, cells[number], seed * 1_000 + number)
                if fired == 0:
                    told = [*told, "the fault was never given"]
                counts[f"{cells[number][0]}: {cells[number][1]}"] += 1
                counts["errors given"] += fired
                wrong += [f"{number} {cells[number]}: {each}" for each in told]
            yield end, wrong, counts
            start = end


def _site(
    stack: contextlib.ExitStack, root: Path, cache: Path, mount: Any, faulty: tuple[str, ...]
) -> Site:
    """A daemon of which these folders are on file systems that can be made to fail."""
    points = {"inbox": "in", "outbox": "out", "archive": "archive"}
    mounts = {}
    for name in faulty:
        mounts[name] = mount(root / f"{name}-below", root / points[name])
        stack.callback(mounts[name].close)
    rules = {"source": "archive", "archive": "archive"} if "archive" in faulty else {}
    house = House(root, cache, inbox=rules, workers={"count": 1})
    stack.callback(house.kill)
    checks = Checks(house, ["archive", *(f"{name}-below" for name in faulty)])
    return Site(house.start(), mounts, checks)


def _archive(site: Site, cell: tuple[str, str, str], number: int) -> tuple[list[str], int]:
    """One error of one operation on the way into the archive; what is wrong, how often given."""
    _, operation, name = cell
    house, mount, source = site.house, site.mounts["archive"], f"{number}.jpg"
    before = house.listen().events.copy()
    data = subject(number)
    below: Path = mount.below
    told = ("source.kept", "archive.lost")
    try:
        mount.fail(operation, getattr(errno, name), _THRICE if name == "EINTR" else _MANY)
        (house.inbox / ".part").write_bytes(data)
        os.rename(house.inbox / ".part", house.inbox / source)
        until(
            lambda: mount.fired() and (
                not (house.inbox / source).exists()
                or any(house.listen().events[each] > before[each] for each in told)
                or (name == "EINTR" and mount.fired() >= _THRICE)
            ),
            2 * _PATIENCE_S, "the daemon meets the fault",
        )  # fmt: skip
        fired = mount.lift()
        until(  # it leaves its name before it arrives, and may come back to it
            lambda: (below / source).exists() and not (house.inbox / source).exists(),
            2 * _PATIENCE_S, "the photo is archived",
        )  # fmt: skip
    except Stuck as stuck:
        return [str(stuck)], mount.lift()
    wrong = site.checks.violations({source: hashlib.sha256(data).hexdigest()})
    found = sorted(path.name for path in below.iterdir() if path.read_bytes() == data)
    if found != [source]:
        wrong.append(f"in the archive is {found}")
    for each in (*below.iterdir(), *house.outbox.iterdir()):
        each.unlink()
    return wrong, fired


def _cell(site: Site, cell: tuple[str, str, str], number: int) -> tuple[list[str], int]:
    """One error of one operation at one place; what is wrong, and how often it was given."""
    place, operation, name = cell
    house, source = site.house, f"{number}.jpg"
    before = house.listen().events.copy()
    site.inputs.clear()
    mount = site.mounts[place.partition(",")[0]]
    try:
        if place == "outbox, overwrite":
            site.drop(source, valid(number * 2))
            if house.await_versions(site.inputs, _PATIENCE_S):
                return ["not done without a fault"], 0
        if operation == "listdir" and mount is site.mounts["outbox"]:
            house.stop()  # an outbox is only listed at a start, for temps that were left
        mount.fail(operation, getattr(errno, name), _THRICE if name == "EINTR" else _MANY)
        if house.dead():
            house.spawn()
        site.drop(source, valid(number * 2 + 1))
        until(lambda: _met(site, mount, before, name), 60, "the daemon meets the fault")
    except Stuck as stuck:
        return [str(stuck)], mount.lift()
    fired = mount.lift()
    left = house.await_versions(site.inputs, _PATIENCE_S)
    wrong = [f"not done when the fault is over: {each}" for each in left]
    wrong += site.checks.violations(site.inputs)
    if house.ends.get(house.path(source)) != "photo.done":
        wrong.append(f"ended in {house.ends.get(house.path(source))}")
    outputs = [each for each in os.listdir(house.outbox) if each.startswith(f"{number}_")]
    others = {*os.listdir(house.outbox)} - {*outputs, *temps(house.outbox)}
    if outputs != [f"{number}_nobg.png"] or others:
        wrong.append(f"in the outbox is {os.listdir(house.outbox)}")
    for said in house.versions.items():
        if said[1] > 1:
            wrong.append(f"said to be done {said[1]} times: {said[0]}")
    for event in ("photo.quarantined", "photo.skipped"):
        if house.events[event] > before[event]:
            wrong.append(f"{event}: {house.last[event].get('reason')}")
    for folder in (house.inbox, house.outbox):
        for each in folder.iterdir():
            each.unlink()
    return wrong, fired


def _met(site: Site, mount: Any, before: Counter[str], name: str) -> bool:
    """Whether the fault was given, and then told of or survived."""
    fired = mount.fired()
    if name == "EINTR" and fired >= _THRICE:
        return True
    events, said = site.house.listen().events, site.house.versions
    done = all(said[site.house.path(each), digest] for each, digest in site.inputs.items())
    told = ("photo.failed", "outbox.lost", "inbox.lost", "photo.skipped", "photo.quarantined")
    return bool(fired and (done or any(events[each] > before[each] for each in told)))

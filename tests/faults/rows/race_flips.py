"""Photos and folders swapped for links, pipes and folders while they are looked at and read.

Half of the flips hit a process that does nothing but read photos as a lane reads them, the
other half a whole daemon.  What must not be read lies outside: two pictures, and the kernel is
asked to tell when somebody opens one of them or their folder.
"""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from faults.house import Checks, House
from faults.pictures import valid
from nobgd.picture import provenance, source
from nobgd.values import NobgdError

NAME, TITLE = "race_flips", "rename and symlink flips while processing"
FULL, SHORT = 100_000, 2_000
_PORTION = 10_000
_PHOTOS = 12
_EXCHANGE, _AT_FDCWD = 2, -100
_IN_ACCESS, _IN_OPEN = 0x1, 0x20
_SECRETS = (900_001, 900_002)
_libc = ctypes.CDLL(None, use_errno=True)


class Ward:
    """Tells whether anybody opened or read what must stay closed (inotify, IN_OPEN)."""

    def __init__(self, *paths: Path) -> None:
        self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in paths:
            if _libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_ACCESS | _IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), "no watch on what is guarded")

    def broken(self) -> bool:
        """Whether something was heard since the last time."""
        try:
            return bool(os.read(self._fd, 65_536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Stop listening."""
        os.close(self._fd)


def exchange(one: str, other: str) -> None:
    """Swap two names in one step: renameat2(2), RENAME_EXCHANGE."""
    names = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE):
        raise OSError(ctypes.get_errno(), "cannot exchange", one)


class Scene:
    """Photos in two folders of an inbox, what they are swapped for, and the secrets outside."""

    def __init__(self, root: Path, inbox: Path) -> None:
        self.inbox, self.stage, self.secret = inbox, root / "stage", root / "secret"
        self.stage.mkdir(exist_ok=True)
        self.secret.mkdir(exist_ok=True)
        self.names = [f"p{n % 2}/{n}.jpg" for n in range(_PHOTOS)]
        for number in _SECRETS:
            (self.secret / f"{number}.jpg").write_bytes(valid(number))
        for name in self.names:  # what a swapped parent folder would lead to
            (self.secret / Path(name).name).write_bytes(valid(_SECRETS[0]))
        self.digests = set()
        for number, name in enumerate(self.names):
            photo, stand_in = self.inbox / name, self.stage / f"{number}"
            photo.parent.mkdir(exist_ok=True)
            photo.write_bytes(valid(number))
            self.digests.add(hashlib.sha256(photo.read_bytes()).hexdigest())
            self._stand_in(stand_in, number)
        self.pairs = [
            (str(self.inbox / name), str(self.stage / f"{number}"))
            for number, name in enumerate(self.names)
        ]
        for folder in ("p0", "p1"):
            (self.stage / folder).symlink_to(self.secret)
            self.pairs.append((str(self.inbox / folder), str(self.stage / folder)))
        self.turned: set[int] = set()

    def _stand_in(self, path: Path, number: int) -> None:
        match number % 4:
            case 0:
                path.symlink_to(self.secret / f"{_SECRETS[0]}.jpg")
            case 1:
                path.symlink_to(f"../../secret/{_SECRETS[1]}.jpg")
            case 2:
                os.mkfifo(path)
            case _:
                path.mkdir()
                (path / "in.jpg").symlink_to(self.secret / f"{_SECRETS[1]}.jpg")

    def flip(self, which: int) -> None:
        """Swap one pair; for a photo in a folder that is swapped, the folder's."""
        folder = _PHOTOS + which % 2
        if which < _PHOTOS and folder in self.turned:
            which = folder  # the photo's name leads outside now: not for us to move either
        exchange(*self.pairs[which])
        self.turned ^= {which}

    def restore(self) -> None:
        """Everything where it belongs; folders first, for photos lie in them."""
        for which in sorted(self.turned, reverse=True):
            self.flip(which)

    def guards(self) -> Ward:
        """A ward over all that is secret."""
        return Ward(self.secret, *self.secret.iterdir())


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Flip in portions, by turns against a reader and a daemon."""
    bare = root / "bare"
    (bare / "in").mkdir(parents=True)
    reader = Scene(bare, bare / "in")
    with House(
        root, root.parent / "cache", watch={"settle_s": 0.02, "rescan_s": 1, "poll_s": 0.1}
    ) as house:
        home = Scene(root, house.inbox)
        checks = Checks(house, apart=("stage", "bare"))
        turns = start // _PORTION
        while start < stop:
            end = min(stop, start + min(_PORTION, (stop + 1) // 2))
            rng = random.Random(f"{seed}/{start}")
            if turns % 2 == 0:
                wrong, counts = _against_reader(reader, rng, end - start)
            else:
                wrong, counts = _against_daemon(house, home, checks, rng, end - start)
            yield end, wrong, counts
            start, turns = end, turns + 1


def _read(inbox: str, names: list[str], good: set[str], stop: Event, out: Any) -> None:
    """Read photo after photo; say how often it worked, and what was read that must not be."""
    read, refused, foreign = 0, 0, []
    while not stop.is_set():
        for name in names:
            try:
                photo = source.read(inbox, name)
            except NobgdError:
                refused += 1
            else:
                read += 1
                if photo.sha256 not in good:
                    foreign.append(name)
    out.put((read, refused, foreign[:10]))


def _against_reader(scene: Scene, rng: random.Random, flips: int) -> tuple[list[str], Any]:
    context = multiprocessing.get_context("fork")
    stop, out = context.Event(), context.SimpleQueue()
    ward = scene.guards()
    names = [*scene.names, *(f"{name}/in.jpg" for name in scene.names)]
    given = (str(scene.inbox), names, scene.digests, stop, out)
    process = context.Process(target=_read, args=given)
    process.start()
    for _ in range(flips):
        scene.flip(rng.randrange(len(scene.pairs)))
        if rng.random() < 0.2:
            time.sleep(0.0002)
    stop.set()
    read, refused, foreign = out.get()
    process.join(30)
    scene.restore()
    wrong = [f"read from outside: {name}" for name in foreign]
    if ward.broken():
        wrong.append("a secret was opened by the reader")
    ward.close()
    return wrong, {"flips at a reader": flips, "photos read": read, "reads refused": refused}


def _against_daemon(
    house: House, scene: Scene, checks: Checks, rng: random.Random, flips: int
) -> tuple[list[str], Any]:
    before = _outcomes(house)
    ward = scene.guards()
    for turn in range(flips):
        which = rng.randrange(len(scene.pairs))
        scene.flip(which)
        if which not in scene.turned and which < _PHOTOS and rng.random() < 0.3:
            _renew(scene.pairs[which][0])
        if turn % 40 == 0:  # time to settle, so that the next flips meet the reading
            scene.restore()
            for photo, _ in scene.pairs[:_PHOTOS]:
                if rng.random() < 0.5:
                    _renew(photo)
            time.sleep(rng.uniform(0.03, 0.12))
    scene.restore()
    for photo, _ in scene.pairs[:_PHOTOS]:
        _renew(photo)
    time.sleep(0.1)
    house.forget()
    for photo, _ in scene.pairs[:_PHOTOS]:
        _renew(photo)
    wrong = _settled(house, scene)
    if ward.broken():
        wrong.append("a secret was opened by the daemon")
    ward.close()
    ended = [name for name in scene.names if house.path(name) in house.listen().ends]
    wrong += checks.violations(dict.fromkeys(ended, ""), drained=False)
    for path in house.outbox.rglob("*.png"):
        said = provenance.find(path.read_bytes()[: provenance.HEAD_BYTES])
        if said is None or said.sha256 not in scene.digests:
            wrong.append(f"an output of something foreign: {path.name}")
    return wrong, {"flips at a daemon": flips, "outcomes meanwhile": _outcomes(house) - before}


def _outcomes(house: House) -> int:
    """How often a lane has had a photo, and said so in the log."""
    events = house.listen().events
    return sum(events[f"photo.{end}"] for end in ("done", "failed", "quarantined", "skipped"))


def _renew(photo: str) -> None:
    """Another mtime: the daemon looks at the photo again."""
    try:
        os.utime(photo, follow_symlinks=False)
    except OSError:
        return


def _settled(house: House, scene: Scene) -> list[str]:
    """Every photo has its output in the end (most were *found*: the bytes are the same)."""
    end = time.monotonic() + 120
    wanted = {os.path.splitext(name)[0] + "_nobg.png" for name in scene.names}
    while time.monotonic() < end:
        there = {str(path.relative_to(house.outbox)) for path in house.outbox.rglob("*_nobg.png")}
        if wanted <= there:
            return []
        time.sleep(0.1)
    return [f"I1: no output {name}" for name in sorted(wanted - there)]

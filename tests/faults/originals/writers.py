"""What writers do to one name: generators that say how long they pause, or for what they wait.

Each follows from its random numbers alone; what it meets on the disk may be otherwise each time.
Stalls of files that could pass for whole stay below nobgd's shortest quiet time before a source
goes; files that show holes or have no end may stall for longer.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from faults.originals import pictures
from faults.originals.versions import Hand

QUIET_S = 7.0  # the longest stall of what looks finished: nobgd waits for at least 10 s


@dataclass(frozen=True, slots=True)
class Until:
    """Wait for this, at most so long; the writer is sent whether it came."""

    what: Callable[[], bool]
    limit_s: float


@dataclass(frozen=True, slots=True)
class Sign:
    """Wait until somebody else opens or moves the name; the writer is sent whether it came."""

    limit_s: float


Steps = Generator[float | Until | Sign, bool, None]


@dataclass(slots=True)
class Desk:
    """What a writer writes with, and what it can see."""

    hand: Hand
    chance: random.Random
    seed: int
    cut: Callable[[str], bool]  # whether there is a cut-out of these bytes (SHA-256)
    copied: Callable[[], bool]  # whether quarantine has a copy of this name
    remote: bool = False  # another machine's disk: no saves in place while nobgd looks
    count: int = 0

    @property
    def kind(self) -> str:
        """The file format of this name."""
        return {v: k for k, v in pictures.ENDINGS.items()}[self.hand.relpath.rpartition(".")[2]]

    def words(self) -> str:
        """Text that no other file has, of the same length in each."""
        self.count += 1
        return f"{self.seed:08d}/{self.hand.number:08d}/{self.count:04d}"

    def photo(self, like: int | None = None) -> bytes:
        """Another photo; ``like``: with the pixels of this number's."""
        number = self.chance.randrange(1000) if like is None else like
        return pictures.photo(number, self.kind, self.words())

    def gone(self) -> bool:
        """Whether the name is free."""
        return not os.path.lexists(self.hand.path)


# --- arriving --------------------------------------------------------------------------------


def whole(desk: Desk) -> Steps:
    """Under another name first, then renamed."""
    yield desk.chance.uniform(0, 2)
    desk.hand.drop(desk.photo())


def pieces(desk: Desk) -> Steps:
    """From front to back, with stalls."""
    yield desk.chance.uniform(0, 2)
    data = desk.photo()
    file = desk.hand.begin(os.O_CREAT)
    at = 0
    for end in sorted([*(desk.chance.randrange(len(data)) for _ in range(3)), len(data)]):
        os.pwrite(file, data[at:end], at)
        at = end
        yield desk.chance.choice((0.05, 0.4, 1.5, desk.chance.uniform(3, QUIET_S)))
    desk.hand.finish(file)


def size_first(desk: Desk) -> Steps:
    """The size, then the content in any order, the last piece after a long stall."""
    yield desk.chance.uniform(0, 2)
    data = desk.photo()
    file = desk.hand.begin(os.O_CREAT)
    if desk.chance.random() < 0.5:
        os.ftruncate(file, len(data))
    else:
        os.posix_fallocate(file, 0, len(data))
    cuts = sorted({0, len(data), *(desk.chance.randrange(1, len(data)) for _ in range(3))})
    parts = list(itertools.pairwise(cuts))
    desk.chance.shuffle(parts)
    for start, end in parts[:-1]:
        os.pwrite(file, data[start:end], start)
        yield desk.chance.choice((0.02, 0.3))
    yield desk.chance.choice((0.5, 3.0, desk.chance.uniform(3, QUIET_S), 12.0))
    start, end = parts[-1]
    os.pwrite(file, data[start:end], start)
    desk.hand.finish(file)


def late_tail(desk: Desk) -> Steps:
    """A photo that looks finished, and then more is appended: by the same program or a second."""
    yield desk.chance.uniform(0, 2)
    size = desk.chance.choice((700, 9_000, 30_000))  # a camera's own few words, or a film
    data, tail = desk.photo(), b"MotionPhoto" + desk.chance.randbytes(size)
    stall = desk.chance.choice((0.3, 1.0, desk.chance.uniform(1, QUIET_S)))
    if desk.chance.random() < 0.5:
        file = desk.hand.begin(os.O_CREAT)
        os.pwrite(file, data, 0)
    else:
        desk.hand.drop(data)
        yield stall
        try:
            file = desk.hand.begin(os.O_APPEND)
        except FileNotFoundError:
            return  # it had gone: the tail has no photo
        if desk.remote:
            stall = 0.01  # nobody can see from here that it is open
    yield stall
    os.lseek(file, 0, os.SEEK_END)
    written = os.write(file, tail)  # less where the disk is full
    desk.hand.finish(file, sacred="bytes behind its end" if written > 4096 else "")


def several(desk: Desk) -> Steps:
    """Pages or frames."""
    yield desk.chance.uniform(0, 2)
    kind = desk.kind if desk.kind != "JPEG" else "PNG"
    data = pictures.pages(
        desk.chance.randrange(1000), kind, desk.words(), desk.chance.choice((2, 3))
    )
    desk.hand.drop(data, sacred="pages or frames")


def no_subject(desk: Desk) -> Steps:
    """Nothing to cut out."""
    yield desk.chance.uniform(0, 2)
    data = pictures.photo(desk.chance.randrange(1000), desk.kind, desk.words(), subject=False)
    desk.hand.drop(data, sacred="no subject")


def hopeless(desk: Desk) -> Steps:
    """No photo; cleared out of the inbox once quarantine has it, or mended."""
    yield desk.chance.uniform(0, 2)
    version = desk.hand.drop(pictures.broken(desk.words(), desk.chance), broken=True)
    if not (yield Until(desk.copied, 40.0)):
        return
    yield desk.chance.uniform(0, 2)
    if desk.chance.random() < 0.7:
        version.promised = desk.hand.remove()
    else:
        desk.hand.drop(desk.photo())


# --- saving again ----------------------------------------------------------------------------


def saved_over(desk: Desk) -> Steps:
    """New bytes by a rename, once or twice, at any time."""
    yield desk.chance.uniform(0, 2)
    desk.hand.drop(desk.photo())
    for _ in range(desk.chance.choice((1, 2))):
        yield desk.chance.choice((0.1, 0.4, 1.0, 3.0)) * desk.chance.uniform(0.5, 4)
        desk.hand.drop(desk.photo())


def saved_in_place(desk: Desk) -> Steps:
    """New bytes into the same file, cut to nothing first or written over."""
    yield desk.chance.uniform(0, 2)
    desk.hand.drop(desk.photo())
    for _ in range(desk.chance.choice((1, 2))):
        wait = desk.chance.choice((0.1, 0.4, 1.0, 3.0)) * desk.chance.uniform(0.5, 4)
        yield min(wait, 3.0) if desk.remote else wait
        yield from _into(desk, desk.photo())


def _into(desk: Desk, data: bytes, *, at_once: bool = False) -> Steps:
    """Write a file in place, as a program does that knows only the name."""
    file = desk.hand.begin(os.O_CREAT)
    if desk.chance.random() < 0.5:
        os.ftruncate(file, 0)
    half = len(data) // 2
    os.pwrite(file, data[:half], 0)
    if not at_once:
        yield desk.chance.choice((0.001, 0.01, 0.5))
    os.pwrite(file, data[half:], half)
    os.ftruncate(file, len(data))
    desk.hand.finish(file)


def kept_times(desk: Desk) -> Steps:
    """Other bytes with the size and the time of the old, by a rename or in place."""
    yield desk.chance.uniform(0, 2)
    first = desk.chance.randrange(1000)
    desk.hand.drop(desk.photo(first))
    yield desk.chance.choice((0.5, 1.5, 4.0, 9.0, 10.5)) * desk.chance.uniform(0.8, 1.2)
    _kept(desk, first)


def _kept(desk: Desk, first: int) -> None:
    data = desk.photo(first)
    try:
        before = os.stat(desk.hand.path)
    except FileNotFoundError:
        return
    if desk.remote or desk.chance.random() < 0.6:
        desk.hand.drop(data, like=before)
        return
    try:
        file = desk.hand.begin()
    except FileNotFoundError:
        return
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    desk.hand.close(file)


# --- the same name again ---------------------------------------------------------------------


def counter_anew(desk: Desk) -> Steps:
    """Another photo of the same name, each time that the last has gone."""
    yield desk.chance.uniform(0, 2)
    desk.hand.drop(desk.photo())
    for _ in range(desk.chance.choice((1, 1, 2))):
        if not (yield Until(desk.gone, 40.0)):
            return
        yield desk.chance.choice((0.0, 0.02, 0.3, 2.0))
        desk.hand.drop(desk.photo())


def around(desk: Desk) -> Steps:
    """A save, a move or a deletion in the milliseconds in which nobgd looks at the file."""
    yield desk.chance.uniform(0, 2)
    first = desk.chance.randrange(1000)
    version = desk.hand.drop(desk.photo(first))
    ways = ("over", "over", "in place", "kept times", "remove", "move", "new", "new")
    for _ in range(desk.chance.choice((1, 2, 3))):
        if not (yield Until(_cut_or_gone(desk, version.sha256), 40.0)):
            return
        if not (yield Sign(20.0)):
            return
        pause = desk.chance.choice((0.0, 0.001, 0.004, 0.02))
        yield desk.chance.uniform(0, pause)
        match desk.chance.choice(ways):
            case "in place" if not desk.remote:
                yield from _into(desk, desk.photo(), at_once=desk.chance.random() < 0.7)
                version = desk.hand.versions[-1]
            case "over" | "new" | "in place":
                version = desk.hand.drop(desk.photo())
            case "kept times":
                _kept(desk, first)
                version = desk.hand.versions[-1]
            case "remove":
                desk.hand.remove()
                return
            case _:
                folder, name = os.path.split(desk.hand.relpath)
                desk.hand.move(os.path.join(folder, f"moved-{name}"))
                return


def _cut_or_gone(desk: Desk, sha256: str) -> Callable[[], bool]:
    return lambda: desk.cut(sha256) or desk.gone()


def hammered(desk: Desk) -> Steps:
    """Renamed over within milliseconds, again and again for a while, then left alone."""
    yield desk.chance.uniform(0, 2)
    version = desk.hand.drop(desk.photo())
    yield Until(lambda: desk.cut(version.sha256), 30.0)
    yield desk.chance.uniform(0, 12)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        desk.hand.drop(desk.photo())
        yield desk.chance.uniform(0.002, 0.2)


KINDS: dict[str, tuple[Callable[[Desk], Steps], int]] = {  # with their weights
    "whole": (whole, 8), "in pieces": (pieces, 10), "size first": (size_first, 12),
    "late tail": (late_tail, 8), "pages": (several, 6), "no subject": (no_subject, 6),
    "hopeless": (hopeless, 5), "saved over": (saved_over, 8), "saved in place": (saved_in_place, 8),
    "kept times": (kept_times, 8), "counter anew": (counter_anew, 12), "around": (around, 12),
    "hammered": (hammered, 1),
}  # fmt: skip

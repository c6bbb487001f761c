"""Many writers at once, and others beside them: one thread, a clock, and the kernel's signs."""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import itertools
import os
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from faults.originals.versions import Hand, refused
from faults.originals.writers import Sign, Steps, Until

_OPEN, _MOVED_FROM, _DELETE, _CREATE, _MOVED_TO = 0x20, 0x40, 0x200, 0x100, 0x80
_BY_OTHERS = _OPEN | _MOVED_FROM | _DELETE
_NONBLOCK, _CLOEXEC = 0o4000, 0o2000000
_libc = ctypes.CDLL(None, use_errno=True)


class Ears:
    """inotify: which names of which folders were opened, moved away or deleted."""

    def __init__(self) -> None:
        self.descriptor = _libc.inotify_init1(_NONBLOCK | _CLOEXEC)
        self._folders: dict[int, str] = {}

    def watch(self, folder: str) -> None:
        """Listen to one folder, which is there."""
        mask = _OPEN | _MOVED_FROM | _DELETE | _CREATE | _MOVED_TO
        self._folders[_libc.inotify_add_watch(self.descriptor, os.fsencode(folder), mask)] = folder

    def heard(self) -> list[tuple[str, int]]:
        """(path, mask) of what came since the last call."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.descriptor, 1 << 16):
                at = 0
                while at < len(data):
                    watch, mask, _, length = struct.unpack_from("iIII", data, at)
                    name = data[at + 16 : at + 16 + length].rstrip(b"\0")
                    at += 16 + length
                    folder = self._folders.get(watch)
                    if folder is not None and name:
                        found.append((os.path.join(folder, os.fsdecode(name)), mask))
        return found

    def close(self) -> None:
        """Stop listening."""
        os.close(self.descriptor)


@dataclass(slots=True, eq=False)
class Actor:
    """One generator and what it waits for."""

    steps: Steps
    hand: Hand | None
    wait: Until | Sign | None = None
    limit: float = 0.0


@dataclass(slots=True)
class Stage:
    """Runs actors to their ends."""

    ears: Ears = field(default_factory=Ears)
    on_sign: Callable[[str, int], None] = lambda *_: None
    wrong: list[str] = field(default_factory=list)
    met: int = 0  # faults of the disk that a writer met
    _due: list[tuple[float, int, Actor, bool]] = field(default_factory=list)
    _waiting: list[Actor] = field(default_factory=list)
    _signs: dict[str, Actor] = field(default_factory=dict)
    _count: itertools.count[int] = field(default_factory=itertools.count)

    def add(self, steps: Steps, hand: Hand | None = None) -> None:
        """An actor, from now on."""
        self._later(Actor(steps, hand), 0.0, sent=False)

    def _later(self, actor: Actor, wait_s: float, *, sent: bool) -> None:
        heapq.heappush(self._due, (time.monotonic() + wait_s, next(self._count), actor, sent))

    def run(self, until: float) -> bool:
        """Until everybody has finished, or this time; whether anybody still acts."""
        while (self._due or self._waiting or self._signs) and time.monotonic() < until:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, actor, sent = heapq.heappop(self._due)
                self._step(actor, sent)
            waiting, self._waiting = self._waiting, []
            for actor in waiting:
                assert isinstance(actor.wait, Until)
                if (came := actor.wait.what()) or now > actor.limit:
                    self._step(actor, came)
                else:
                    self._waiting.append(actor)
            for path, actor in list(self._signs.items()):
                if now > actor.limit and self._signs.pop(path, None) is actor:
                    self._step(actor, False)
            patience = 0.05
            if self._due:
                patience = min(patience, max(0.0, self._due[0][0] - time.monotonic()))
            if select.select([self.ears.descriptor], [], [], patience)[0]:
                self._listen()
        return bool(self._due or self._waiting or self._signs)

    def _listen(self) -> None:
        for path, mask in self.ears.heard():
            self.on_sign(path, mask)
            actor = self._signs.pop(path, None) if mask & _BY_OTHERS else None
            if actor is not None:
                self._step(actor, True)

    def _step(self, actor: Actor, sent: bool) -> None:
        try:
            wish = actor.steps.send(sent) if actor.wait is not None else next(actor.steps)
        except StopIteration:
            return
        except OSError as error:
            if not refused(error):
                self.wrong.append(f"a writer met {error!r}")
            self.met += 1
            return
        actor.wait = wish if isinstance(wish, (Until, Sign)) else None
        if isinstance(wish, Sign):
            assert actor.hand is not None
            self._listen()  # what the writer did itself is no sign
            self._signs[actor.hand.path] = actor
            actor.limit = time.monotonic() + wish.limit_s
        elif isinstance(wish, Until):
            self._waiting.append(actor)
            actor.limit = time.monotonic() + wish.limit_s
        else:
            self._later(actor, wish, sent=True)

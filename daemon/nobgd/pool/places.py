"""Which folders answer.  Asked on threads of the supervisor, never by a lane, never in the loop.

A lane that waits for a folder longer than its patience has the folder asked by a thread that
may be given up.  While that thread has no answer the folder is silent: its requests wait, and
the lanes that it holds can be taken back.  The thread comes back the moment the share does, so
a share that hangs for a week is asked once and its photos go on within a second of its return.

A folder that answers such a question and yet lets requests run out of time is on trial: one
lane at a time, and after the second time in a row with a pause that doubles.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PATIENCE_S = 2.0  # a lane waits for a folder that long before somebody asks it
_ANSWER_S = 1.0  # the answer takes longer: silent
_LONGEST_REST_S = 600.0
_INCIDENT_S = 5.0  # failures this close together have one cause


@dataclass(slots=True)
class _Place:
    asked_at: float | None = None  # a question is out since then
    told: bool = False  # that it is silent
    trial: bool = False
    failures: int = 0  # in a row
    failed_at: float = float("-inf")
    rests_until: float = 0.0


class Places:
    """The folders that were ever slow.  Thread-safe; times are monotonic seconds."""

    def __init__(
        self, deadline_s: float, told: Callable[[str, bool], None] = lambda *_: None,
        look: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``told`` is called on any thread: a folder, and whether it answers again."""
        self._deadline_s = deadline_s
        self._told = told
        self._look = look or ask
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def patience_s(self, folders: Iterable[str]) -> float:
        """How long a lane waits for these before they are asked; doubles with each failure."""
        with self._lock:
            known = [self._places[each] for each in folders if each in self._places]
        failures = max((place.failures for place in known), default=0)
        first = min(_PATIENCE_S, self._deadline_s / 4)
        return min(first * 2.0 ** min(failures, 20), self._deadline_s)

    def inquire(self, folders: Iterable[str]) -> None:
        """Ask each of them, unless a question is out; returns at once."""
        for folder in folders:
            with self._lock:
                place = self._places.setdefault(folder, _Place())
                if place.asked_at is not None:
                    continue
                place.asked_at = self._clock()
            thread = threading.Thread(
                target=self._inquire, args=(folder,), name=f"ask {folder}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no more threads: asked another time
                with self._lock:
                    place.asked_at = None

    def hung(self, folders: Iterable[str]) -> str | None:
        """The first of these that was asked and does not answer."""
        now, found, news = self._clock(), None, False
        with self._lock:
            for folder in folders:
                place = self._places.get(folder)
                if place and place.asked_at is not None and now - place.asked_at > _ANSWER_S:
                    found, news = folder, not place.told
                    place.told = place.trial = True
                    break
        if found is not None and news:
            self._told(found, False)
        return found

    def silent(self, folders: Iterable[str]) -> str | None:
        """The first of these that does not answer, or rests; None: all may be worked on."""
        asked = tuple(folders)
        if (found := self.hung(asked)) is not None:
            return found
        now = self._clock()
        with self._lock:
            resting = (f for f in asked if f in self._places and now < self._places[f].rests_until)
            return next(resting, None)

    def on_trial(self, folders: Iterable[str]) -> set[str]:
        """Those of them that only one lane may work on at a time."""
        with self._lock:
            return {f for f in folders if f in self._places and self._places[f].trial}

    def failed(self, folders: Iterable[str]) -> None:
        """A request ran out of time there, or could not be let in; many at once count as one."""
        asked, now = list(folders), self._clock()
        with self._lock:
            for folder in asked:
                place = self._places.setdefault(folder, _Place())
                place.trial = True
                if now < place.failed_at + _INCIDENT_S:
                    continue
                place.failed_at = now
                place.failures += 1
                if place.failures > 1 and not place.told:  # one that hangs is asked already
                    rest = self._deadline_s * 2.0 ** min(place.failures - 2, 20)
                    place.rests_until = self._clock() + min(rest, _LONGEST_REST_S)
        self.inquire(asked)

    def worked(self, folders: Iterable[str]) -> None:
        """A request there was answered in time."""
        if not self._places:
            return
        with self._lock:
            for folder in folders:
                place = self._places.get(folder)
                if place is not None and place.asked_at is None:
                    del self._places[folder]

    def _inquire(self, folder: str) -> None:
        self._look(folder)
        with self._lock:
            place = self._places[folder]
            place.asked_at = None
            was_silent, place.told = place.told, False
        if was_silent:
            self._told(folder, True)


def ask(folder: str) -> None:
    """Have the folder's file system answer what the kernel does not keep.  May block for ever."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                os.fstat(fd)
            with contextlib.suppress(OSError):
                os.fstatvfs(fd)
            with os.scandir(fd) as names:
                next(names, None)
        finally:
            os.close(fd)

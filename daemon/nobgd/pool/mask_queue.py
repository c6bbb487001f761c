"""Masks that are asked for: which wait, which are at work in the model process, which is next."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from nobgd.pool.asking import Request, digest, to_blame
from nobgd.pool.elsewhere import Elsewhere
from nobgd.pool.mishaps import Ended, GoneAway, OutOfMemory
from nobgd.pool.model_process import Answer
from nobgd.pool.seats import Seats
from nobgd.pool.suspects import Suspects
from nobgd.values import Code, NobgdError

_SLICE_S = 0.25


class Process(Protocol):
    """What `ModelProcess` is to this."""

    def ask(self, number: int, which: int, threads: int, memory: int, *, whole: bool) -> None:
        """See there."""


class MaskQueue:
    """All of it under `changed`, whose lock may be taken again by whoever has it."""

    def __init__(
        self, process: Process, *, at_a_time: int, cores: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._process, self._cores, self._clock = process, cores, clock
        self._seats = Seats(at_a_time)
        self._suspects = Suspects()
        self.changed = threading.Condition()
        self.waiting: deque[Request] = deque()
        self._working: dict[int, Request] = {}
        self._number = 0
        self.used = self._clock()  # when it last had something to do
        self.wanted = True  # from the start: the first photo should not wait for the process
        self.ready = self.closing = False  # the process; all of it
        self.elsewhere: Elsewhere | None = None

    @property
    def busy(self) -> bool:
        """Whether something is at work."""
        return bool(self._working)

    # --- whoever asks ----------------------------------------------------------------------

    def add(
        self, which: int, memory: int, *, whole: bool, about: dict[str, str], beside: int
    ) -> Request:
        """One more waits, and ``beside`` it so many lanes compute."""
        with self.changed:
            self._number += 1
            request = Request(
                self._number, which, os.dup(memory), whole, here=whole, about=about,
                asked=self._clock(), beside=beside,
            )  # fmt: skip
            self.waiting.append(request)
            self.wanted = True
            self.dispatch()
            self.changed.notify_all()
        return request

    def await_end(self, request: Request, there: Callable[[], bool]) -> None:
        """Until it is done.  Raises `GoneAway` when ``there`` is false or all is to end."""
        try:
            while True:
                with self.changed:
                    if request.done:
                        return
                    if self.closing:
                        raise GoneAway
                    self.changed.wait(_SLICE_S)
                if not there():
                    raise GoneAway
        finally:
            with self.changed:
                self.withdraw(request)

    def withdraw(self, request: Request) -> None:
        """Nobody waits for it any more."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(request)
        if self.elsewhere is not None and request.thought is None:
            self.elsewhere.forget(request)
        if request.began is None or request.done:
            request.close()
        request.done = True  # one at work is closed with its answer

    def close(self) -> None:
        """Whoever waits is told."""
        with self.changed:
            self.closing = True
            for request in self._working.values():
                if request.done:  # nobody waits for it any more
                    request.close()
                request.began = None
            self._working.clear()
            self.changed.notify_all()

    # --- what goes to the process ------------------------------------------------------------

    def dispatch(self) -> None:
        """Hand over what may be worked on now."""
        if self.elsewhere is not None:
            self.elsewhere.send(faster=True)
        self._dispatch_here()
        if self.elsewhere is not None:
            self.elsewhere.send(faster=False)

    def _dispatch_here(self) -> None:
        while self.ready and self.waiting:
            first = self.waiting[0]
            most = 1 if first.alone else self._seats.at(self._clock())
            if len(self._working) >= most or any(one.alone for one in self._working.values()):
                return
            sharing = len(self._working) + len(self.waiting) + first.beside
            share = self._cores // min(most, sharing)
            try:
                self._process.ask(
                    first.number, first.which, powers(share), first.memory, whole=first.whole
                )
            except OSError:  # it has ended, which is heard from its line
                return
            self.waiting.popleft()
            first.began = self._clock()
            if self.elsewhere is not None:
                self.elsewhere.begun_here(first)
            first.waited = first.began - first.asked
            self._working[first.number] = first

    # --- what comes of it --------------------------------------------------------------------

    def take(self, answer: Answer) -> None:
        """What the process says of one.  Raises `Ended` for one that is not at work."""
        request = self._working.pop(answer.infer, None)
        if request is None:
            raise Ended("an answer that nobody asked for")
        self.used = self._clock()
        if answer.failed is not None:
            reason = f"the model could not be run ({answer.failed}); see `nobgd doctor`"
            request.error = NobgdError(Code.INTERNAL, reason)
        elif request.digest:
            self._suspects.cleared(request.digest)
        request.ran = answer.ran
        request.confidence = answer.confidence if request.whole else None
        self.end(request)

    def end(self, request: Request) -> None:
        """It has its answer."""
        if request.done:  # nobody waits for it any more
            request.close()
        request.done = True
        self.dispatch()
        self.changed.notify_all()

    def begun_before(self, latest: float) -> Request | None:
        """One that has been at work since before that."""
        return next((one for one in self._working.values() if (one.began or 0.0) < latest), None)

    def process_ended(
        self, how: str, overdue: Request | None, *, killed: bool, memory: bool
    ) -> int | None:
        """What was at work is asked again, or was to blame; how many wait, None: all is to end.

        ``overdue`` made us end it; else it was ``killed``, or ran out of ``memory``.
        """
        self.ready = False
        work, self._working = list(self._working.values()), {}
        if memory:
            self._seats.fewer(self._clock(), len(work))
        for request in reversed(work):
            if request.done:  # nobody waits for it any more
                self.end(request)
                continue
            if memory and len(work) == 1:  # every tensor takes as much: its photo has to make room
                request.error = OutOfMemory("the model process")
                self.end(request)
                continue
            request.digest = request.digest or digest(request.memory)
            blamed = request is overdue if overdue else not memory
            if blamed and self._suspects.ended(request.digest, killed=killed):
                request.error = to_blame(how, hung=overdue is not None)
                self.end(request)
                continue
            request.alone = self._suspects.suspect(request.digest)
            request.began = None
            self.waiting.appendleft(request)
        self.wanted = bool(self.waiting) or self.wanted
        return None if self.closing else len(self.waiting)

    def no_room(self) -> None:
        """The process ran out of memory while it was opened: the last that waits makes room."""
        if self.waiting:
            request = self.waiting.pop()
            request.error = OutOfMemory("the model process, while it was opened")
            self.end(request)

    # --- for `Elsewhere` -------------------------------------------------------------------

    def free(self) -> bool:
        """Whether nothing waits and a seat is free, or the process is at rest."""
        if not self.ready:
            return not self._working
        return not self.waiting and len(self._working) < self._seats.at(self._clock())

    def wake(self) -> None:
        """What has come back may be begun."""
        if self.waiting:
            self.wanted = True
            self.dispatch()
        self.changed.notify_all()


def powers(threads: int) -> int:
    """So many threads or a few less: 1, 2, 4, 8 …, as each number has a session of its own."""
    return 1 << max(1, threads).bit_length() - 1

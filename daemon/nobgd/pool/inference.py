"""The supervisor's side of inference: lanes wait here for the model process and its masks.

A lane has put its tensor into memory that it shares with the model process; its thread asks
here and blocks.  No more is asked of the process than is to be at work at a time.  If the process
ends or hangs it is opened again and what was at work is asked again: no photo notices, unless its
tensor is what brings the process down (`suspects`).  It is opened when first asked, and let go
when nothing was asked for a while.  Where there are other machines a part goes to them
(`elsewhere`).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from nobgd.pool.asking import Request, digest, to_blame
from nobgd.pool.away import Away
from nobgd.pool.elsewhere import Elsewhere
from nobgd.pool.mishaps import GoneAway, OutOfMemory, Unfit
from nobgd.pool.model_process import Answer, Ended, ModelProcess
from nobgd.pool.seats import Seats
from nobgd.pool.suspects import Suspects
from nobgd.values import Code, NobgdError, wire
from nobgd.values.machine import Others
from nobgd.values.wire import Ran as Ran

_SLICE_S = 0.25
_LONGEST_PAUSE_S = 60.0  # between two tries to open it


class Inference:
    """One model process, and whoever waits for it.  Thread-safe."""

    def __init__(
        self, setup: wire.ModelSetup, *, cores: int = 1, deadline_s: float = 120.0,
        idle_s: float | None = None, link: wire.Link | None = None,
        opened: Callable[[tuple[str, ...]], None] = lambda _: None,
        told: Callable[[str, dict[str, Any]], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        """``told`` gets warnings for the log, on any thread: an event and its fields.

        With a ``link`` there are other machines.
        """
        self._process = ModelProcess(setup, told)
        self._setup = setup
        self._cores = cores
        self._deadline_s = deadline_s
        self._idle_s = idle_s
        self._opened, self._told = opened, told
        self._seats = Seats(setup.at_a_time)
        self._suspects = Suspects()
        self.changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._working: dict[int, Request] = {}
        self._number = 0
        self._used = time.monotonic()
        self._wanted = True  # from the start: the first photo should not wait for it
        self._ready = self.closing = False
        self._first: Exception | None = None  # why the first try to open it failed
        self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
        self._elsewhere: Elsewhere | None = None
        if link is not None:
            self._elsewhere = Elsewhere(
                link, self,
                lambda line: Away(line, link, self._waiting, deadline_s, self._end, told), told,
            )  # fmt: skip

    # --- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to open the process; `await_ready` waits for it."""
        if self._setup.weights and not self._thread.is_alive():
            self._thread.start()
            if self._elsewhere is not None:
                self._elsewhere.start()

    def await_ready(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until the first model is open.  Raises `Unfit` when it cannot be."""
        while self._setup.weights:
            with self.changed:
                if self._ready or self.closing:
                    return
                if self._first is not None:
                    raise self._first
                self.changed.wait(_SLICE_S)
            if stopped():
                raise Unfit("a stop")

    def close(self) -> None:
        """End the process; whoever waits is told."""
        with self.changed:
            self.closing = True
            for request in self._working.values():
                if request.done:  # nobody waits for it any more
                    request.close()
                request.began = None
            self._working.clear()
            self.changed.notify_all()
        if self._elsewhere is not None:
            self._elsewhere.close()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._process.kill()

    def pids(self) -> list[int]:
        """Of the process, while it is open."""
        pid = self._process.pid
        return [] if pid is None else [pid]

    @property
    def others(self) -> Others | None:
        """The other machines; None where there are none by the configuration."""
        return None if self._elsewhere is None else self._elsewhere.others

    @property
    def state(self) -> str:
        """In a word: closed, opening, ready, working."""
        with self.changed:
            if self._working:
                return "working"
            return "ready" if self._ready else "opening" if self._wanted else "closed"

    @property
    def seats_elsewhere(self) -> int:
        """Masks that other machines make at a time."""
        return 0 if self._elsewhere is None else self._elsewhere.seats

    def stuck(self) -> str | None:
        """Why it cannot go on by itself; None: it can."""
        if self._thread.ident is None or self.closing or self._thread.is_alive():
            return None
        return "the thread of the model process has ended"

    # --- whoever asks ----------------------------------------------------------------------

    def run(
        self, which: int, memory: int, there: Callable[[], bool], *, whole: bool = False,
        about: dict[str, str] | None = None,
    ) -> Ran:  # fmt: skip
        """Have the tensor in ``memory`` worked on by model ``which``.

        Blocks; the mask then lies behind the tensor, raw or finished (`Ran`).  A ``whole`` one
        is from the picture to the finished mask, and done here.  ``about`` is what the log says
        of it.  Raises `GoneAway` when ``there`` is false, NobgdError when it could not be done.
        """
        with self.changed:
            self._number += 1
            request = Request(
                self._number, which, os.dup(memory), whole, here=whole, about=about or {},
                asked=time.monotonic(),
            )  # fmt: skip
            self._waiting.append(request)
            self._wanted = True
            self._dispatch()
            self.changed.notify_all()
        try:
            while True:
                with self.changed:
                    if request.done:
                        break
                    if self.closing:
                        raise GoneAway
                    self.changed.wait(_SLICE_S)
                if not there():
                    raise GoneAway
        finally:
            with self.changed:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(request)
                if self._elsewhere is not None and request.thought is None:
                    self._elsewhere.forget(request)
                if request.began is None or request.done:
                    request.close()
                request.done = True  # one at work is closed with its answer
        if request.error is not None:
            raise request.error
        return Ran(request.ran, request.waited, request.confidence, request.thought)

    # --- under the lock --------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Hand over what may be worked on now."""
        if self._elsewhere is not None:
            self._elsewhere.send(faster=True)
        self._dispatch_here()
        if self._elsewhere is not None:
            self._elsewhere.send(faster=False)

    def _dispatch_here(self) -> None:
        while self._ready and self._waiting:
            first = self._waiting[0]
            most = 1 if first.alone else self._seats.at(time.monotonic())
            if len(self._working) >= most or any(one.alone for one in self._working.values()):
                return
            share = self._cores // min(most, len(self._working) + len(self._waiting))
            try:
                self._process.ask(
                    first.number, first.which, powers(share), first.memory, whole=first.whole
                )
            except OSError:  # it has ended, which is heard from its line
                return
            self._waiting.popleft()
            first.began, first.here = time.monotonic(), True
            if self._elsewhere is not None:
                self._elsewhere.forget(first)
            first.waited = first.began - first.asked
            self._working[first.number] = first

    def _take(self, answer: Answer) -> None:
        request = self._working.pop(answer.infer, None)
        if request is None:
            raise Ended("an answer that nobody asked for")
        self._used = time.monotonic()
        if answer.failed is not None:
            reason = f"the model could not be run ({answer.failed}); see `nobgd doctor`"
            request.error = NobgdError(Code.INTERNAL, reason)
        elif request.digest:
            self._suspects.cleared(request.digest)
        request.ran = answer.ran
        request.confidence = answer.confidence if request.whole else None
        self._end(request)

    def _end(self, request: Request) -> None:
        if request.done:  # nobody waits for it any more
            request.close()
        request.done = True
        self._dispatch()
        self.changed.notify_all()

    # --- for `Elsewhere` -------------------------------------------------------------------

    def free(self) -> bool:
        """Whether nothing waits and a seat is free, or the process is at rest."""
        if not self._ready:
            return not self._working
        return not self._waiting and len(self._working) < self._seats.at(time.monotonic())

    def wake(self) -> None:
        """What has come back may be begun."""
        if self._waiting:
            self._wanted = True
            self._dispatch()
        self.changed.notify_all()

    # --- its thread ------------------------------------------------------------------------

    def _work(self) -> None:
        failures = 0
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._wanted or self.closing)
                if self.closing:
                    return
            try:
                holds = self._process.open(lambda: self.closing)
            except (Unfit, OutOfMemory, OSError) as error:
                failures += 1
                self._unfit(error, failures)
                continue
            failures = 0
            self._opened(holds)
            with self.changed:
                self._ready, self._first, self._used = True, None, time.monotonic()
                self._dispatch()
                self.changed.notify_all()
            self._serve()

    def _unfit(self, error: Exception, failures: int) -> None:
        self._process.kill()
        with self.changed:
            if self.closing:
                return
            self._first = error if isinstance(error, Unfit) else Unfit(f"no room: {error}")
            self.changed.notify_all()
        if failures == 1:
            why = f"the model process cannot be opened: {error}; photos wait, it is tried again"
            self._told("model.unfit", {"why": why})
        with self.changed:
            pause = min(2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)
            self.changed.wait_for(lambda: self.closing, pause)

    def _serve(self) -> None:
        """Until the process ends, is let go or has to be ended."""
        overdue: Request | None = None
        try:
            while True:
                message = self._process.receive(_SLICE_S)
                with self.changed:
                    if isinstance(message, Answer):
                        self._take(message)
                    elif message is not None:
                        raise Ended("a word out of turn")  # noqa: TRY301
                    if self.closing or self._rests():
                        self._ready = self._wanted = False
                        break
                    overdue = self._overdue()
                if overdue is not None:
                    raise Ended(f"no mask after {self._deadline_s:g} s")  # noqa: TRY301
        except Ended as end:
            self._ended(str(end), overdue)
            return
        self._process.close()

    def _rests(self) -> bool:
        busy = self._working or self._waiting or self._idle_s is None
        return not busy and time.monotonic() - self._used > (self._idle_s or 0.0)

    def _overdue(self) -> Request | None:
        latest = time.monotonic() - self._deadline_s
        return next((one for one in self._working.values() if (one.began or 0.0) < latest), None)

    def _ended(self, how: str, overdue: Request | None) -> None:
        """The process is gone: what was at work is asked again, or was to blame."""
        killed = overdue is None and self._process.was_killed
        memory = self._process.ran_out()
        self._process.kill()
        with self.changed:
            self._ready = False
            work, self._working = list(self._working.values()), {}
            if memory:
                self._seats.fewer(time.monotonic(), len(work))
            for request in reversed(work):
                if request.done:  # nobody waits for it any more
                    self._end(request)
                    continue
                request.digest = request.digest or digest(request.memory)
                blamed = request is overdue if overdue else not (memory and len(work) > 1)
                if blamed and self._suspects.ended(request.digest, killed=killed and not memory):
                    request.error = to_blame(how, hung=overdue is not None, memory=memory)
                    self._end(request)
                    continue
                request.alone = self._suspects.suspect(request.digest)
                request.began = None
                self._waiting.appendleft(request)
            again = len(self._waiting)
            self._wanted = bool(self._waiting) or self._wanted
            if self.closing:
                return
        why = f"the model process ended by {how}; it is opened again, {again} masks are asked again"
        self._told("model.ended", {"why": why})


def powers(threads: int) -> int:
    """So many threads or a few less: 1, 2, 4, 8 …, as each number has a session of its own."""
    return 1 << max(1, threads).bit_length() - 1

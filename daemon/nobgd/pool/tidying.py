"""Outboxes in which another machine, or home before a restart, may have left something.

A temporary file is only taken away once it is old: whoever began it is surely dead by then.  So an
outbox is swept that long after its last mishap; and again, more and more seldom, while files stay
there: who was cut off from a share writes when it is back, and what it writes is young.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.errands import Prepare, Sweep
from nobgd.values.mount import Mount
from nobgd.values.wire import Finished

_SELDOM_S = 3600.0  # between two sweeps of what others may be at


@dataclass(frozen=True, slots=True)
class _Untidy:
    """One outbox."""

    due: float  # when to sweep it, monotonic
    mount: Mount | None
    wait_s: float  # from that sweep to the next one, if young files are there


class Tidying:
    """All of them.  Thread-safe."""

    def __init__(
        self, submit: Callable[[Request], Future[Finished]], dead_s: float,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        """After ``dead_s`` seconds nobody is at what it had then."""
        self._submit, self._dead_s, self._clock = submit, dead_s, clock
        self._outboxes: dict[str, _Untidy] = {}
        self._met: set[str] = set()

    def later(self, outbox: str, mount: Mount | None) -> None:
        """Somebody may have left something there just now."""
        self._met.add(outbox)
        self._outboxes[outbox] = _Untidy(self._clock() + self._dead_s, mount, self._dead_s)

    def begun(self, job: Job) -> None:
        """A photo goes there; what ended before these lanes is not known."""
        if job.tidy or job.outbox not in self._met:
            self.later(job.outbox, job.outbox_mount)

    def prepared(self, errand: Prepare, done: Future[Finished]) -> None:
        """It was swept, and what was young then is old after a while."""
        if not done.cancelled() and done.exception() is None:
            self.later(errand.outbox, done.result().answer)

    def look(self, *, free: bool) -> None:
        """Have those swept that are due: by a lane that is ``free``, or at last by any."""
        now = self._clock()
        for outbox, one in list(self._outboxes.items()):
            if now > one.due and (free or now > one.due + self._dead_s):
                del self._outboxes[outbox]
                swept = self._submit(Sweep(outbox, self._dead_s, one.mount))
                swept.add_done_callback(partial(self._swept, outbox, one))

    def _swept(self, outbox: str, one: _Untidy, swept: Future[Finished]) -> None:
        if swept.cancelled() or (swept.exception() is None and not swept.result().answer):
            return
        due, later_s = self._clock() + one.wait_s, min(2 * one.wait_s, _SELDOM_S)
        self._outboxes.setdefault(outbox, _Untidy(due, one.mount, later_s))

"""Which jobs are with other machines, and which of them come home.

What another machine says is never booked unseen: a cut-out is believed once a lane here has looked
at it, and whatever else it says means that the job is done here.  A job comes home, too, when no
one is at it, when whoever was falls silent, and when it takes longer than anything may.  That two
machines are at one photo then does no harm: the bytes are the same, so the output is, and whose it
is its note says.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from nobgd.cluster import subjects
from nobgd.cluster.paths import Shares
from nobgd.pool import outcome, proofs, reply, sent
from nobgd.pool.carrying import Lanes, Line
from nobgd.pool.link_words import Away, Ended, Message, Returned, Seen, Shown
from nobgd.pool.looks import Looks
from nobgd.pool.tidying import Tidying
from nobgd.values import Blame, Done, Failed, Job, Outcome
from nobgd.values.wire import Finished, Unbegun

_BEGIN_S = 2.0  # a job that nobody began for so long is done here, if a lane is free


@dataclass(slots=True, eq=False)
class _Out:
    """A job that is with others.  Times are monotonic."""

    job: Job
    future: Future[Finished]
    number: int
    opened: int  # the link process that has it
    since: float
    heard: float
    host: str = ""  # that has begun it
    looking: bool = False  # it is done, they say
    lost: bool = False  # by a machine that may be at it still


class JobsAway:
    """Thread-safe; `hear` and `look` are called by the link's thread."""

    def __init__(
        self, lanes: Lanes, line: Line, shares: Shares, *, lease_s: float, deadline_s: float,
        told: Callable[[str, dict[str, Any]], None], clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``shares`` are this machine's, by the names that the others have for them, too."""
        self._lanes, self._line, self._shares = lanes, line, shares
        self._silent_s, self._overdue_s = 2 * lease_s, 2 * deadline_s + lease_s
        self._told, self._clock = told, clock
        self.proofs = proofs.Proofs(lanes.submit, line, shares, told, clock)
        self.tidying = Tidying(lanes.submit, deadline_s + 2 * lease_s, clock)
        self._looks = Looks(lanes.submit, self.proofs, lambda: not self.closing)
        self._lock = threading.Lock()
        self._out: dict[int, _Out] = {}
        self._number = 0
        self.closing = False  # nothing goes out any more

    def __len__(self) -> int:
        return len(self._out)

    # --- out -------------------------------------------------------------------------------

    def send(self, job: Job) -> Future[Finished] | None:
        """Have another machine do it; None: it is for a lane here."""
        self.tidying.begun(job)
        future: Future[Finished] = Future()
        return future if self._may_go(job) and self._sent(job, future) else None

    def fill(self) -> None:
        """There may be room again: what waits for a lane here goes."""
        while (item := self._lanes.give_away(self._may_go)) is not None:
            job = item.request
            assert isinstance(job, Job)  # noqa: S101 - only those are asked about
            if not self._sent(job, item.future):
                self._lanes.again(item)
                return

    def _may_go(self, job: Job) -> bool:
        which = self._lanes.models_of(job)
        fits = bool(which) and sent.may_go(job) and self._has_room(which)
        return fits and self.proofs.covers(job)

    def _sent(self, job: Job, future: Future[Finished]) -> bool:
        which, data = self._lanes.models_of(job), sent.pack(job, self._shares)
        if not which or data is None:
            return False
        now = self._clock()
        with self._lock:
            self._number += 1
            out = _Out(job, future, self._number, self._line.opened, now, now)
            self._out[out.number] = out
        try:
            self._line.send(out.number, which, subjects.photo20(job.inbox, job.relpath), data)
        except OSError:  # it has ended, or does not listen
            return not self._forget(out)
        return True

    def _has_room(self, which: tuple[int, ...]) -> bool:
        """Whether a job should go to others now: to faster ones first, else if no lane is free."""
        neighbours = self._line.neighbours
        if self.closing or neighbours.broker:
            return False
        out = len(self._out)
        if out < neighbours.jobs_of(which, faster=True):
            return True
        return not self._lanes.free() and out < neighbours.jobs_of(which, faster=False)

    # --- what the others say ----------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """What the link process says."""
        match message:
            case Away():
                self._began(message)
            case Ended():
                self._ended(message)
            case Returned():
                self._returned(message)
            case Seen():
                self.proofs.seen(message)
            case Shown():
                self.proofs.shown(message)

    def look(self) -> None:
        """Several times a second: take back what has been away for too long."""
        now, free = self._clock(), self._lanes.free()
        there = self._line.neighbours.there
        for out in list(self._out.values()):
            if out.looking:
                continue
            gone = out.opened != self._line.opened
            silent = now - out.heard > self._silent_s
            unbegun = free and not out.host and now - out.since > _BEGIN_S
            dead = free and bool(out.host) and not there(out.host)
            if gone or silent or unbegun or dead or now - out.since > self._overdue_s:
                self._come_home(out)
        self.tidying.look(free=free)
        self.fill()

    def _began(self, message: Away) -> None:
        if (out := self._out.get(message.away)) is None:
            return
        before, out.host, out.heard = out.host, message.host, self._clock()
        if before not in ("", message.host):
            self._moved(out, before, message.host)

    def _returned(self, message: Returned) -> None:
        if (out := self._out.get(message.returned)) is not None:
            self._come_home(out)
        if message.host:
            self.proofs.doubt(message.host, message.why)

    def _ended(self, message: Ended) -> None:
        out = self._out.get(message.ended)
        if out is None or out.looking:
            return  # it was taken back, or is the second of two answers
        out.host = message.host
        try:
            answer = _outcome(message, out.job)
        except reply.Broken as error:
            self._come_home(out)
            self.proofs.doubt(message.host, f"it said what no lane says ({error})", lied=True)
            return
        if isinstance(answer, Done):
            out.looking = True
            waited = max(0.0, self._clock() - out.since - answer.timing.total_ms / 1000)
            done = Finished(answer, message.lane, waited, host=message.host)
            self._looks.begin(out.job, done, partial(self._judged, out))
            return
        made = self._come_home(out)
        if answer.code.blame is Blame.PLACE:
            self.proofs.doubt(message.host, answer.reason[:400])
        elif made is not None and answer.code.blame is Blame.NOBODY:
            made.add_done_callback(partial(self._compare, message.host, answer))

    def _compare(self, host: str, said: Failed, made: Future[Finished]) -> None:
        """It says that the photo has changed or gone: it may see old things if we do not, too."""
        if made.cancelled() or made.exception() is not None:
            return
        answer = made.result().answer
        agrees = isinstance(answer, Failed) and answer.code.blame is Blame.NOBODY
        if not agrees and not isinstance(answer, Unbegun):
            self.proofs.differ(host, said.reason[:400])

    def _judged(self, out: _Out, done: Finished, believed: bool | None) -> None:
        """A lane here has looked at its output."""
        if believed is False:
            self._come_home(out)
            return
        if self._forget(out):
            lost = Finished(Unbegun("its lanes end"), 0, 0.0)  # the next ones find the output
            out.future.set_result(replace(done, was_away=out.lost) if believed else lost)
        if believed:
            self.fill()

    # --- home ----------------------------------------------------------------------------------

    def unbegun(self) -> list[Job]:
        """Take those that nobody has begun; their futures are cancelled."""
        with self._lock:
            every = [each for each in self._out.values() if not each.host]
            for each in every:
                del self._out[each.number]
        for each in every:
            self._line.recall(each.number)
        return [each.job for each in every if each.future.cancel()]

    def end(self) -> None:
        """Nobody waits for the rest any more."""
        with self._lock:
            left, self._out = list(self._out.values()), {}
        for each in left:
            self._line.recall(each.number)
            each.future.set_result(Finished(Unbegun("its lanes end"), 0, 0.0))

    def _forget(self, out: _Out) -> bool:
        """Whoever does so answers its future."""
        with self._lock:
            return self._out.pop(out.number, None) is not None

    def _come_home(self, out: _Out) -> Future[Finished] | None:
        """It is done by a lane here, if it is still wanted."""
        if not self._forget(out):
            return None
        self._line.recall(out.number)
        job = out.job
        if out.host:  # who has it may have left something, once it is surely no more
            self.tidying.later(job.outbox, job.outbox_mount)
            self._moved(out, out.host, "here")
        inner = self._lanes.submit(job)
        inner.add_done_callback(partial(_pass_on, out.future))
        return inner

    def _moved(self, out: _Out, before: str, to: str) -> None:
        job, out.lost = out.job, True
        source = os.path.join(job.inbox, job.relpath)
        self._told("photo.moved", {"from": before, "to": to, "inbox": job.inbox, "source": source})


def _outcome(message: Ended, job: Job) -> Outcome:
    """What a lane elsewhere says of this job.  Raises `reply.Broken`."""
    found = reply.read(message.said.encode())
    if isinstance(found, reply.Cut | reply.Lost):
        return outcome.of_job(found, job, again=message.closer)
    raise reply.Broken("no outcome")


def _pass_on(outer: Future[Finished], inner: Future[Finished]) -> None:
    if inner.cancelled():
        outer.cancel()
    elif (error := inner.exception()) is not None:
        outer.set_exception(error)
    else:
        outer.set_result(replace(inner.result(), was_away=True))

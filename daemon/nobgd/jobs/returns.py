"""What comes back from lanes, answered or not begun: each job and errand to who asked for it."""

from __future__ import annotations

from typing import Any, assert_never

from nobgd.jobs.effects import LookAgain, RunErrand
from nobgd.jobs.events import ErrandEnded, JobEnded, TakenBack
from nobgd.jobs.rooms import Rooms
from nobgd.jobs.state import Key
from nobgd.values import Code, Done, Failed, Job
from nobgd.values.errands import (
    Digest,
    Dispose,
    Errand,
    Look,
    Peek,
    Place,
    Prepare,
    Preview,
    PutBack,
    Release,
    Render,
    SetAside,
    Unlink,
    Write,
)
from nobgd.values.mount import Mount
from nobgd.values.wire import Unbegun

_LANE_ENDED = (Code.CRASHED, Code.DEADLINE, Code.GONE_AWAY, Code.OUT_OF_MEMORY)  # perhaps


class Returns:
    """Hands them on.  Only accessed from the main loop."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._state = rooms.state

    def job(self, event: JobEnded) -> None:
        """A lane has answered a job, or will not."""
        state, job, finished = self._state, event.job, event.finished
        key = (job.inbox, job.relpath)
        awaited = state.in_flight.get(key) is job  # else: taken back, and begun anew since
        if awaited:
            del state.in_flight[key]
        self._tidied(job, None if finished is None else finished.answer)
        if event.error is not None:
            self._rooms.mishaps.photo(job.photo(), event.error)
        elif finished is not None and not awaited:
            # its lane may have slept; the photo's row belongs to a job that was begun since
            state.do(LookAgain(job.inbox, (job.relpath,)))
        elif finished is not None and isinstance(finished.answer, Unbegun):
            state.ledger.put_back(job.inbox, job.relpath)
            self._rooms.dispatch.requeue(job)
        elif finished is not None:
            self._rooms.outcomes.ended(job, finished)
        self._released(key)

    def _tidied(self, job: Job, answer: Any) -> None:
        """Whether its output's folder may hold what a lane that ended has left there."""
        if isinstance(answer, Done):
            if job.tidy:
                self._state.untidy.discard(job.folder)
        elif not isinstance(answer, Failed) or answer.code in _LANE_ENDED:
            self._state.untidy.add(job.folder)

    def errand(self, event: ErrandEnded) -> None:
        """An errand has ended: whoever asked for it hears what it found, or why it was not done."""
        if event.cause is not None:
            self._rooms.mishaps.other(event.cause)
        errand, error = event.errand, event.error
        number = event.found if isinstance(event.found, int) else None
        match errand:
            case Prepare():
                mount = event.found if isinstance(event.found, Mount) else None
                self._rooms.probing.ended(errand, mount, error)
            case SetAside():
                self._rooms.asides.ended(errand, number, error)
            case Dispose():
                self._rooms.disposals.ended(errand, number, error)
            case Place():
                row = self._rooms.placing.ended(errand, number, error)
                self._released((row.inbox, row.relpath))
            case Look():
                self._rooms.late.ended(errand, number, error)
            case PutBack():
                self._rooms.disposals.hiding.cleared(errand, number, error)
            case Digest():
                same = self._rooms.looking.ended(errand, number, error)
                if same is not None:
                    self._rooms.arrival.known_again(*same)
            case Peek():
                self._rooms.unnamed.ended(errand, number, error)
            case Render():
                self._rooms.renders.ended(errand, error)
            case Preview():
                self._rooms.previews.ended(errand, error)
            case Unlink():
                self._rooms.signs.ended(errand, error)
            case Release() | Write():  # what comes of the latter is `supervisor.share`'s to know
                pass
            case _:
                assert_never(errand)

    def taken_back(self, event: TakenBack) -> None:
        """No lane has begun these, and their lanes end."""
        for request in event.requests:
            self._taken_back(request, again=event.again)

    def _taken_back(self, request: Job | Errand, *, again: bool) -> None:
        """What rests on the ledger is decided anew: it may say something else by now."""
        match request:
            case Job():
                self._rooms.dispatch.taken_back(request, again=again)
            case Dispose():
                self._rooms.disposals.taken_back(request)
            case SetAside():
                self._rooms.asides.taken_back(request, again=again)
            case Place():
                self._rooms.placing.taken_back(request)
            case Look():
                self._rooms.late.taken_back(request)
            case _ if again:
                self._state.do(RunErrand(request))

    def _released(self, key: Key) -> None:
        """What waited until a lane had no more to do with its name."""
        state = self._state
        if key in state.in_flight or key in state.moving:
            return
        if (held := state.backlog.release(*key)) is not None:
            self._rooms.arrival.settled(held)

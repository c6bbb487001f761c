"""The core: events in, effects out; nothing leaves before what it rests on is on disk.

The theory of operation.  Other threads and processes tell the machine things (`events`); it
decides, changes the ledger and its `State`, and answers with what is to be done (`effects`).  It
has no clock, thread, socket or file of its own but the ledger, and it does nothing itself.  In
each turn `supervisor.loop` hands it all that was told since the last one, has it look at what
time has brought (`tick`), commits the ledger once, and only then has the effects done.  So an
effect never leaves before the decision it comes from is durable, and a kill at any point leaves
either a decision that was never made or one that the next start finds in the ledger.

One owner: it is only accessed from the main loop.  The rooms it is made of know each other in
one direction: state ← probing, looking, unnamed ← asides, disposals, placing ← outcome ←
mishap, arrival, dispatch ← machine.  A photo's states and the ways between them: `lifecycle`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from nobgd.config import Config
from nobgd.intake import messages
from nobgd.jobs.arrival import Arrival
from nobgd.jobs.asides import Asides
from nobgd.jobs.dispatch import Dispatch
from nobgd.jobs.disposals import Disposals
from nobgd.jobs.effects import Effect, LookAgain, RunErrand
from nobgd.jobs.events import (
    Closed,
    Configured,
    ErrandEnded,
    Event,
    Freed,
    JobEnded,
    Judged,
    Redo,
    TakenBack,
)
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.looking import Looking
from nobgd.jobs.mishap import Mishaps
from nobgd.jobs.now import Now
from nobgd.jobs.outcome import Outcomes
from nobgd.jobs.placing import Placing
from nobgd.jobs.policy import Policy
from nobgd.jobs.previews import Previews
from nobgd.jobs.probing import Probing
from nobgd.jobs.renders import Renders
from nobgd.jobs.signs import Signs
from nobgd.jobs.state import State
from nobgd.jobs.unnamed import Unnamed
from nobgd.values import Job, Photo
from nobgd.values.errands import (
    Digest,
    Dispose,
    Errand,
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

_OVERFLOW = (
    "more happened at once than the kernel keeps for us; everything is looked at instead, so"
    " nothing is missed; if it comes often, raise the sysctl fs.inotify.max_queued_events"
)


class Machine:
    """Decides.  State and ledger have no other door."""

    def __init__(self, config: Config, ledger: Ledger, policy: Policy) -> None:
        self.state = state = State(config, ledger, policy)
        self.probing = Probing(state)
        self.looking = Looking(state)
        self.unnamed = Unnamed(state)
        self.renders = Renders(state)
        self.previews = Previews(state)
        self.asides = Asides(state, self.probing)
        self.placing = Placing(state, self.probing)
        self.disposals = Disposals(state, self.probing, self.looking)
        self.outcomes = Outcomes(
            state, self.probing, self.looking, self.asides, self.disposals
        )  # fmt: skip
        self.mishaps = Mishaps(state, self.outcomes)
        self.arrival = Arrival(
            state, self.looking, self.unnamed, self.asides, self.disposals, self.outcomes
        )  # fmt: skip
        self.dispatch = Dispatch(state, self.looking, self.outcomes, self.mishaps)
        self.signs = Signs(state, self.arrival)

    # --- events ----------------------------------------------------------------------------

    def begin(self) -> None:
        """At the start: what a stop or a kill cut short is to be tried again."""
        self.state.ledger.interrupt()
        self.asides.resume()
        self.placing.resume()

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """One event.  What goes wrong with it is said, and booked for the photo it is about.

        Raises sqlite3.Error when the ledger itself fails; then all is as after a crash.
        """
        self.state.now = now
        try:
            self._handle(event)
        except Exception as error:  # noqa: BLE001 - no event may end the loop
            if isinstance(event, JobEnded):
                self.mishaps.photo(event.job.photo(), error)
            else:
                self.mishaps.other(error)
        return self.state.asked()

    def stumbled(self, error: Exception) -> list[Effect]:
        """Something else of the loop went wrong: said once.  Raises what is the ledger's."""
        self.mishaps.other(error)
        return self.state.asked()

    def _handle(self, event: Event) -> None:
        state = self.state
        match event:
            case messages.Settled():
                for photo in event.photos:
                    self._settled(photo)
            case messages.Came():
                state.ledger.gone(event.inbox, event.relpaths)
            case messages.Gone():
                self.arrival.gone(event.inbox, event.relpaths)
            case messages.Left():
                self.disposals.left(event.inbox, event.folder)
            case messages.Odd():
                self.arrival.odd(event)
            case messages.Scanned():
                state.scanned[event.inbox] = event
            case messages.Signs():
                self.signs.seen(event.inbox, event.names)
            case (
                messages.Watching() | messages.Lost() | messages.Back() | messages.Overflow()
            ):  # fmt: skip
                self._watched(event)
            case JobEnded():
                self._job_ended(event)
            case ErrandEnded():
                if event.cause is not None:
                    self.mishaps.other(event.cause)
                self._errand_ended(event)
            case TakenBack():
                for request in event.requests:
                    self._taken_back(request, again=event.again)
            case Configured():
                self._configured(event)
            case Closed():
                self._closed(event.inbox)
                if event.anew:
                    state.recipes.forget()
                    state.backlog.drop_inbox(event.inbox)
                    self.looking.drop_inbox(event.inbox)
            case Judged():
                self.arrival.judged(event.rows)
                self.placing.judged(event.rows)
            case Redo():
                self.arrival.redo(event.rows)
            case Freed():
                self.arrival.freed(event.rows)
            case _:
                assert_never(event)

    def _settled(self, photo: Photo) -> None:
        try:
            self.arrival.settled(photo)
        except Exception as error:  # noqa: BLE001 - the others are none the worse
            self.mishaps.photo(photo, error)

    def _watched(
        self, event: messages.Watching | messages.Lost | messages.Back | messages.Overflow
    ) -> None:
        """How an inbox is watched, or whether it can be."""
        state, inbox = self.state, event.inbox
        match event:
            case messages.Watching():
                if not event.where:
                    state.mounts[inbox] = event.mount
                said = {"event": "inbox.watching", "inbox": inbox, "strategy": event.strategy}
                where = event.where or None
                state.say("info", {**said, "why": event.why, "where": where}, counted=False)
            case messages.Lost():
                state.lost[inbox] = event.why
                lost = {"event": "inbox.lost", "inbox": inbox, "why": event.why}
                state.say("warning", lost, counted=False)
            case messages.Overflow():
                over = {"event": "inbox.overflow", "inbox": inbox, "why": _OVERFLOW}
                state.say("warning", over, counted=False)
            case messages.Back():
                state.lost.pop(inbox, None)
                state.mounts[inbox] = event.mount
                state.say("info", {"event": "inbox.back", "inbox": inbox}, counted=False)

    def _job_ended(self, event: JobEnded) -> None:
        state, job, finished = self.state, event.job, event.finished
        key = (job.inbox, job.relpath)
        awaited = state.in_flight.get(key) is job  # else: taken back, and begun anew since
        if awaited:
            del state.in_flight[key]
        if event.error is not None:
            self.mishaps.photo(job.photo(), event.error)
        elif finished is not None and not awaited:
            # its lane may have slept; the photo's row belongs to a job that was begun since
            state.do(LookAgain(job.inbox, (job.relpath,)))
        elif finished is not None and isinstance(finished.answer, Unbegun):
            state.ledger.put_back(job.inbox, job.relpath)
            self.dispatch.requeue(job)
        elif finished is not None:
            self.outcomes.ended(job, finished)
        self._released(key)

    def _released(self, key: tuple[str, str]) -> None:
        """What waited until a lane had no more to do with its name."""
        state = self.state
        if key in state.in_flight or key in state.moving:
            return
        if (held := state.backlog.release(*key)) is not None:
            self.arrival.settled(held)

    def _taken_back(self, request: Job | Errand, *, again: bool) -> None:
        """What rests on the ledger is decided anew: it may say something else by now."""
        match request:
            case Job():
                self.dispatch.taken_back(request, again=again)
            case Dispose():
                self.disposals.taken_back(request)
            case SetAside():
                self.asides.taken_back(request, again=again)
            case Place():
                self.placing.taken_back(request)
            case _ if again:
                self.state.do(RunErrand(request))

    def _errand_ended(self, event: ErrandEnded) -> None:
        errand, error = event.errand, event.error
        number = event.found if isinstance(event.found, int) else None
        match errand:
            case Prepare():
                mount = event.found if isinstance(event.found, Mount) else None
                self.probing.ended(errand, mount, error)
            case SetAside():
                self.asides.ended(errand, number, error)
            case Dispose():
                self.disposals.ended(errand, number, error)
            case Place():
                row = self.placing.ended(errand, number, error)
                self._released((row.inbox, row.relpath))
            case PutBack():
                self.disposals.cleared(errand, number, error)
            case Digest():
                same = self.looking.ended(errand, number, error)
                if same is not None:
                    self.arrival.known_again(*same)
            case Peek():
                self.unnamed.ended(errand, number, error)
            case Render():
                self.renders.ended(errand, error)
            case Preview():
                self.previews.ended(errand, error)
            case Unlink():
                self.signs.ended(errand, error)
            case Release() | Write():  # what comes of the latter is `supervisor.share`'s to know
                pass
            case _:
                assert_never(errand)

    def _configured(self, event: Configured) -> None:
        state = self.state
        old, state.config = state.config, event.config
        for each in old.inboxes:
            if state.rules(str(each.path)) != each:  # else its scanner goes on, and tells no more
                self._closed(str(each.path))
                state.backlog.drop_inbox(str(each.path))
                self.looking.drop_inbox(str(each.path))
        if event.recipes is not None:
            state.making, state.bound = event.recipes, event.bound
            state.others = event.others
            state.recipes.apply(event.config, event.recipes)
        state.know_places()

    def _closed(self, inbox: str) -> None:
        state = self.state
        state.scanned.pop(inbox, None)
        state.lost.pop(inbox, None)
        state.signs.pop(inbox, None)
        self.disposals.drop_inbox(inbox)

    # --- time ------------------------------------------------------------------------------

    def tick(self, now: Now, *, stopping: bool = False) -> list[Effect]:
        """What time has brought, and what there is to hand out; the end of each turn.

        Jobs are begun first: what is copied or goes must not be of a photo that is begun anew.
        """
        self.state.now = now
        self.state.open_now.cache_clear()
        self._try(self.looking.write)
        self._try(self.outcomes.tell)
        self._try(self.disposals.tell)
        if not stopping:
            self.probing.start()
            self.dispatch.start()
            self._try(self.disposals.start)
        self._try(self.asides.start)
        if not stopping:
            self._try(self.placing.start)
        return self.state.asked()

    def _try(self, act: Callable[[], None]) -> None:
        """Something that is done again and again: a failure is said once."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - neither may this end the loop
            self.mishaps.other(error)

    def next_due(self) -> float | None:
        """When there is something to do although nothing is told, in monotonic seconds."""
        state = self.state
        times = [self.disposals.next_due(), self.probing.next_due(), self.placing.next_due()]
        if len(state.in_flight) < state.bound:  # else an answer wakes us
            times.append(state.backlog.next_due(state.open_now))
        return min((at for at in times if at is not None), default=None)

    # --- ends ------------------------------------------------------------------------------

    def last(self, now: Now) -> None:
        """The service ends: what was found is kept."""
        self.state.now = now
        self.looking.write(last=True)

    def unfinished(self) -> int:
        """Photos of the inboxes that are quarantined or still wait."""
        state = self.state
        quarantined = sum(state.ledger.count(each, "quarantined") for each in state.inboxes())
        return quarantined + len(state.backlog)

    def idle(self, now: Now) -> bool:
        """Whether everything that was seen has been dealt with (for ``once``)."""
        state = self.state
        state.now = now
        seen = all(
            path in state.lost or (path in state.scanned and not state.scanned[path].unsettled)
            for path in state.inboxes()
        )
        return seen and not (state.in_flight or self._hopeful() or self.looking.hopeful())

    def _hopeful(self) -> bool:
        """Whether waiting longer may still get something done."""
        state = self.state
        if any(state.backlog.waiting(each) and state.is_open(each) for each in state.inboxes()):
            return True
        rooms = (self.probing, self.disposals, self.asides, self.placing)
        if any(each.hopeful() for each in rooms):
            return True
        due = state.backlog.next_due()
        soon = due is not None and due - state.now.monotonic <= 5.0
        return soon and not self.outcomes.hopeless()

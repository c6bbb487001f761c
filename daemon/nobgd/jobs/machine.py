"""The core: events in, effects out; nothing leaves before what it rests on is on disk.

The theory of operation.  Other threads and processes tell the machine things (`events`); it
decides, changes the ledger and its `State`, and answers with what is to be done (`effects`).  It
has no clock, thread, socket or file of its own but the ledger, and it does nothing itself.  In
each turn `supervisor.loop` hands it all that was told since the last one, has it look at what
time has brought (`tick`), commits the ledger once, and only then has the effects done.  So an
effect never leaves before the decision it comes from is durable, and a kill at any point leaves
either a decision that was never made or one that the next start finds in the ledger.

One owner: it is only accessed from the main loop.  Who decides what: `rooms`.  A photo's states
and the ways between them: `lifecycle`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from nobgd.config import Config
from nobgd.intake import messages
from nobgd.jobs import inboxes, remaining
from nobgd.jobs.effects import Effect
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
from nobgd.jobs.now import Now
from nobgd.jobs.policy import Policy
from nobgd.jobs.returns import Returns
from nobgd.jobs.rooms import Rooms
from nobgd.values import Photo


class Machine:
    """Decides.  State and ledger have no other door."""

    def __init__(self, config: Config, ledger: Ledger, policy: Policy) -> None:
        self.rooms = Rooms(config, ledger, policy)
        self.state = self.rooms.state
        self._returns = Returns(self.rooms)

    def begin(self) -> None:
        """At the start: what a stop or a kill cut short is to be tried again."""
        self.state.ledger.interrupt()
        self.rooms.asides.resume()
        self.rooms.placing.resume()

    def handle(self, event: Event, now: Now) -> list[Effect]:
        """One event.  What goes wrong with it is said, and booked for the photo it is about.

        Raises sqlite3.Error when the ledger itself fails; then all is as after a crash.
        """
        self.state.now = now
        try:
            self._handle(event)
        except Exception as error:  # noqa: BLE001 - no event may end the loop
            if isinstance(event, JobEnded):
                self.rooms.mishaps.photo(event.job.photo(), error)
            else:
                self.rooms.mishaps.other(error)
        return self.state.asked()

    def stumbled(self, error: Exception) -> list[Effect]:
        """Something else of the loop went wrong: said once.  Raises what is the ledger's."""
        self.rooms.mishaps.other(error)
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
                self.rooms.arrival.gone(event.inbox, event.relpaths)
            case messages.Left():
                self.rooms.disposals.hiding.seen(event.inbox, event.folder)
            case messages.Odd():
                self.rooms.arrival.odd(event)
            case messages.Scanned():
                state.scanned[event.inbox] = event
            case messages.Signs():
                self.rooms.signs.seen(event.inbox, event.names)
            case (
                messages.Watching() | messages.Lost() | messages.Back() | messages.Overflow()
            ):  # fmt: skip
                inboxes.watched(state, event)
            case JobEnded():
                self._returns.job(event)
            case ErrandEnded():
                self._returns.errand(event)
            case TakenBack():
                self._returns.taken_back(event)
            case Configured():
                inboxes.configured(self.rooms, event)
            case Closed():
                inboxes.closed(self.rooms, event)
            case Judged():
                self.rooms.arrival.judged(event.rows)
                self.rooms.placing.judged(event.rows)
            case Redo():
                self.rooms.arrival.redo(event.rows)
            case Freed():
                self.rooms.arrival.freed(event.rows)
            case _:
                assert_never(event)

    def _settled(self, photo: Photo) -> None:
        try:
            self.rooms.arrival.settled(photo)
        except Exception as error:  # noqa: BLE001 - the others are none the worse
            self.rooms.mishaps.photo(photo, error)

    def tick(self, now: Now, *, stopping: bool = False) -> list[Effect]:
        """What time has brought, and what there is to hand out; the end of each turn.

        Jobs are begun first: what is copied or goes must not be of a photo that is begun anew.
        """
        self.state.now = now
        self.state.open_now.cache_clear()
        self._try(self.rooms.looking.write)
        self._try(self.rooms.outcomes.tell)
        self._try(self.rooms.disposals.tell)
        if not stopping:
            self.rooms.probing.start()
            self.rooms.dispatch.start()
            self._try(self.rooms.disposals.start)
            self._try(self.rooms.late.start)
        self._try(self.rooms.asides.start)
        if not stopping:
            self._try(self.rooms.placing.start)
        return self.state.asked()

    def _try(self, act: Callable[[], None]) -> None:
        """Something that is done again and again: a failure is said once."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - neither may this end the loop
            self.rooms.mishaps.other(error)

    def last(self, now: Now) -> None:
        """The service ends: what was found is kept."""
        self.state.now = now
        self.rooms.looking.write(last=True)

    def next_due(self) -> float | None:
        """When there is something to do although nothing is told, in monotonic seconds."""
        return remaining.next_due(self.rooms)

    def unfinished(self) -> int:
        """Photos of the inboxes that are quarantined or still wait."""
        return remaining.unfinished(self.state)

    def idle(self, now: Now) -> bool:
        """Whether everything that was seen has been dealt with (for ``once``)."""
        self.state.now = now
        return remaining.idle(self.rooms)

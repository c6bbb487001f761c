"""What is left to do, and when."""

from __future__ import annotations

from nobgd.jobs.rooms import Rooms
from nobgd.jobs.state import State


def next_due(rooms: Rooms) -> float | None:
    """When there is something to do although nothing is told, in monotonic seconds."""
    state = rooms.state
    every = (rooms.disposals, rooms.probing, rooms.placing, rooms.late)
    times = [each.next_due() for each in every]
    if not state.full:  # else an answer wakes us
        times.append(state.backlog.next_due(state.open_now))
    return min((at for at in times if at is not None), default=None)


def unfinished(state: State) -> int:
    """Photos of the inboxes that are quarantined or still wait."""
    quarantined = sum(state.ledger.count(each, "quarantined") for each in state.inboxes())
    return quarantined + len(state.backlog)


def idle(rooms: Rooms) -> bool:
    """Whether everything that was seen has been dealt with (for ``once``)."""
    state = rooms.state
    seen = all(
        path in state.lost or (path in state.scanned and not state.scanned[path].unsettled)
        for path in state.inboxes()
    )
    return seen and not (state.in_flight or _hopeful(rooms) or rooms.looking.hopeful())


def _hopeful(rooms: Rooms) -> bool:
    """Whether waiting longer may still get something done."""
    state = rooms.state
    if any(state.backlog.waiting(each) and state.is_open(each) for each in state.inboxes()):
        return True
    busy = (rooms.probing, rooms.disposals, rooms.asides, rooms.placing)
    if any(each.hopeful() for each in busy):
        return True
    due = state.backlog.next_due()
    soon = due is not None and due - state.now.monotonic <= 5.0
    return soon and not rooms.outcomes.hopeless()

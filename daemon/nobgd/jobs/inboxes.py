"""What becomes of an inbox: how it is watched, by which configuration, and its end."""

from __future__ import annotations

from nobgd.intake import messages
from nobgd.jobs.events import Closed, Configured
from nobgd.jobs.rooms import Rooms
from nobgd.jobs.state import State

_OVERFLOW = (
    "more happened at once than the kernel keeps for us; everything is looked at instead, so"
    " nothing is missed; if it comes often, raise the sysctl fs.inotify.max_queued_events"
)


def watched(
    state: State, event: messages.Watching | messages.Lost | messages.Back | messages.Overflow
) -> None:
    """How an inbox is watched, or whether it can be."""
    inbox = event.inbox
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


def configured(rooms: Rooms, event: Configured) -> None:
    """A configuration comes into force; what waited of inboxes that it changes is told anew."""
    state = rooms.state
    old, state.config = state.config, event.config
    for each in old.inboxes:
        if state.rules(str(each.path)) != each:  # else its scanner goes on, and tells no more
            _close(rooms, str(each.path))
            _drop(rooms, str(each.path))
    if event.recipes is not None:
        state.making, state.bound = event.recipes, event.bound
        state.others = event.others
        state.recipes.apply(event.config, event.recipes)
    state.know_places()


def closed(rooms: Rooms, event: Closed) -> None:
    """It is watched no more; what waits of it stays, unless it is told ``anew``."""
    _close(rooms, event.inbox)
    if event.anew:
        rooms.state.recipes.forget()
        _drop(rooms, event.inbox)


def _close(rooms: Rooms, inbox: str) -> None:
    """What its scanner told of it is known no more."""
    state = rooms.state
    state.scanned.pop(inbox, None)
    state.lost.pop(inbox, None)
    state.signs.pop(inbox, None)
    rooms.disposals.drop_inbox(inbox)


def _drop(rooms: Rooms, inbox: str) -> None:
    """What waits of it is forgotten."""
    rooms.state.backlog.drop_inbox(inbox)
    rooms.looking.drop_inbox(inbox)

"""Files in an inbox that steer it, for people without a shell: `_PAUSE` and `_RETRY`.

A scanner sees them, a lane removes them; here is what they mean.  An inbox is paused for as long
as `_PAUSE` is there; `_RETRY` takes all of it out of quarantine, and is then removed.
"""

from __future__ import annotations

from nobgd.jobs.arrival import Arrival
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.freeing import free
from nobgd.jobs.state import RETRY, State
from nobgd.values.errands import Unlink
from nobgd.values.wire import ErrandFailed


class Signs:
    """What is asked for in the inboxes.  Only accessed from the main loop."""

    def __init__(self, state: State, arrival: Arrival) -> None:
        self._state = state
        self._arrival = arrival

    def seen(self, inbox: str, names: tuple[str, ...]) -> None:
        """The scanner has seen which signs there are now."""
        state = self._state
        before = state.paused_by(inbox)
        new = frozenset(names) - state.signs.get(inbox, frozenset())
        state.signs[inbox] = frozenset(names)
        if not state.obeys(inbox):
            return
        now = state.paused_by(inbox)
        if (before is None) != (now is None):
            event = {"event": f"inbox.{'resumed' if now is None else 'paused'}", "inbox": inbox}
            state.say("info", {**event, "why": f"the file {before or now} in it"}, counted=False)
        for name in sorted(new):
            if name.upper() == RETRY:
                self._retry(inbox, name)

    def _retry(self, inbox: str, name: str) -> None:
        state = self._state
        rows = state.ledger.in_state("quarantined", inbox=inbox)
        freed = free(state.ledger, [(row.inbox, row.relpath) for row in rows])
        self._arrival.freed(freed)
        event = {"event": "inbox.retried", "inbox": inbox, "photos": len(freed)}
        state.say("info", {**event, "why": f"the file {name}"}, counted=False)
        state.do(RunErrand(Unlink(inbox, name, state.mounts.get(inbox))))

    def ended(self, errand: Unlink, error: ErrandFailed | None) -> None:
        """A sign that was obeyed has been removed, or cannot be."""
        if error is not None:
            why = f"{errand.name} was obeyed, but cannot be removed: {error.reason}"
            event = {"event": "share.refused", "inbox": errand.inbox, "code": error.code}
            self._state.say("warning", {**event, "why": why}, counted=False)

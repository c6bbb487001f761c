"""Small pictures for people who look: made in lanes when somebody asks, into a folder of ours.

Only accessed from the main loop.  Nothing is promised: what is lost with a daemon is asked anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Literal

from nobgd.config import webbing
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.ledger import Row
from nobgd.jobs.state import State
from nobgd.values import Blame
from nobgd.values.errands import Preview
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 16  # under way: the others are asked for again, and do not stand before photos
_FAILURES = 256  # remembered, so that what cannot be shown is not tried with every look

What = Literal["in", "out", "mask"]


class Previews:
    """What is being made, and what could not be."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._under_way: set[str] = set()
        self._failed: OrderedDict[str, ErrandFailed] = OrderedDict()

    def ask(self, row: Row, what: What, side: int) -> dict[str, Any]:
        """Have one made of a photo that is done: {} when it is, or {"failed": why}."""
        state = self._state
        name = webbing.preview(row.inbox, row.relpath, row.changed_at, what, side)
        if (why := self._failed.get(name)) is not None:
            if why.code.blame is not Blame.PHOTO:  # said once: it may go the next time
                del self._failed[name]
            return {"failed": why.reason}
        if not state.bound or name in self._under_way or len(self._under_way) >= _AT_ONCE:
            return {}
        mine = what == "in"
        folder = row.inbox if mine else row.outbox or ""
        place = state.outboxes.get(folder)
        mount = state.mounts.get(folder) if mine or place is None else place.seen
        errand = Preview(
            folder, row.relpath if mine else row.output or "", what, side,
            str(webbing.made(state.config)), name, mount,
        )  # fmt: skip
        self._under_way.add(name)
        state.do(RunErrand(errand))
        return {}

    def ended(self, errand: Preview, error: ErrandFailed | None) -> None:
        """One was made, or could not be."""
        name = errand.name
        self._under_way.discard(name)
        if error is not None:
            self._failed[name] = error
            while len(self._failed) > _FAILURES:
                self._failed.popitem(last=False)

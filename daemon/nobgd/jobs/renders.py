"""Cut-outs in other formats: made in lanes when somebody asks, into a folder of ours.

Only accessed from the main loop.  Nothing is promised: what is lost with a daemon is asked anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from nobgd.config import Output, webbing
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.ledger import Row
from nobgd.jobs.state import State
from nobgd.values.errands import Render
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 16  # under way: the others are asked for again, and do not stand before photos
_FAILURES = 256  # said once each to who asks


class Renders:
    """What is being made, and what could not be."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._under_way: set[str] = set()
        self._failed: OrderedDict[str, ErrandFailed] = OrderedDict()

    def ask(self, row: Row, output: Output) -> dict[str, Any]:
        """Have one made of a photo that is done: {} while it is, or {"failed": why, "code": …}."""
        state = self._state
        rendering = output.rendering
        word = f"{rendering.key},{output.compression}"
        name = webbing.rendered(row.inbox, row.relpath, row.changed_at, word, rendering.tail)
        if (why := self._failed.pop(name, None)) is not None:
            return {"failed": why.reason, "code": str(why.code)}
        if not state.bound or name in self._under_way or len(self._under_way) >= _AT_ONCE:
            return {}
        outbox = row.outbox or ""
        place = state.outboxes.get(outbox)
        errand = Render(
            outbox, row.output or "", rendering, output.compression,
            str(webbing.made(state.config)), name, None if place is None else place.seen,
        )  # fmt: skip
        self._under_way.add(name)
        state.do(RunErrand(errand))
        return {}

    def ended(self, errand: Render, error: ErrandFailed | None) -> None:
        """One was made, or could not be."""
        name = errand.name
        self._under_way.discard(name)
        if error is not None:
            self._failed[name] = error
            while len(self._failed) > _FAILURES:
                self._failed.popitem(last=False)

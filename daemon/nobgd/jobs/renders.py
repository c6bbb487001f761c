"""Cut-outs in other formats: made in lanes when somebody asks, into a folder of ours."""

from __future__ import annotations

from typing import Any

from nobgd.config import Output, webbing
from nobgd.jobs.making import Making
from nobgd.jobs.row import Row
from nobgd.values.errands import Render


class Renders(Making):
    """Those that are being made, and that could not be."""

    def ask(self, row: Row, output: Output) -> dict[str, Any]:
        """Have one made of a photo that is done: {} while it is, or {"failed": why, "code": …}."""
        state = self._state
        rendering = output.rendering
        word = f"{rendering.key},{output.compression}"
        name = webbing.rendered(row.inbox, row.relpath, row.changed_at, word, rendering.tail)
        if (why := self.failed.pop(name, None)) is not None:
            return {"failed": why.reason, "code": str(why.code)}
        if not self.may(name):
            return {}
        outbox = row.outbox or ""
        place = state.outboxes.get(outbox)
        errand = Render(
            outbox, row.output or "", rendering, output.compression,
            str(webbing.made(state.config)), name, None if place is None else place.seen,
        )  # fmt: skip
        self.begin(errand)
        return {}

"""Small pictures for people who look: made in lanes when somebody asks, into a folder of ours.

What cannot be shown is remembered, so that it is not tried with every look.
"""

from __future__ import annotations

from typing import Any, Literal

from nobgd.config import webbing
from nobgd.jobs.making import Making
from nobgd.jobs.row import Row
from nobgd.values import Blame
from nobgd.values.errands import Preview

What = Literal["in", "out", "mask"]


class Previews(Making):
    """Those that are being made, and that could not be."""

    def ask(self, row: Row, what: What, side: int) -> dict[str, Any]:
        """Have one made of a photo that is done: {} when it is, or {"failed": why}."""
        state = self._state
        name = webbing.preview(row.inbox, row.relpath, row.changed_at, what, side)
        if (why := self.failed.get(name)) is not None:
            if why.code.blame is not Blame.PHOTO:  # said once: it may go the next time
                del self.failed[name]
            return {"failed": why.reason}
        if not self.may(name):
            return {}
        mine = what == "in"
        folder = row.inbox if mine else row.outbox or ""
        place = state.outboxes.get(folder)
        mount = state.mounts.get(folder) if mine or place is None else place.seen
        errand = Preview(
            folder, row.relpath if mine else row.output or "", what, side,
            str(webbing.made(state.config)), name, mount,
        )  # fmt: skip
        self.begin(errand)
        return {}

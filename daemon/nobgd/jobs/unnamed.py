"""Files that are not named like a photo: a lane looks at the first bytes of each, once.

The log then says what they are and how they should be called.  One at a time, so that a folder of a
hundred thousand other files delays no photo.
"""

from __future__ import annotations

from collections import OrderedDict

from nobgd.jobs import plan
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.row import Row
from nobgd.jobs.state import State
from nobgd.record import events
from nobgd.values import Blame, Photo, Skip
from nobgd.values.errands import FORMATS, Peek
from nobgd.values.wire import ErrandFailed


class Unnamed:
    """What is still to be looked at.  Only accessed from the main loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: OrderedDict[tuple[str, str], Photo] = OrderedDict()
        self._under_way: tuple[Peek, Photo] | None = None

    def add(self, photo: Photo, row: Row | None) -> None:
        """A file that was refused by its name; what was said of it already is not said again."""
        if row is not None and row.state == "skipped" and row.same_file(photo.size, photo.mtime_ns):
            return
        self._waiting[photo.inbox, photo.relpath] = photo
        self._next()

    def drop(self, inbox: str, relpaths: tuple[str, ...]) -> None:
        """These have left."""
        for relpath in relpaths:
            self._waiting.pop((inbox, relpath), None)

    def _next(self) -> None:
        if self._under_way is not None or not self._waiting:
            return
        _, photo = self._waiting.popitem(last=False)
        errand = Peek(photo.inbox, photo.relpath, self._state.mounts.get(photo.inbox))
        self._under_way = errand, photo
        self._state.do(RunErrand(errand))

    def ended(self, errand: Peek, number: int | None, error: ErrandFailed | None) -> None:
        """A lane has looked at one, or could not."""
        if self._under_way is None or self._under_way[0] is not errand:
            return
        (_, photo), self._under_way = self._under_way, None
        self._next()
        if error is not None and error.code.blame is Blame.NOBODY:
            return  # it has left
        known = number is not None and 0 <= number < len(FORMATS)
        content = FORMATS[number] if known and number is not None else None
        reason = plan.refusal(photo.relpath, content)
        if reason is not None and self._state.rules(photo.inbox) is not None:
            self.skip(photo, reason)

    def skip(self, photo: Photo, reason: str) -> None:
        """A file is not worked on, which is said once."""
        row = self._state.ledger.get(photo.inbox, photo.relpath)
        if row is not None and row.state == "skipped" and row.reason == reason:
            return
        self._state.ledger.skipped(photo, reason)
        skip = Skip(photo.inbox, photo.relpath, reason)
        self._state.say("info", events.photo_skipped(skip))

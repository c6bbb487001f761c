"""Files that are not named like a photo: a lane looks at the first bytes of each, once.

The log then says what they are and how they should be called.  One at a time, so that a folder of a
hundred thousand other files delays no photo.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from nobgd.jobs import plan
from nobgd.jobs.ledger import Row
from nobgd.picture.kinds import FORMATS
from nobgd.values import Blame, Photo
from nobgd.values.errands import Peek
from nobgd.values.wire import ErrandFailed

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service


class Unnamed:
    """What is still to be looked at.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: OrderedDict[tuple[str, str], Photo] = OrderedDict()
        self._under_way = False

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
        if self._under_way or not self._waiting:
            return
        _, photo = self._waiting.popitem(last=False)
        self._under_way = True
        mount = self._service.mounts.get(photo.inbox)
        errand = Peek(photo.inbox, photo.relpath, mount)
        self._service.errand(errand, partial(self._seen, photo))

    def _seen(self, photo: Photo, number: int | None, error: ErrandFailed | None) -> None:
        self._under_way = False
        self._next()
        if error is not None and error.code.blame is Blame.NOBODY:
            return  # it has left
        known = number is not None and 0 <= number < len(FORMATS)
        content = FORMATS[number] if known and number is not None else None
        reason = plan.refusal(photo.relpath, content)
        if reason is not None and self._service.desk.rules(photo.inbox) is not None:
            self._service.desk.skip(photo, reason)

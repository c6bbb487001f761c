"""An exception while one photo is handled is that photo's failure; the loop goes on.

A ledger that cannot be written is no such thing: that error goes on up (see `endure`).

Every statement of the ledger is whole or absent, and what was not booked to its end still has
the state it had, so what is found here is either finished, or not begun, or under way: only the
latter two are set aside, with the code internal.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

from nobgd.values import Code, Failed, Photo

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_SAID = 1000  # different mishaps that are remembered, so that each is said once
# SQLite's word that a value or a statement is wrong, not the disk
_OF_THE_VALUE = (
    sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.IntegrityError,
)  # fmt: skip


def of_the_ledger(error: Exception) -> bool:
    """Whether the ledger itself is in trouble, rather than what was to be written."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_VALUE)


class Mishaps:
    """What went wrong in the loop that must not end it.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._said: set[str] = set()

    def photo(self, photo: Photo, error: Exception) -> None:
        """Set a photo aside that could not be handled.  Raises what is the ledger's."""
        if of_the_ledger(error):
            raise error
        inbox, relpath = photo.inbox, photo.relpath
        what = f"{type(error).__name__}: {error}"
        reason = f"{relpath}: nobgd failed on it ({what}); please report it with the photo"
        try:
            row = self._service.ledger.get(inbox, relpath)
            rules = self._service.desk.rules(inbox)
            open_ = row is None or row.state in ("trying", "retry")
            if rules is not None and open_ and (inbox, relpath) not in self._service.in_flight:
                attempt = 1 if row is None else row.attempts + 1
                failed = Failed(inbox, relpath, Code.INTERNAL, reason, attempt)
                if row is None:
                    self._service.ledger.skipped(photo, reason)
                self._service.booking.set_aside(rules, failed)
                return
        except Exception as worse:
            if of_the_ledger(worse):
                raise
        self.other(error, inbox=inbox, source=os.path.join(inbox, relpath))

    def other(self, error: Exception, **about: Any) -> None:
        """Say once that something could not be done.  Raises what is the ledger's."""
        if of_the_ledger(error):
            raise error
        why = f"{type(error).__name__}: {error}; nobgd goes on without it, please report it"
        key = f"{about} {why}"
        if key not in self._said and len(self._said) < _SAID:
            self._said.add(key)
            self._service.say.error("service.stumbled", why=why, **about)

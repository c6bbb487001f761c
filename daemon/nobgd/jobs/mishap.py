"""An exception while one photo is handled is that photo's failure; the loop goes on.

A ledger that cannot be written is no such thing: that error goes on up (`supervisor.recovery`).

Every statement of the ledger is whole or absent, and what was not booked to its end still has
the state it had, so what is found here is either finished, or not begun, or under way: only the
latter two are set aside, with the code internal.
"""

from __future__ import annotations

import os
from typing import Any

from nobgd.jobs.database import of_the_ledger
from nobgd.jobs.outcome import Outcomes
from nobgd.jobs.state import State
from nobgd.values import Code, Failed, Photo

_SAID = 1000  # different mishaps that are remembered, so that each is said once


class Mishaps:
    """What went wrong in the loop that must not end it.  Only accessed from the main loop."""

    def __init__(self, state: State, outcomes: Outcomes) -> None:
        self._state = state
        self._outcomes = outcomes
        self._said: set[str] = set()

    def photo(self, photo: Photo, error: Exception) -> None:
        """Set a photo aside that could not be handled.  Raises what is the ledger's."""
        if of_the_ledger(error):
            raise error
        inbox, relpath = photo.inbox, photo.relpath
        what = f"{type(error).__name__}: {error}"
        reason = f"{relpath}: nobgd failed on it ({what}); please report it with the photo"
        try:
            row = self._state.ledger.get(inbox, relpath)
            rules = self._state.rules(inbox)
            open_ = row is None or row.state in ("trying", "retry")
            if rules is not None and open_ and (inbox, relpath) not in self._state.in_flight:
                attempt = 1 if row is None else row.attempts + 1
                failed = Failed(inbox, relpath, Code.INTERNAL, reason, attempt)
                if row is None:
                    self._state.ledger.skipped(photo, reason)
                self._outcomes.set_aside(rules, failed)
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
            event = {"event": "service.stumbled", "why": why, **about}
            self._state.say("error", event, counted=False)

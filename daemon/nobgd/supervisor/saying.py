"""Say events in the log, those of finished photos exactly once.

A finished photo's line lies in the ledger from the commit that makes the photo done until the
log has taken it, and nowhere else: a log whose disk is full for a week costs no memory.  While
the log lacks lines, those that follow wait behind them, so that it gets all in their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from nobgd.jobs.effects import Record
from nobgd.jobs.ledger import Ledger
from nobgd.record.log import Log

_SHOWN = "shown "  # before a record in the ledger that stdout has shown, and the file has not
_PAGE = 200  # lines given to the log between two commits
_PAGES = 10  # in one turn of the loop


class Saying:
    """The service's voice.  Only accessed from the main loop."""

    def __init__(self, ledger: Ledger, log: Log, noted: Callable[[dict[str, Any]], None]) -> None:
        self._ledger = ledger
        self._log = log
        self._say = log.bound()
        self._noted = noted
        # of the log, as a crash left it, until it has caught up; None: it could not be read yet
        self._tail: bytes | None = b""

    def begin(self) -> None:
        """Give the log what a crash, or a full disk before it, has kept from it."""
        if not self._ledger.unsaid(1):
            return
        self._tail = self._log.tail()
        while self._give_a_page():
            pass

    def tell(self, level: str, event: dict[str, Any], *, counted: bool = True) -> None:
        """Say one event now."""
        fields = dict(event)
        name = fields.pop("event")
        getattr(self._say, level)(name, **fields)
        if counted:
            self._noted(event)

    def finish(self, records: Sequence[Record]) -> None:
        """Say what is finished, which the ledger has for good, and what the log lacks."""
        ledger, log = self._ledger, self._log
        for each in records:
            self._noted(each.event)
        taken = log.finish([each.line for each in records])
        for number, each in enumerate(records):
            if number < taken:
                ledger.said(each.inbox, each.relpath)
            elif log.has_file:
                ledger.owed(each.inbox, each.relpath, _SHOWN + each.line)
        if log.behind:
            for _ in range(_PAGES):
                if time.monotonic() < log.retry_at or not self._give_a_page():
                    break

    def settle(self) -> None:
        """Have it on disk what was said."""
        self._ledger.commit()

    def _give_a_page(self) -> bool:
        """Give the log the oldest lines that it lacks; whether there may be more to give now."""
        ledger, log = self._ledger, self._log
        if self._tail is None:
            self._tail = log.tail()
            if self._tail is None:
                return False
        rows = ledger.unsaid(_PAGE)
        for inbox, relpath, record in rows:
            line = record.removeprefix(_SHOWN)
            if not (self._tail and line.encode() in self._tail):
                # without the mark: killed before stdout had shown it, or just after
                if log.has_file and not record.startswith(_SHOWN):
                    log.show(line)
                    ledger.owed(inbox, relpath, _SHOWN + line)
                if not log.repay(line):
                    return False
            ledger.said(inbox, relpath)
        ledger.commit()
        if len(rows) == _PAGE:
            return True
        self._tail = b""
        log.caught_up()
        return False

"""Say events in the log: at once, or for finished photos once the ledger has them for good.

A finished photo's line lies in the ledger from the commit that makes the photo done until the
log has taken it, and nowhere else: a log whose disk is full for a week costs no memory.  While
the log lacks lines, those that follow wait behind them, so that it gets all in their order.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_Unsaid = tuple[str, str, str, dict[str, Any]]  # inbox, relpath, line, event
_SHOWN = "shown "  # before a record in the ledger that stdout has shown, and the file has not
_PAGE = 200  # lines given to the log between two commits
_PAGES = 10  # in one turn of the loop


class Saying:
    """The service's voice.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unsaid: list[_Unsaid] = []
        # of the log, as a crash left it, until it has caught up; None: it could not be read yet
        self._tail: bytes | None = b""

    def begin(self) -> None:
        """Give the log what a crash, or a full disk before it, has kept from it."""
        if not self._service.ledger.unsaid(1):
            return
        self._tail = self._service.log.tail()
        while self._give_a_page():
            pass

    def keep(self, inbox: str, relpath: str, line: str, event: dict[str, Any]) -> None:
        """A finished photo's line, to be said by `settle_accounts`."""
        self._unsaid.append((inbox, relpath, line, event))

    def tell(self, level: str, event: dict[str, Any]) -> None:
        """Say one event now."""
        fields = dict(event)
        name = fields.pop("event")
        getattr(self._service.say, level)(name, **fields)
        self._service.noted(event)

    def settle_accounts(self) -> None:
        """Make everything durable, then say what is finished."""
        service, log = self._service, self._service.log
        service.ledger.commit()
        waiting, self._unsaid = self._unsaid, []
        for _, _, _, event in waiting:
            service.noted(event)
        taken = log.finish([line for _, _, line, _ in waiting])
        for number, (inbox, relpath, line, _) in enumerate(waiting):
            if number < taken:
                service.ledger.said(inbox, relpath)
            elif log.has_file:
                service.ledger.owed(inbox, relpath, _SHOWN + line)
        if log.behind:
            for _ in range(_PAGES):
                if time.monotonic() < log.retry_at or not self._give_a_page():
                    break
        service.ledger.commit()

    def _give_a_page(self) -> bool:
        """Give the log the oldest lines that it lacks; whether there may be more to give now."""
        ledger, log = self._service.ledger, self._service.log
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

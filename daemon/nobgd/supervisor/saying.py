"""Say events in the log: at once, or for finished photos once the ledger has them for good.

Lines of finished photos are said only after `settle_accounts` has made them durable, and
kept until the log took them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_Unsaid = tuple[str, str, str, dict[str, Any]]  # inbox, relpath, line, event


class Saying:
    """The service's voice.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unsaid: list[_Unsaid] = []

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
        service = self._service
        service.ledger.commit()
        if not self._unsaid:
            return
        waiting, self._unsaid = self._unsaid, []
        for entry in waiting:
            inbox, relpath, line, event = entry
            if service.log.write(line):
                service.ledger.said(inbox, relpath)
                service.noted(event)
            else:
                self._unsaid.append(entry)
        service.ledger.commit()

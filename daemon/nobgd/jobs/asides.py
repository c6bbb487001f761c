"""Copies in quarantine: made once the ledger has their photo, kept as promised, and released.

A copy is made when the quarantine is there; one that a kill, or a folder that was away, kept from
being made is made later.  It is taken away when its photo is done, or tried again while the
original stands in its inbox; never because a listing does not hold the original any more.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from nobgd.config import InboxConfig
from nobgd.jobs.ledger import Row
from nobgd.values import Code, errands
from nobgd.values.errands import Release, SetAside
from nobgd.values.wire import ErrandFailed

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

Key = tuple[str, str]  # inbox, relpath
_AT_ONCE = 4


class Asides:
    """What is to be set aside.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: dict[Key, None] = {}
        self._releases: list[Release] = []
        self._sent = 0

    def resume(self) -> None:
        """At the start: copies that are still to be made."""
        for row in self._service.ledger.in_state("quarantined"):
            if row.aside is None and not row.gone:
                self._waiting[row.inbox, row.relpath] = None

    def add(self, inbox: str, relpath: str) -> None:
        """A photo was booked as quarantined."""
        self._waiting[inbox, relpath] = None

    def release(self, row: Row, rules: InboxConfig, *, standing: bool) -> None:
        """The copy of a photo that was set aside is not needed any more; see `Release`."""
        if row.aside is not None:
            folder = str(rules.quarantine)
            place = self._service.quarantines.get(folder)
            self._releases.append(
                Release(
                    folder, row.relpath, row.inbox, copied_as(row), standing=standing,
                    mount=place.mount if place is not None else None,
                )
            )  # fmt: skip

    def hopeful(self) -> bool:
        """Whether there is a copy to be made that can be (for ``once``)."""
        return any(self._ready(inbox) for inbox, _ in self._waiting)

    def _ready(self, inbox: str) -> bool:
        rules = self._service.desk.rules(inbox)
        return rules is not None and self._service.quarantines[str(rules.quarantine)].ready

    def start(self) -> None:
        """Have lanes do it; the ledger has everything on disk."""
        releases, self._releases = self._releases, []
        for each in releases:
            self._service.errand(each)
        for key in list(self._waiting):
            if self._sent >= _AT_ONCE:
                return
            rules = self._service.desk.rules(key[0])
            row = self._service.ledger.get(*key)
            if rules is None or row is None or row.state != "quarantined":
                del self._waiting[key]
            elif self._ready(key[0]):
                del self._waiting[key]
                self._send(row, rules)

    def _send(self, row: Row, rules: InboxConfig) -> None:
        service, folder = self._service, str(rules.quarantine)
        self._sent += 1
        own = str(service.config.state_dir) + "/"
        shared = [str(i.quarantine) for i in service.config.inboxes]
        counted = [each for each in shared if each.startswith(own)]
        errand = SetAside(
            row.inbox, row.relpath, folder, row.reason or "", service.config.quarantine_limit,
            tuple(counted) if folder.startswith(own) else (folder,),
            service.mounts.get(row.inbox), service.quarantines[folder].mount,
        )  # fmt: skip
        service.errand(errand, lambda found, error: self._answered(row, folder, found, error))

    def _answered(
        self, row: Row, folder: str, found: int | None, error: ErrandFailed | None
    ) -> None:
        self._sent -= 1
        service = self._service
        if error is not None:
            place = service.quarantines.get(folder)
            if error.code is Code.GONE_AWAY and place is not None:
                self._waiting[row.inbox, row.relpath] = None  # made when it is back
                service.desk.lost(place, error.code, error.reason, time.monotonic())
                return
            self._not(row, "", error.code, error.reason)
            return
        number, state = divmod(found or 0, errands.STATES)  # `pool.reply` knows no others
        if state == errands.COPIED:
            service.ledger.aside(row.inbox, row.relpath, str(number))
            return
        why = errands.NOT_COPIED.get(state, "nothing that is understood was answered")
        code = Code.NO_SPACE if state in (errands.LIMIT, errands.ROOM) else Code.UNSAFE
        reason = f"{row.relpath} was not copied to {folder}: {why}; it is in its inbox only"
        if state == errands.UNREADABLE:
            service.ledger.aside(row.inbox, row.relpath, f"{number} {why}")
        else:
            self._not(row, f"{number} {why}", code, reason)

    def _not(self, row: Row, aside: str, code: Code, reason: str) -> None:
        service = self._service
        service.ledger.aside(row.inbox, row.relpath, aside or f"0 {reason}")
        service.saying.tell(
            "warning",
            {"event": "photo.not_set_aside", "inbox": row.inbox,
             "source": os.path.join(row.inbox, row.relpath), "code": code, "reason": reason},
        )  # fmt: skip


def copied_as(row: Row) -> int:
    """The number of the name that the copy of a photo has in quarantine."""
    number = (row.aside or "").partition(" ")[0]
    return int(number) if number.isdigit() else 0


def not_copied(row: Row) -> str | None:
    """Why there is no copy of a photo in quarantine; None: there is one."""
    return (row.aside.partition(" ")[2] or None) if row.aside is not None else "not yet"

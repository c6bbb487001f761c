"""Copies in quarantine: made once the ledger has their photo, kept as promised, and released.

A copy is made when the quarantine is there; one that a kill, or a folder that was away, kept from
being made is made later.  It is taken away when its photo is done, or tried again while the
original stands in its inbox; never because a listing does not hold the original any more.
"""

from __future__ import annotations

import os

from nobgd.config import InboxConfig
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.probing import Probing
from nobgd.jobs.row import Row
from nobgd.jobs.state import Key, State
from nobgd.values import Code, errands
from nobgd.values.errands import Release, SetAside
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 4


class Asides:
    """What is to be set aside.  Only accessed from the main loop."""

    def __init__(self, state: State, probing: Probing) -> None:
        self._state = state
        self._probing = probing
        self._waiting: dict[Key, None] = {}
        self._sent = 0

    def resume(self) -> None:
        """At the start: copies that are still to be made."""
        for row in self._state.ledger.in_state("quarantined"):
            if row.aside is None and not row.gone:
                self._waiting[row.inbox, row.relpath] = None

    def add(self, inbox: str, relpath: str) -> None:
        """A photo was booked as quarantined."""
        self._waiting[inbox, relpath] = None

    def release(self, row: Row, rules: InboxConfig, *, standing: bool) -> None:
        """The copy of a photo that was set aside is not needed any more; see `Release`."""
        if row.aside is not None:
            folder = str(rules.quarantine)
            place = self._state.quarantines.get(folder)
            errand = Release(
                folder, row.relpath, row.inbox, copied_as(row), standing=standing,
                mount=place.mount if place is not None else None,
            )  # fmt: skip
            self._state.do(RunErrand(errand))

    def hopeful(self) -> bool:
        """Whether there is a copy to be made that can be (for ``once``)."""
        return any(self._ready(inbox) for inbox, _ in self._waiting)

    def _ready(self, inbox: str) -> bool:
        rules = self._state.rules(inbox)
        return rules is not None and self._state.quarantines[str(rules.quarantine)].ready

    def start(self) -> None:
        """Have lanes do it."""
        for key in list(self._waiting):
            if self._sent >= _AT_ONCE:
                return
            rules = self._state.rules(key[0])
            row = self._state.ledger.get(*key)
            if rules is None or row is None or row.state != "quarantined":
                del self._waiting[key]
            elif self._ready(key[0]):
                del self._waiting[key]
                self._send(row, rules)

    def _send(self, row: Row, rules: InboxConfig) -> None:
        state, folder = self._state, str(rules.quarantine)
        self._sent += 1
        own = str(state.config.state_dir) + "/"
        shared = [str(i.quarantine) for i in state.config.inboxes]
        counted = [each for each in shared if each.startswith(own)]
        errand = SetAside(
            row.inbox, row.relpath, folder, row.reason or "", state.config.quarantine_limit,
            tuple(counted) if folder.startswith(own) else (folder,),
            state.mounts.get(row.inbox), state.quarantines[folder].mount,
        )  # fmt: skip
        state.do(RunErrand(errand))

    def taken_back(self, errand: SetAside, *, again: bool) -> None:
        """No lane has begun it; without ``again`` none will, before the next start."""
        self._sent -= 1
        if again:
            self._waiting[errand.inbox, errand.relpath] = None

    def ended(self, errand: SetAside, found: int | None, error: ErrandFailed | None) -> None:
        """A copy was made, or could not be."""
        self._sent -= 1
        state, folder = self._state, errand.quarantine
        if error is not None:
            place = state.quarantines.get(folder)
            if error.code is Code.GONE_AWAY and place is not None:
                self._waiting[errand.inbox, errand.relpath] = None  # made when it is back
                self._probing.lost(place, error.code, error.reason)
                return
            self._not(errand, "", error.code, error.reason)
            return
        number, copied = divmod(found or 0, errands.STATES)  # `pool.reply` knows no others
        if copied == errands.COPIED:
            state.ledger.aside(errand.inbox, errand.relpath, str(number))
            return
        why = errands.NOT_COPIED.get(copied, "nothing that is understood was answered")
        code = Code.NO_SPACE if copied in (errands.LIMIT, errands.ROOM) else Code.UNSAFE
        reason = f"{errand.relpath} was not copied to {folder}: {why}; it is in its inbox only"
        if copied == errands.UNREADABLE:
            state.ledger.aside(errand.inbox, errand.relpath, f"{number} {why}")
        else:
            self._not(errand, f"{number} {why}", code, reason)

    def _not(self, errand: SetAside, aside: str, code: Code, reason: str) -> None:
        state, source = self._state, os.path.join(errand.inbox, errand.relpath)
        state.ledger.aside(errand.inbox, errand.relpath, aside or f"0 {reason}")
        event = {"event": "photo.not_set_aside", "inbox": errand.inbox, "source": source}
        state.say("warning", {**event, "code": code, "reason": reason})


def copied_as(row: Row) -> int:
    """The number of the name that the copy of a photo has in quarantine."""
    number = (row.aside or "").partition(" ")[0]
    return int(number) if number.isdigit() else 0


def not_copied(row: Row) -> str | None:
    """Why there is no copy of a photo in quarantine; None: there is one."""
    return (row.aside.partition(" ")[2] or None) if row.aside is not None else "not yet"

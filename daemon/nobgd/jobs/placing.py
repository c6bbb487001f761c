"""Cut-outs that go from `_review/` to their place when accepted, or back when that is undone.

The verdict is in the ledger first, and says by itself what is left to do after a kill: an accepted
cut-out that the ledger knows in `_review/`.  While a lane has it, no job of its photo begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from nobgd.config import InboxConfig
from nobgd.jobs import plan
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.probing import Probing
from nobgd.jobs.row import Row
from nobgd.jobs.state import Key, State
from nobgd.record import events
from nobgd.values import Blame, Code, waiting
from nobgd.values.errands import Place
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 4
_SPARES = ("", "-2", "-3")  # of names by the photo's hash, for when the plain ones are taken


class Placing:
    """What is to be put into its place.  Only accessed from the main loop."""

    def __init__(self, state: State, probing: Probing) -> None:
        self._state = state
        self._probing = probing
        self._waiting: dict[Key, float] = {}  # since when it may be tried, monotonic seconds
        self._tries: dict[Key, int] = {}
        self._sent: dict[int, tuple[Place, Row]] = {}  # by the errand's identity

    def resume(self) -> None:
        """At the start: what was accepted and is not in its place."""
        for row in self._state.ledger.accepted():
            if waiting.waits(row.output, row.relpath):
                self.add(row)

    def judged(self, rows: Iterable[Row]) -> None:
        """Somebody judged these cut-outs; they go where they belong, if they are not there."""
        for each in rows:
            row = self._state.ledger.get(each.inbox, each.relpath)
            if row is not None:
                self.add(row)

    def add(self, row: Row) -> None:
        """One of them."""
        rules = self._state.rules(row.inbox)
        if rules is not None and _goes(row, rules):
            self._waiting[row.inbox, row.relpath] = self._state.now.monotonic

    def hopeful(self) -> bool:
        """Whether there is one that can be put into its place (for ``once``)."""
        ready = any(self._ready(inbox) for inbox, _ in self._waiting if not self._tries)
        return bool(self._sent) or ready

    def next_due(self) -> float | None:
        """When `start` has something to do."""
        if len(self._sent) >= _AT_ONCE:
            return None
        ready = (at for key, at in self._waiting.items() if self._ready(key[0]))
        return min(ready, default=None)

    def _ready(self, inbox: str) -> bool:
        rules = self._state.rules(inbox)
        return rules is not None and self._state.outboxes[str(rules.outbox)].ready

    def start(self) -> None:
        """Have lanes do it."""
        now = self._state.now.monotonic
        for key, at in list(self._waiting.items()):
            if len(self._sent) >= _AT_ONCE:
                return
            rules, row = self._state.rules(key[0]), self._state.ledger.get(*key)
            if rules is None or row is None or not _goes(row, rules):
                self._forget(key)
            elif at <= now and self._ready(key[0]) and key not in self._state.in_flight:
                del self._waiting[key]
                self._send(row, rules)

    def _send(self, row: Row, rules: InboxConfig) -> None:
        state, outbox, output = self._state, row.outbox or "", row.output or ""
        box, names = state.outboxes.get(outbox), _names(row, rules)
        owners = state.ledger.owners(outbox, names).items()
        taken = frozenset(name for name, owner in owners if owner != (row.inbox, row.relpath))
        errand = Place(
            outbox, output, names, taken, row.relpath, plan.inbox_key(row.inbox),
            row.sha256 or "", rules.output.suffix + os.path.splitext(output)[1],
            None if box is None else box.seen,
        )  # fmt: skip
        state.moving.add((row.inbox, row.relpath))
        self._sent[id(errand)] = errand, row
        state.do(RunErrand(errand))

    def taken_back(self, errand: Place) -> None:
        """No lane has begun it."""
        _, row = self._sent.pop(id(errand))
        self._state.moving.discard((row.inbox, row.relpath))
        self._waiting[row.inbox, row.relpath] = self._state.now.monotonic

    def ended(self, errand: Place, number: int | None, error: ErrandFailed | None) -> Row:
        """One is in its place, or could not be put there; the photo."""
        _, row = self._sent.pop(id(errand))
        key, state = (row.inbox, row.relpath), self._state
        state.moving.discard(key)
        source = os.path.join(*key)
        if error is None:
            self._forget(key)
            name = errand.names[number or 0]
            state.ledger.placed(*key, name)
            output = os.path.join(errand.outbox, name)
            state.say("info", events.photo_placed(row.inbox, source, output))
            return row
        if error.code is Code.VANISHED:  # moved or taken away by hand: that was its placing
            self._forget(key)
            state.ledger.placed(*key, errand.names[0])
        else:
            tries = self._tries[key] = self._tries.get(key, 0) + 1
            self._waiting[key] = state.now.monotonic + plan.backoff_s(tries)
            place = state.outboxes.get(errand.outbox)
            if error.code.blame is Blame.PLACE and place is not None:
                self._probing.lost(place, error.code, error.reason)
            if tries > 1:
                return row  # said once
        state.say("warning", events.photo_not_placed(row.inbox, source, error.code, error.reason))
        return row

    def _forget(self, key: Key) -> None:
        self._waiting.pop(key, None)
        self._tries.pop(key, None)


def _goes(row: Row, rules: InboxConfig) -> bool:
    """Whether it lies in the other part than where it belongs."""
    if row.state != "done" or row.output is None:
        return False
    if waiting.waits(row.output, row.relpath):
        return row.review == "accepted"
    return row.review == "open" and rules.review.action == "folder"


def _names(row: Row, rules: InboxConfig) -> tuple[str, ...]:
    """What it may be called there, best first: as it is called, else as a cut-out of its photo."""
    output = row.output or ""
    waits = waiting.waits(output, row.relpath)
    suffix, end = rules.output.suffix, os.path.splitext(output)[1]
    head, tail = plan.spare(row.relpath, suffix, end)
    spare = f"{head}{(row.sha256 or '')[:16]}"
    spares = (f"{spare}{number}{tail}" for number in _SPARES)
    usual = (*plan.outputs(row.relpath, suffix, end), *spares)
    first = waiting.placed(output) if waits else waiting.apart(output)
    return tuple(dict.fromkeys((first, *(usual if waits else map(waiting.apart, usual)))))

"""Cut-outs that a machine which lost a photo may have written over: looked at once more, later.

A machine that slept between its last look at a photo and the rename (two system calls) wakes up,
and puts a cut-out of what the photo was over that of what it is.  After a deadline and two leases
it is surely at nothing of ours any more: then a lane reads whose cut-out stands there.  One of
other bytes, or by another recipe, is made anew; one that is not there was taken away by somebody.

A restart forgets what was to be looked at, and what was away: so all that was done shortly before
it, and what is done shortly after it, is looked at.
"""

from __future__ import annotations

import heapq
import os

from nobgd.jobs import plan
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.row import Row
from nobgd.jobs.state import Key, State
from nobgd.record import events
from nobgd.values import Photo
from nobgd.values.errands import AS_SAID, NOT_THERE, Look
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 1
_AGAIN_S = 10.0  # while its place is away, or it is being made
_TRIES = 3  # that failed
_PART, _MOST = 200, 5_000  # rows of the time before a start: asked for at once, and in all


class Late:
    """What is to be looked at.  Only accessed from the main loop; times are monotonic seconds."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[Key, float] = {}
        self._due: list[tuple[float, Key]] = []
        self._tries: dict[Key, int] = {}
        self._sent: dict[Look, Row] = {}
        self._settled_at: float | None = None  # nobody has a photo of the time before the start

    def add(self, inbox: str, relpath: str, *, was_away: bool) -> None:
        """A photo's job has ended here; ``was_away``: another machine had lost it."""
        if not was_away and self._state.now.monotonic >= (self._settled_at or 0.0):
            return
        if (wait_s := self._state.others_s) > 0:
            self._tries.pop((inbox, relpath), None)
            self._at((inbox, relpath), wait_s)

    def next_due(self) -> float | None:
        """When `start` has something to do."""
        return self._due[0][0] if self._due and len(self._sent) < _AT_ONCE else None

    def start(self) -> None:
        """Have a lane look at what is due."""
        if self._settled_at is None:
            self._begin()
        now = self._state.now.monotonic
        while self._due and self._due[0][0] <= now and len(self._sent) < _AT_ONCE:
            due, key = heapq.heappop(self._due)
            if self._waiting.get(key) == due:  # else it was done once more meanwhile
                del self._waiting[key]
                self._look(key)

    def _begin(self) -> None:
        """The first turn of this process."""
        wait_s, now = self._state.others_s, self._state.now
        self._settled_at = now.monotonic + wait_s
        if wait_s <= 0:
            return
        after = None
        for _ in range(0, _MOST, _PART):
            rows = self._state.ledger.latest("done", after, _PART)
            for row in rows:
                if row.changed_at < now.epoch - wait_s:
                    return
                self._at((row.inbox, row.relpath), wait_s)
            if len(rows) < _PART:
                return
            after = (rows[-1].changed_at, rows[-1].inbox, rows[-1].relpath)

    def _at(self, key: Key, wait_s: float) -> None:
        due = self._waiting[key] = self._state.now.monotonic + wait_s
        heapq.heappush(self._due, (due, key))

    def _look(self, key: Key) -> None:
        state, row = self._state, self._state.ledger.get(*key)
        if row is None or row.left or state.rules(key[0]) is None:
            return  # there is nothing to make it anew from
        box = state.outboxes.get(row.outbox or "")
        if row.state in ("trying", "retry") or key in state.moving or not (box and box.ready):
            self._at(key, _AGAIN_S)
        elif row.state == "done":
            keys = frozenset({plan.inbox_key(row.inbox)})
            errand = Look(
                row.outbox or "", row.output or "", row.relpath, keys, row.sha256 or "",
                row.recipe or "", box.seen,
            )  # fmt: skip
            self._sent[errand] = row
            state.do(RunErrand(errand))

    def ended(self, errand: Look, found: int | None, error: ErrandFailed | None) -> None:
        """A lane has looked, or could not."""
        row, state = self._sent.pop(errand), self._state
        key = (row.inbox, row.relpath)
        if error is not None:
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] < _TRIES:
                self._at(key, state.others_s + _AGAIN_S)
                return
        self._tries.pop(key, None)
        if found is None or found in (AS_SAID, NOT_THERE):
            return
        if state.ledger.spoilt(row, f"{found:064x}"):
            output = os.path.join(errand.outbox, errand.relpath)
            event = events.photo_spoilt(row.inbox, os.path.join(*key), output)
            state.say("warning", event)
            stamp = (row.inode, row.ctime_ns)
            state.backlog.add(Photo(*key, row.size, row.mtime_ns, 0.0, *stamp))

    def taken_back(self, errand: Look) -> None:
        """No lane has begun it."""
        row = self._sent.pop(errand)
        self._at((row.inbox, row.relpath), 0.0)

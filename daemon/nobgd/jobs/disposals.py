"""Originals that are to be archived or deleted: when each is tried, and what is said if it stays.

An original is tried once its photo is durable as done, then whenever it may have been quiet for
long enough.  One that stays is kept in the ledger with a code, said once for each code
(`source.kept`), and tried again with back-off; when it goes after all, that is said too
(`source.gone`).  Of many that stay for one reason a few are named and the rest are a number
(`sources.kept`).  What only another file could change (further pages, nothing found) is not
tried again.  A folder that failed is that folder's state (`archive.lost`), not each photo's.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nobgd.config import InboxConfig
from nobgd.jobs import doubtful, plan
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.failing import Failing
from nobgd.jobs.hiding import Hiding
from nobgd.jobs.looking import Looking
from nobgd.jobs.probing import Probing
from nobgd.jobs.row import Row
from nobgd.jobs.state import Key, State
from nobgd.values import Blame, Code, Failed, Photo, barrier, waiting
from nobgd.values.errands import Dispose
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 8  # errands under way: the others wait here, not in the lanes' queue
_PLACE_S = 1.0  # to look again whether a folder is there
# Of whoever failed so nobody knows whether it took the original away before
_UNSURE = frozenset({Code.CRASHED, Code.DEADLINE, Code.OUT_OF_MEMORY, Code.GONE_AWAY})
FOR_GOOD = frozenset({Code.DAMAGED, Code.MORE_PICTURES, Code.MORE_DATA, Code.NOTHING_FOUND})


@dataclass(slots=True)
class _Pending:
    since: float  # quiet since then, as far as was seen
    due: float
    tries: int = 0  # that ended in a complaint
    sent: bool = False
    left: bool = False  # the scanner saw it leave meanwhile, and will tell of it if it is back
    anew: bool = False  # while it was sent the next photo of that name was done
    unsure: bool = False  # its lane ended or hung at it: it may be in its inbox or not


class Disposals:
    """What is to go.  Only accessed from the main loop; times are monotonic seconds."""

    def __init__(self, state: State, probing: Probing, looking: Looking) -> None:
        self._state = state
        self._probing = probing
        self._looking = looking
        self._pending: dict[Key, _Pending] = {}
        self._due: list[tuple[float, Key]] = []
        self._sent: dict[int, tuple[Dispose, Row, _Pending]] = {}  # by the errand's identity
        self.staying = Failing("sources.kept")
        self.hiding = Hiding(state, self._tell_kept)

    def add(self, inbox: str, relpath: str, quiet_s: float) -> None:
        """A photo that is done, and quiet for so long; tried from the next `start` on."""
        now = self._state.now.monotonic
        pending = self._pending.setdefault((inbox, relpath), _Pending(now - quiet_s, now))
        pending.since, pending.unsure = now - quiet_s, False
        if pending.sent:
            pending.anew = True
        else:
            self._at((inbox, relpath), pending, now)

    def drop_inbox(self, inbox: str) -> None:
        """An inbox is closed, or its rules are others now; what stands there is told anew."""
        for key in [key for key in self._pending if key[0] == inbox]:
            del self._pending[key]
        self.hiding.drop_inbox(inbox)
        self.staying.forget(inbox)

    def gone(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Originals have left by other hands: they stay no more.

        One that a lane has is in the hidden folder, perhaps: what the lane answers counts.
        """
        for relpath in relpaths:
            pending = self._pending.get((inbox, relpath))
            if pending is not None and pending.sent:
                pending.left = True
            elif self.staying:
                self.staying.ended(inbox, relpath, silently=True)

    def tell(self) -> None:
        """Say how many stay for one reason, where that has changed."""
        for event in self.staying.due(self._state.now.monotonic):
            self._state.say("warning" if event["count"] else "info", event)

    def hopeful(self) -> bool:
        """Whether waiting may still get one away (for ``once``): none that has complained."""
        now = self._state.now.monotonic
        return any(
            not each.tries and each.due - now <= self._need_s(inbox)
            for (inbox, _), each in self._pending.items()
        )

    def waits_s(self, inbox: str, relpath: str, now: float) -> float | None:
        """Seconds until the next try; None: there is none to come."""
        pending = self._pending.get((inbox, relpath))
        return None if pending is None else max(0.0, pending.due - now)

    def next_due(self) -> float | None:
        """When `start` has something to do."""
        times = self.hiding.due()
        if self._due and len(self._sent) < _AT_ONCE:
            times.append(self._due[0][0])
        return min(times, default=None)

    def start(self) -> None:
        """Have lanes do what is due."""
        now = self._state.now.monotonic
        self.hiding.start()
        while self._due and self._due[0][0] <= now and len(self._sent) < _AT_ONCE:
            due, key = heapq.heappop(self._due)
            pending = self._pending.get(key)
            if pending is not None and not pending.sent and pending.due == due:
                self._try(key, pending, now)

    # --- one ------------------------------------------------------------------------------

    def _at(self, key: Key, pending: _Pending, due: float) -> None:
        pending.due = due
        heapq.heappush(self._due, (due, key))

    def _need_s(self, inbox: str) -> float:
        rules = self._state.rules(inbox)
        return barrier.quiet_s(rules.watch.settle_s if rules is not None else 0.0)

    def _try(self, key: Key, pending: _Pending, now: float) -> None:
        state, rules = self._state, self._state.rules(key[0])
        row = state.ledger.get(*key)
        goes = (
            row is not None and row.state == "done" and not row.disposed
            and (pending.unsure or not row.gone)
        )  # fmt: skip
        if row is None or not goes or rules is None or rules.source == "keep":
            del self._pending[key]
            return
        if row.kept is not None:
            self._counted(row, row.kept, row.kept_why or "", now, known=True)
        if (found := doubtful.stays(row)) is not None:
            del self._pending[key]
            self._stays(row, *found)
            return
        moves = row.review == "accepted" and waiting.waits(row.output, row.relpath)
        if moves or key in state.in_flight or not all(self._places(rules)):
            self._at(key, pending, now + _PLACE_S)
            return
        errand = self._errand(row, rules, now - pending.since)
        pending.sent, pending.left, pending.anew = True, False, False
        state.ledger.going(row)  # on disk before it goes
        self._sent[id(errand)] = errand, row, pending
        state.do(RunErrand(errand))

    def _places(self, rules: InboxConfig) -> Iterator[bool]:
        """Whether each folder that is needed is there."""
        state = self._state
        yield str(rules.path) not in state.lost
        yield state.outboxes[str(rules.outbox)].ready
        if rules.source == "archive":
            yield state.archives[str(rules.archive)].ready

    def _errand(self, row: Row, rules: InboxConfig, quiet_s: float) -> Dispose:
        state, outbox = self._state, row.outbox or ""
        archive = state.archives[str(rules.archive)] if rules.source == "archive" else None
        box = state.outboxes.get(outbox)
        return Dispose(
            row.inbox, row.relpath, row.size, row.mtime_ns, row.sha256 or "",
            os.path.join(outbox, row.output or ""), row.recipe or "",
            plan.inbox_key(row.inbox), row.keep, quiet_s, barrier.quiet_s(rules.watch.settle_s),
            outbox, archive.path if archive else None, archive.mount if archive else None,
            state.mounts.get(row.inbox), box.seen if box else None,
        )  # fmt: skip

    def ended(self, errand: Dispose, wait_ms: int | None, error: ErrandFailed | None) -> None:
        """An original went, has to wait, or stays."""
        _, row, pending = self._sent.pop(id(errand))
        pending.sent = False
        key, now = (row.inbox, row.relpath), self._state.now.monotonic
        mine = self._pending.get(key) is pending
        went = error is None and not wait_ms
        pending.unsure = error is not None and error.code in _UNSURE
        if not (went or pending.unsure or (error and error.code is Code.VANISHED)):
            self._stayed(row, pending)
        if went:
            self._gone(row)
            place = self._state.archives.get(errand.archive) if errand.archive else None
            if place is not None and place.used():
                self._probing.back(place)
        elif mine and pending.anew:
            pass  # what is said of the one before is not said of it
        elif error is None:
            if mine:
                self._at(key, pending, now + (wait_ms or 0) / 1000)
            return
        elif error.code is Code.CHANGED:
            photo = Photo(*key, row.size, row.mtime_ns, 0.0, row.inode, row.ctime_ns)
            self._looking.add(photo)
        elif error.code is not Code.VANISHED:
            if mine:
                self._failed(row, pending, error, now)
            return
        if error is not None:
            self.staying.ended(*key, silently=True)
        if mine and pending.anew:
            self._at(key, pending, now)
        elif mine:
            del self._pending[key]

    def taken_back(self, errand: Dispose) -> None:
        """No lane has begun it."""
        key = (errand.inbox, errand.relpath)
        _, row, pending = self._sent.pop(id(errand))
        pending.sent = False
        self._stayed(row, pending)
        if self._pending.get(key) is pending:
            self._at(key, pending, self._state.now.monotonic)

    def _stayed(self, row: Row, pending: _Pending) -> None:
        if not pending.left:
            self._state.ledger.stayed(row)

    def _gone(self, row: Row) -> None:
        self._state.ledger.disposed(row)
        staying = self.staying.ended(row.inbox, row.relpath)
        if row.kept is not None and staying:
            source = os.path.join(row.inbox, row.relpath)
            event = {"event": "source.gone", "inbox": row.inbox, "source": source}
            self._state.say("info", event)

    def _failed(self, row: Row, pending: _Pending, error: ErrandFailed, now: float) -> None:
        key = (row.inbox, row.relpath)
        place = self._state.archives.get(error.place)
        if place is not None and error.code.blame is Blame.PLACE:
            full = error.code in (Code.NO_SPACE, Code.QUOTA)  # a probe may fit where it does not
            self._probing.lost(place, error.code, error.reason, by_photo=full)
            self._at(key, pending, now + _PLACE_S)
            return
        if error.code is Code.GONE_AWAY:  # the inbox or the outbox, which say so themselves
            self._at(key, pending, now + _PLACE_S)
            return
        pending.tries += 1
        self._stays(row, error.code, error.reason)
        if error.code in FOR_GOOD:
            del self._pending[key]
        else:
            self._at(key, pending, now + plan.backoff_s(pending.tries))

    def _stays(self, row: Row, code: Code, reason: str) -> None:
        """Say that an original stays, once for each code."""
        state = self._state
        known = state.ledger.get(row.inbox, row.relpath)
        if known is None:
            return
        again = known.kept == code
        named = self._counted(row, code, reason, state.now.monotonic, known=again)
        if again:
            return
        keep = str(code) if code in FOR_GOOD else known.keep
        state.ledger.kept(row.inbox, row.relpath, code, reason, keep)
        if named:
            self._tell_kept(row.inbox, row.relpath, code, reason)

    def _counted(self, row: Row, code: str, reason: str, now: float, *, known: bool) -> bool:
        failed = Failed(row.inbox, row.relpath, Code(code), reason)
        return self.staying.failed(failed, now, known=known)

    def _tell_kept(self, inbox: str, relpath: str, code: Code, reason: str) -> None:
        event = {"event": "source.kept", "inbox": inbox, "source": os.path.join(inbox, relpath)}
        self._state.say("warning", {**event, "code": code, "reason": reason})

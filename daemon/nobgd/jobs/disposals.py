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
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nobgd.config import InboxConfig
from nobgd.fs.names import GOING
from nobgd.jobs import doubtful, plan
from nobgd.jobs.events import Call
from nobgd.jobs.failing import Failing
from nobgd.jobs.ledger import Row
from nobgd.lane.disposal import put_back
from nobgd.values import Blame, Code, Failed, NobgdError, Photo, barrier
from nobgd.values.errands import Dispose, PutBack
from nobgd.values.wire import ErrandFailed

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

Key = tuple[str, str]  # inbox, relpath
_AT_ONCE = 8  # errands under way: the others wait here, not in the lanes' queue
_PLACE_S = 1.0  # to look again whether a folder is there
_LEFT_S = 30.0  # until a hidden folder is cleared in which somebody was at work
FOR_GOOD = frozenset({Code.DAMAGED, Code.MORE_PICTURES, Code.MORE_DATA, Code.NOTHING_FOUND})


@dataclass(slots=True)
class _Pending:
    since: float  # quiet since then, as far as was seen
    due: float
    tries: int = 0  # that ended in a complaint
    sent: bool = False


class Disposals:
    """What is to go.  Only accessed from the main loop; times are monotonic seconds."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pending: dict[Key, _Pending] = {}
        self._due: list[tuple[float, Key]] = []
        self._sent = 0
        self._left: dict[Key, float] = {}  # hidden folders that a kill left something in
        self._clearing: set[Key] = set()
        self._told: dict[Key, Code] = {}  # those that cannot be cleared
        self.staying = Failing("sources.kept")

    def add(self, inbox: str, relpath: str, quiet_s: float) -> None:
        """A photo that is done, and quiet for so long; tried from the next `start` on."""
        now = time.monotonic()
        pending = self._pending.setdefault((inbox, relpath), _Pending(now - quiet_s, now))
        pending.since = now - quiet_s
        if not pending.sent:
            self._at((inbox, relpath), pending, now)

    def drop_inbox(self, inbox: str) -> None:
        """An inbox is closed, or its rules are others now; what stands there is told anew."""
        for key in [key for key in self._pending if key[0] == inbox]:
            del self._pending[key]
        for key in [key for key in self._left if key[0] == inbox]:
            del self._left[key]
        self.staying.forget(inbox)

    def gone(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Originals have left by other hands: they stay no more.

        One that a lane has is in the hidden folder, perhaps: what the lane answers counts.
        """
        for relpath in relpaths if self.staying else ():
            pending = self._pending.get((inbox, relpath))
            if pending is None or not pending.sent:
                self.staying.ended(inbox, relpath, silently=True)

    def tell(self, now: float) -> None:
        """Say how many stay for one reason, where that has changed."""
        for event in self.staying.due(now):
            self._service.saying.tell("warning" if event["count"] else "info", event)

    def left(self, inbox: str, folder: str) -> None:
        """A scanner has seen the hidden folder of a disposal; a live one clears it itself."""
        self._left.setdefault((inbox, folder), time.monotonic() + _PLACE_S)

    def hopeful(self, now: float) -> bool:
        """Whether waiting may still get one away (for ``once``): none that has complained."""
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
        times = [*self._left.values()]
        if self._due and self._sent < _AT_ONCE:
            times.append(self._due[0][0])
        return min(times, default=None)

    def start(self, now: float) -> None:
        """Have lanes do what is due; the ledger has everything on disk."""
        for key in [key for key, due in self._left.items() if due <= now]:
            self._clear(key, now)
        while self._due and self._due[0][0] <= now and self._sent < _AT_ONCE:
            due, key = heapq.heappop(self._due)
            pending = self._pending.get(key)
            if pending is not None and not pending.sent and pending.due == due:
                self._try(key, pending, now)

    # --- one ------------------------------------------------------------------------------

    def _at(self, key: Key, pending: _Pending, due: float) -> None:
        pending.due = due
        heapq.heappush(self._due, (due, key))

    def _need_s(self, inbox: str) -> float:
        rules = self._service.desk.rules(inbox)
        return barrier.quiet_s(rules.watch.settle_s if rules is not None else 0.0)

    def _try(self, key: Key, pending: _Pending, now: float) -> None:
        service, rules = self._service, self._service.desk.rules(key[0])
        row = service.ledger.get(*key)
        goes = row is not None and row.state == "done" and not row.left
        if row is None or not goes or rules is None or rules.source == "keep":
            del self._pending[key]
            return
        if row.kept is not None:
            self._counted(row, row.kept, row.kept_why or "", now, known=True)
        if (found := doubtful.stays(row)) is not None:
            del self._pending[key]
            self._stays(row, *found)
            return
        if key in service.in_flight or not all(self._places(rules)):
            self._at(key, pending, now + _PLACE_S)
            return
        errand = self._errand(row, rules, now - pending.since)
        pending.sent = True
        self._sent += 1
        service.errand(errand, lambda wait, error: self._answered(row, pending, wait, error))

    def _places(self, rules: InboxConfig) -> Iterator[bool]:
        """Whether each folder that is needed is there."""
        service = self._service
        yield str(rules.path) not in service.lost
        yield service.outboxes[str(rules.outbox)].ready
        if rules.source == "archive":
            yield service.archives[str(rules.archive)].ready

    def _errand(self, row: Row, rules: InboxConfig, quiet_s: float) -> Dispose:
        service, outbox = self._service, row.outbox or ""
        archive = service.archives[str(rules.archive)] if rules.source == "archive" else None
        box = service.outboxes.get(outbox)
        return Dispose(
            row.inbox, row.relpath, row.size, row.mtime_ns, row.sha256 or "",
            os.path.join(outbox, row.output or ""), row.recipe or "",
            plan.inbox_key(row.inbox), row.keep, quiet_s, barrier.quiet_s(rules.watch.settle_s),
            outbox, archive.path if archive else None, archive.mount if archive else None,
            service.mounts.get(row.inbox), box.seen if box else None,
        )  # fmt: skip

    def _answered(
        self, row: Row, pending: _Pending, wait_ms: int | None, error: ErrandFailed | None
    ) -> None:
        self._sent -= 1
        pending.sent = False
        key, now = (row.inbox, row.relpath), time.monotonic()
        mine = self._pending.get(key) is pending
        if error is None and not wait_ms:
            self._gone(row)
            rules = self._service.desk.rules(row.inbox)
            place = self._service.archives.get(str(rules.archive)) if rules is not None else None
            if place is not None and place.used():
                self._service.desk.back(place)
        elif error is None:
            if mine:
                self._at(key, pending, now + (wait_ms or 0) / 1000)
            return
        elif error.code is Code.CHANGED:
            photo = Photo(*key, row.size, row.mtime_ns, 0.0, row.inode, row.ctime_ns)
            self._service.looking.add(photo)
        elif error.code is not Code.VANISHED:
            if mine:
                self._failed(row, pending, error, now)
            return
        if error is not None:
            self.staying.ended(*key, silently=True)
        if mine:
            del self._pending[key]

    def _gone(self, row: Row) -> None:
        service = self._service
        service.ledger.disposed(row)
        staying = self.staying.ended(row.inbox, row.relpath)
        if row.kept is not None and staying:
            source = os.path.join(row.inbox, row.relpath)
            event = {"event": "source.gone", "inbox": row.inbox, "source": source}
            service.saying.tell("info", event)

    def _failed(self, row: Row, pending: _Pending, error: ErrandFailed, now: float) -> None:
        key, service = (row.inbox, row.relpath), self._service
        place = service.archives.get(error.place)
        if place is not None and error.code.blame is Blame.PLACE:
            full = error.code in (Code.NO_SPACE, Code.QUOTA)  # a probe may fit where it does not
            service.desk.lost(place, error.code, error.reason, now, by_photo=full)
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
        service = self._service
        known = service.ledger.get(row.inbox, row.relpath)
        if known is None:
            return
        again = known.kept == code
        named = self._counted(row, code, reason, time.monotonic(), known=again)
        if again:
            return
        keep = str(code) if code in FOR_GOOD else known.keep
        service.ledger.kept(row.inbox, row.relpath, code, reason, keep)
        if named:
            self._tell_kept(row.inbox, row.relpath, code, reason)

    def _counted(self, row: Row, code: str, reason: str, now: float, *, known: bool) -> bool:
        failed = Failed(row.inbox, row.relpath, Code(code), reason)
        return self.staying.failed(failed, now, known=known)

    def _tell_kept(self, inbox: str, relpath: str, code: Code, reason: str) -> None:
        self._service.saying.tell(
            "warning",
            {"event": "source.kept", "inbox": inbox,
             "source": os.path.join(inbox, relpath), "code": code, "reason": reason},
        )  # fmt: skip

    # --- what a kill left ------------------------------------------------------------------

    def _clear(self, key: Key, now: float) -> None:
        self._left[key] = now + _LEFT_S
        inbox, folder = key
        rules = self._service.desk.rules(inbox)
        if rules is None or inbox in self._service.lost or key in self._clearing:
            return
        self._clearing.add(key)
        errand = PutBack(inbox, folder, self._service.mounts.get(inbox))
        if rules.source != "keep":
            self._service.errand(errand, lambda count, error: self._cleared(key, count, error))
            return
        # Lanes may only read an inbox whose originals stay.  A rename asks nothing of a picture.
        threading.Thread(target=self._put_back, args=(key, errand), daemon=True).start()

    def _put_back(self, key: Key, errand: PutBack) -> None:
        """What a lane would do; on a thread of its own, which a share may hold up."""
        count, error = None, None
        try:
            count = put_back(errand)
        except NobgdError as failed:
            error = ErrandFailed(failed.code, failed.reason)
        self._service.mailbox.put(Call(lambda: self._cleared(key, count, error)))

    def _cleared(self, key: Key, count: int | None, error: ErrandFailed | None) -> None:
        self._clearing.discard(key)
        if error is not None and self._told.get(key) != error.code:
            self._told[key] = error.code
            where = os.path.join(key[1], GOING)
            reason = (
                f"{where}: originals that a kill left there cannot be put back: {error.reason};"
                " move them out yourself"
            )
            self._tell_kept(key[0], where, error.code, reason)
        if error is not None or count is None or count < 0:
            return  # somebody is at work there, or it cannot be: again in a while
        self._left.pop(key, None)
        self._told.pop(key, None)
        if count and key[0] in self._service.inboxes:
            self._service.inboxes[key[0]].wake()

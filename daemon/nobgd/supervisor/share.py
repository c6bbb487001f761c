"""Control in the share, for people without a shell: `_nobgd.txt`, `_PAUSE` and `_RETRY`.

Scanners see the signs, lanes write and remove; the loop only decides.  A file `_PAUSE` at
the top of an inbox pauses it for as long as it is there; `_RETRY` takes all of the inbox
out of quarantine, and is then removed.  `_nobgd.txt` in the outbox says how it goes; it is
written at most every 10 s, and only when something changed.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from nobgd.config import InboxConfig
from nobgd.status import answers, share_file
from nobgd.values import Code
from nobgd.values.errands import Unlink, Write
from nobgd.values.wire import ErrandFailed

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

PAUSE, RETRY = "_PAUSE", "_RETRY"
_EVERY_S = 10.0


class Share:
    """What was asked for in the shares, and what was said there.

    Only accessed from the main loop.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._signs: dict[str, frozenset[str]] = {}  # by inbox
        self._texts: dict[str, str] = {}  # by outbox: the last one written, without its time
        self._failures: dict[str, tuple[int, list[str]]] = {}  # by inbox: as of which move
        self._look_at = float("-inf")
        self._refused: dict[str, str] = {}  # by outbox: said already

    def paused_by(self, inbox: str) -> str | None:
        """The name of the file that pauses this inbox, None when there is none."""
        sign = next((n for n in self._signs.get(inbox, ()) if n.upper() == PAUSE), None)
        return sign if sign is not None and self._obeys(inbox) else None

    def _obeys(self, inbox: str) -> bool:
        rules = self._service.desk.rules(inbox)
        return rules is not None and rules.share_control

    def seen(self, inbox: str, names: tuple[str, ...]) -> None:
        """The scanner has seen which signs there are now."""
        service = self._service
        before = self.paused_by(inbox)
        new = frozenset(names) - self._signs.get(inbox, frozenset())
        self._signs[inbox] = frozenset(names)
        if not self._obeys(inbox):
            return
        now = self.paused_by(inbox)
        if (before is None) != (now is None):
            service.say.info(f"inbox.{'resumed' if now is None else 'paused'}", inbox=inbox,
                             why=f"the file {before or now} in it")  # fmt: skip
        for name in sorted(new):
            if name.upper() == RETRY:
                self._retry(inbox, name)

    def _retry(self, inbox: str, name: str) -> None:
        service = self._service
        rows = service.ledger.in_state("quarantined", inbox=inbox)
        freed = answers.free(service.ledger, [(row.inbox, row.relpath) for row in rows])
        service.desk.freed(freed)
        service.say.info("inbox.retried", inbox=inbox, photos=len(freed), why=f"the file {name}")
        errand = Unlink(inbox, name, service.mounts.get(inbox))
        service.errand(errand, partial(self._removed, inbox, name))

    def _removed(self, inbox: str, name: str, _: int | None, error: ErrandFailed | None) -> None:
        if error is not None:
            self._service.say.warning(
                "share.refused", inbox=inbox, code=error.code,
                why=f"{name} was obeyed, but cannot be removed: {error.reason}",
            )  # fmt: skip

    def forget(self, inbox: str) -> None:
        """An inbox is closed; a new scanner tells anew."""
        self._signs.pop(inbox, None)
        self._failures.pop(inbox, None)

    def tell(self, now: float, *, last: bool = False) -> None:
        """Write what changed, where the last time is 10 s ago; ``last``: the service ends."""
        service = self._service
        if service.once or (now < self._look_at and not last):
            return
        self._look_at = now + _EVERY_S
        wanted: dict[str, list[InboxConfig]] = {}
        for each in service.config.inboxes:
            if each.share_control:
                wanted.setdefault(str(each.outbox), []).append(each)
        status = service.snapshot() if wanted else None
        for box, inboxes in wanted.items():
            assert status is not None  # noqa: S101 - something is wanted
            outbox, paths = service.outboxes[box], [str(each.path) for each in inboxes]
            failures = {path: self._failed(path) for path in paths}
            text = share_file.text(status, paths, failures, stopped=last)
            if outbox.ready and text != self._texts.get(box):
                self._texts[box] = text
                stamped = share_file.stamped(text, time.localtime())
                errand = Write(box, share_file.NAME, stamped, share_file.MARK, outbox.seen)
                service.errand(errand, partial(self._written, box))

    def _failed(self, path: str) -> list[str]:
        """The latest that are set aside; put together anew only when that has changed."""
        ledger = self._service.ledger
        moves, before = ledger.moves(path), self._failures.get(path)
        if before is not None and before[0] == moves:
            return before[1]
        rows = ledger.in_state("quarantined", share_file.FAILURES_SHOWN, inbox=path)
        lines = share_file.failed(rows, path)
        self._failures[path] = (moves, lines)
        return lines

    def _written(self, box: str, _: int | None, error: ErrandFailed | None) -> None:
        if error is None:
            self._refused.pop(box, None)
            return
        self._texts.pop(box, None)  # again in 10 s
        if error.code is Code.NAME_TAKEN and self._refused.get(box) != error.reason:
            self._refused[box] = error.reason
            self._service.say.warning(
                "share.refused", outbox=box, code=error.code, why=error.reason
            )

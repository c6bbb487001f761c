"""`_nobgd.txt` in the outboxes, for people without a shell: how it goes.

It is written by a lane, at most every 10 s, and only when something changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from nobgd.config import InboxConfig
from nobgd.jobs.effects import Effect, RunErrand, Say
from nobgd.jobs.events import ErrandEnded
from nobgd.jobs.state import State
from nobgd.status import share_file
from nobgd.status.model import Status
from nobgd.values import Code
from nobgd.values.errands import Write

_EVERY_S = 10.0


class Share:
    """What was said in the shares.  Only accessed from the main loop."""

    def __init__(self, state: State, snapshot: Callable[[], Status]) -> None:
        self._state = state
        self._snapshot = snapshot
        self._texts: dict[str, str] = {}  # by outbox: the last one written, without its time
        self._told: dict[str, tuple[tuple[int, int], list[str]]] = {}  # by inbox: as of when
        self._look_at = float("-inf")
        self._refused: dict[str, str] = {}  # by outbox: said already

    def forget(self, inbox: str) -> None:
        """An inbox is closed."""
        self._told.pop(inbox, None)

    def tell(self, now: float, *, last: bool = False) -> list[Effect]:
        """Write what changed, where the last time is 10 s ago; ``last``: the service ends."""
        state, effects = self._state, list[Effect]()
        if not state.policy.serves or (now < self._look_at and not last):
            return effects
        self._look_at = now + _EVERY_S
        wanted: dict[str, list[InboxConfig]] = {}
        for each in state.config.inboxes:
            if each.share_control:
                wanted.setdefault(str(each.outbox), []).append(each)
        status = self._snapshot() if wanted else None
        for box, inboxes in wanted.items():
            assert status is not None  # noqa: S101 - something is wanted
            outbox, paths = state.outboxes[box], [str(each.path) for each in inboxes]
            failures = {path: self._lines(path) for path in paths}
            text = share_file.text(status, paths, failures, stopped=last)
            if outbox.ready and text != self._texts.get(box):
                self._texts[box] = text
                stamped = share_file.stamped(text, time.localtime())
                errand = Write(box, share_file.NAME, stamped, share_file.MARK, outbox.seen)
                effects.append(RunErrand(errand))
        return effects

    def _lines(self, path: str) -> list[str]:
        """Those that are set aside and those in doubt; anew only when that has changed."""
        ledger, most = self._state.ledger, share_file.SHOWN
        now, before = (ledger.moves(path), ledger.doubtful_count(path)), self._told.get(path)
        if before is not None and before[0] == now:
            return before[1]
        lines = share_file.failed(ledger.in_state("quarantined", most, inbox=path), path)
        lines += share_file.doubtful(ledger.doubtful(path, limit=most))
        self._told[path] = (now, lines)
        return lines

    def written(self, ended: ErrandEnded, box: str) -> list[Effect]:
        """A lane has written into this outbox, or could not."""
        error = ended.error
        if error is None:
            self._refused.pop(box, None)
            return []
        self._texts.pop(box, None)  # again in 10 s
        if error.code is not Code.NAME_TAKEN or self._refused.get(box) == error.reason:
            return []
        self._refused[box] = error.reason
        event = {"event": "share.refused", "outbox": box, "code": error.code}
        return [Say("warning", {**event, "why": error.reason}, counted=False)]

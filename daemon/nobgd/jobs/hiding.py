"""Hidden folders in which a kill left originals on their way out: they get their names again.

A disposal that lives clears its own; so what a scanner has seen is looked at after a second, and
again while somebody is at work there.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from nobgd.fs.names import GOING
from nobgd.jobs.effects import Rescan, RunErrand, RunHere
from nobgd.jobs.state import Key, State
from nobgd.values import Code
from nobgd.values.errands import PutBack
from nobgd.values.wire import ErrandFailed

_FIRST_S = 1.0
_AGAIN_S = 5.0  # where somebody was at work

TellKept = Callable[[str, str, Code, str], None]  # inbox, relpath, code, reason


class Hiding:
    """By inbox and folder.  Only accessed from the main loop; times are monotonic seconds."""

    def __init__(self, state: State, tell_kept: TellKept) -> None:
        self._state = state
        self._tell_kept = tell_kept
        self._left: dict[Key, float] = {}  # when to clear it
        self._clearing: set[Key] = set()
        self._told: dict[Key, Code] = {}  # those that cannot be cleared

    def seen(self, inbox: str, folder: str) -> None:
        """A scanner has seen the hidden folder of ``folder``."""
        self._left.setdefault((inbox, folder), self._state.now.monotonic + _FIRST_S)

    def drop_inbox(self, inbox: str) -> None:
        """An inbox is closed, or its rules are others now."""
        for key in [key for key in self._left if key[0] == inbox]:
            del self._left[key]

    def due(self) -> list[float]:
        """When `start` has something to do."""
        return [*self._left.values()]

    def start(self) -> None:
        """Have lanes clear what is due."""
        now = self._state.now.monotonic
        for key in [key for key, due in self._left.items() if due <= now]:
            self._clear(key, now)

    def _clear(self, key: Key, now: float) -> None:
        self._left[key] = now + _AGAIN_S
        inbox, folder = key
        rules = self._state.rules(inbox)
        if rules is None or inbox in self._state.lost or key in self._clearing:
            return
        self._clearing.add(key)
        errand = PutBack(inbox, folder, self._state.mounts.get(inbox))
        self._state.do(RunHere(errand) if rules.source == "keep" else RunErrand(errand))

    def cleared(self, errand: PutBack, count: int | None, error: ErrandFailed | None) -> None:
        """What a kill left in a hidden folder is back where it was, or cannot be."""
        key = (errand.inbox, errand.relpath)
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
        if count:
            self._state.do(Rescan(key[0]))

"""What lanes make because somebody asks for it, into a folder of ours.

Only accessed from the main loop.  Nothing is promised: what is lost with a daemon is asked anew.
"""

from __future__ import annotations

from collections import OrderedDict

from nobgd.jobs.effects import RunErrand
from nobgd.jobs.state import State
from nobgd.values.errands import Preview, Render
from nobgd.values.wire import ErrandFailed

_AT_ONCE = 16  # under way: the others are asked for again, and do not stand before photos
_FAILURES = 256  # remembered until who asked was told


class Making:
    """What is being made, by the name that it gets, and what could not be."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._under_way: set[str] = set()
        self.failed: OrderedDict[str, ErrandFailed] = OrderedDict()

    def may(self, name: str) -> bool:
        """Whether a lane may be asked for it now."""
        free = name not in self._under_way and len(self._under_way) < _AT_ONCE
        return bool(self._state.bound) and free

    def begin(self, errand: Preview | Render) -> None:
        """Have a lane make it."""
        self._under_way.add(errand.name)
        self._state.do(RunErrand(errand))

    def ended(self, errand: Preview | Render, error: ErrandFailed | None) -> None:
        """One was made, or could not be."""
        self._under_way.discard(errand.name)
        if error is not None:
            self.failed[errand.name] = error
            while len(self.failed) > _FAILURES:
                self.failed.popitem(last=False)

"""How many lanes may be open after the kernel ended one for want of memory.

One fewer each time, never fewer than one; one more after ten minutes without.  Pure: the clock
is given.
"""

from __future__ import annotations

_REST_S = 600.0


class Seats:
    """Lanes with a number below `at` may be open; times are monotonic seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._now = most
        self._more_at = 0.0

    def at(self, now: float) -> int:
        """Their number at this time."""
        while self._now < self.most and now >= self._more_at:
            self._now += 1
            self._more_at += _REST_S
        return self._now

    def fewer(self, now: float, opened: int) -> bool:
        """Memory ran out with so many lanes open; False when it was the last one."""
        before = self.at(now)
        self._now = max(1, min(before, opened) - 1)
        self._more_at = now + _REST_S
        return opened > 1

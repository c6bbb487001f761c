"""How many lanes had a photo while another was worked on: the mean over its time.

What a photo takes depends on who else is at work, from its first to its last moment; the number
at its beginning says little when photos come one after the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment at which a photo began (monotonic), and the lane-seconds until then."""

    at: float
    area: float


class Load:
    """Counts lanes at work; thread-safe.  Times are given, in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._area = self._since = 0.0

    def enter(self, now: float) -> Mark:
        """A lane begins a photo; give the mark back to `leave`."""
        with self._lock:
            self._move(now)
            self._working += 1
            return Mark(now, self._area)

    def leave(self, mark: Mark, now: float) -> float:
        """It has ended: how many lanes were at work in the mean, itself included, at least 1."""
        with self._lock:
            self._move(now)
            self._working -= 1
            took = now - mark.at
            return max(1.0, (self._area - mark.area) / took) if took > 0 else 1.0

    def _move(self, now: float) -> None:
        self._area += self._working * max(0.0, now - self._since)
        self._since = max(now, self._since)

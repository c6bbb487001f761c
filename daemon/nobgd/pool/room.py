"""Whose fault it is that memory ran out beside one photo alone: the photo's, or the place's.

Every inference takes as much as another, and a photo as cameras make them has to fit.  Where it
does not, there is too little memory for anybody: it waits, longer each time, and is not failed.
One that is small by its header and unpacks into gigabytes is told from those by what comes
between: others are done, and it never is.  Pure: the clock is given.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_ORDINARY = 25.0  # megapixels: more is the photo's own affair
_MOST = 10  # times that memory may run out beside a photo while others are done in between
_KNOWN = 1000  # photos that are remembered
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class _Tried:
    times: int  # each after others were done
    done: int  # photos until then


class Room:
    """What was seen of it; megapixels are those that a lane asks for, 0 before it has."""

    def __init__(self) -> None:
        self._done = 0
        self._tried: OrderedDict[str, _Tried] = OrderedDict()
        self._lacking = 0.0  # megapixels of the largest that was not done of late
        self._failures = 0
        self._until = 0.0

    def worked(self, photo: str, megapixels: float) -> None:
        """A photo was done."""
        self._done += 1
        self._tried.pop(photo, None)
        if megapixels >= self._lacking:
            self._failures, self._lacking, self._until = 0, 0.0, 0.0

    def is_to_blame(self, photo: str, megapixels: float) -> bool:
        """Whether the photo, beside which memory ran out alone, takes more than photos may."""
        tried = self._tried.pop(photo, None) or _Tried(0, 0)
        if self._done > tried.done:
            tried = _Tried(tried.times + 1, self._done)
        self._tried[photo] = tried
        while len(self._tried) > _KNOWN:
            self._tried.popitem(last=False)
        return megapixels > _ORDINARY or tried.times >= _MOST

    def ran_out(self, now: float, megapixels: float) -> bool:
        """It did, by no photo's fault; True the first time.  ``now`` is monotonic, seconds."""
        pause = min(2.0 ** min(self._failures, 20), _LONGEST_PAUSE_S)
        self._failures += 1
        self._lacking = max(self._lacking, megapixels)
        self._until = now + pause
        return self._failures == 1

    @property
    def lacks(self) -> bool:
        """Whether an ordinary photo did not fit, and none like it was done since."""
        return self._failures > 0

    def closed(self, now: float) -> bool:
        """Whether photos are to wait."""
        return now < self._until

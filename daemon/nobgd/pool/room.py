"""Whose fault it is that memory ran out beside one photo alone: the photo's, or the place's.

Every inference takes as much as another, and a photo as cameras make them has to fit.  Where none
has, there is too little memory for anybody: photos wait, longer each time, and none is failed.
Pure: the clock is given.
"""

from __future__ import annotations

_ORDINARY = 25.0  # megapixels: more is the photo's own affair
_LONGEST_PAUSE_S = 60.0


class Room:
    """What was seen of it; megapixels are those that a lane asks for, 0 before it has."""

    def __init__(self) -> None:
        self._proven = 0.0  # the largest photo that was done here
        self._lacking = 0.0  # the largest that was not, since
        self._failures = 0
        self._until = 0.0

    def worked(self, megapixels: float) -> None:
        """A photo was done."""
        self._proven = max(self._proven, megapixels)
        if megapixels >= self._lacking:
            self._failures, self._lacking, self._until = 0, 0.0, 0.0

    def is_to_blame(self, megapixels: float) -> bool:
        """Whether a photo for which memory ran out takes more than others like it do."""
        return megapixels > _ORDINARY or 0.0 < self._proven >= megapixels

    def ran_out(self, now: float, megapixels: float) -> bool:
        """It did, by no photo's fault; True the first time.  ``now`` is monotonic, seconds."""
        pause = min(2.0 ** min(self._failures, 20), _LONGEST_PAUSE_S)
        self._failures += 1
        self._lacking = max(self._lacking, megapixels)
        self._until = now + pause
        return self._failures == 1

    def closed(self, now: float) -> bool:
        """Whether photos are to wait."""
        return now < self._until

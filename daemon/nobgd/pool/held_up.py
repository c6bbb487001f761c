"""Lanes that wait for folders: which are taken back, and whether others open in their place.

A folder that is silent (see `Places`) holds one lane at most, and never the last one while
others have work for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nobgd.pool.lane import Lane
from nobgd.pool.places import Places
from nobgd.pool.requests import Requests

_HELD_UP_S = 0.15  # at a folder; a local disk takes less for all of a photo
LOOK_S = 0.5  # between two looks at whether a silent folder's requests may go
_LONG = 3  # as many times its patience a lane may wait for a folder, others wait for the lane


class HeldUp:
    """Looks at all lanes.  `watch` on any thread; `one_more` with the requests' lock held."""

    def __init__(
        self, lanes: Sequence[Lane], places: Places, requests: Requests,
        at_a_time: Callable[[], int],
    ) -> None:  # fmt: skip
        """``at_a_time`` lanes have something to do where no folder holds them up."""
        self._lanes, self._places, self._requests = lanes, places, requests
        self._at_a_time = at_a_time

    def one_more(self) -> bool:
        """Whether one lane more would get something done sooner."""
        awake = [each for each in self._lanes if each.awake]
        if len(self._requests) <= sum(each.at is None for each in awake):
            return False
        waits = (each.waits_for() for each in awake)
        held_up = sum(bool(folders) and age > _HELD_UP_S for folders, age in waits)
        return len(awake) - held_up < self._at_a_time()

    def watch(self, lane: Lane) -> str | None:
        """The folder for whose sake this lane is taken back; None: it may go on waiting."""
        waits, age = lane.waits_for()
        if not waits or age < (patience := self._places.patience_s(waits)):
            return None
        self._places.inquire(waits)
        hung = self._places.hung(waits)
        with self._requests.changed:
            if hung is not None:
                return hung if self._requests.draining or self._spare(lane) else None
            long = age > _LONG * patience
            if long and self._all_wait(lane) and self._requests.any_may_go():
                return waits[0]
        return None

    def _spare(self, lane: Lane) -> bool:
        """Whether a lane that a hung folder holds is more than such folders may hold."""
        held: dict[str, Lane] = {}
        for each in sorted(self._lanes, key=lambda each: each.waits_for()[1], reverse=True):
            if (folder := self._places.hung(each.waits_for()[0])) is not None:
                held.setdefault(folder, each)
        kept = list(held.values())[: len(self._lanes) - 1]
        return lane not in held.values() or (lane not in kept and self._requests.any_may_go())

    def _all_wait(self, lane: Lane) -> bool:
        """Whether every lane waits for folders that answer, yet do not serve; this one longest."""
        ages = []
        for each in self._lanes:
            waits, age = each.waits_for()
            if not waits or age < self._places.patience_s(waits):
                return False
            ages.append(age)
        return lane.waits_for()[1] >= max(ages)

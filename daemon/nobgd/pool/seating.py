"""Lanes that may be open: fewer for a while after memory ran out, and the log told so."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition
from typing import Any

from nobgd.pool import cgroup
from nobgd.pool.mishaps import OutOfMemory
from nobgd.pool.seats import Seats


class Seating:
    """See `Seats`.  Thread-safe."""

    def __init__(
        self, lanes: int, changed: Condition, told: Callable[[str, dict[str, Any]], None]
    ) -> None:
        """``changed`` is the lock, notified when there are fewer."""
        self._seats, self._told_fewer = Seats(lanes), False
        self._changed, self._told = changed, told

    def at(self) -> int:
        """How many lanes may be open now."""
        with self._changed:
            return self._seats.at(time.monotonic())

    def open_to(self, lane: int) -> bool:
        """Whether the lane of this number may be open now."""
        with self._changed:
            seats = self._seats.at(time.monotonic())
            news = self._told_fewer and seats == self._seats.most
            self._told_fewer = self._told_fewer and not news
        if news:
            self._told("lanes.back", {"lanes": seats})
        return lane < seats

    def fewer(self, lane: int, opened: int) -> bool:
        """Memory ran out in a lane, one of so many ``opened``; False when it was the only one."""
        with self._changed:
            several = self._seats.fewer(time.monotonic(), opened)
            seats = self._seats.at(time.monotonic())
            self._told_fewer = self._told_fewer or several
            self._changed.notify_all()
        if several:
            why = (
                f"the kernel ended lane {lane} for want of memory; there is no more than"
                f" {allowed()}; what it was at is done again by fewer lanes, for ten minutes"
            )
            self._told("lanes.fewer", {"lanes": seats, "why": why})
        return several


def allowed() -> str:
    """How much memory there is, in words."""
    limit, _ = cgroup.memory_mb()
    return "this machine has" if limit is None else f"the {limit:.0f} MB that it is allowed"


def no_room(error: Exception) -> str:
    """Why a lane cannot be started, in words."""
    if isinstance(error, OutOfMemory):
        return f"memory ran out: {error}; no lane fits into {allowed()}; give it more"
    return f"a lane cannot be started: {error}; it is tried again, photos wait meanwhile"

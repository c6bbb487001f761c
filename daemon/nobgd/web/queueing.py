"""How many photos of the page may wait: more are refused, with a word on when to come again."""

from __future__ import annotations

import math
import time
from typing import Any

from nobgd.web.daemon import Daemon
from nobgd.web.problems import Problem

MOST = 2_000  # waiting; a folder takes more
_ASKED_S = 2.0  # between two looks at the daemon
_LEAST_S, _MOST_S = 5, 600


class Queue:
    """The photos of the page's inbox that wait, as the daemon said and as came since."""

    def __init__(self, daemon: Daemon, inbox: str) -> None:
        self._daemon = daemon
        self._inbox = inbox
        self._waiting = 0
        self._per_minute = 0.0
        self._asked = float("-inf")

    async def enter(self) -> None:
        """Another photo is to come.  Raises Problem 429."""
        if time.monotonic() - self._asked > _ASKED_S:
            self._asked = time.monotonic()
            self._learn(await self._daemon.status())
        if self._waiting >= MOST:
            raise Problem(
                429, "queue_full",
                f"{self._waiting} photos of the page and the API wait already; send this one later,"
                " or put it into a folder that is watched",
                {"Retry-After": str(again_s(self._waiting, self._per_minute))},
            )  # fmt: skip
        self._waiting += 1

    def _learn(self, status: dict[str, Any]) -> None:
        every = status.get("inboxes", ())
        mine: dict[str, Any] = next((each for each in every if each["inbox"] == self._inbox), {})
        self._waiting = int(mine.get("waiting") or 0)
        self._per_minute = float(status.get("photos_per_minute") or 0.0)


def again_s(waiting: int, per_minute: float) -> int:
    """Seconds until a tenth of the queue is free, by the measured rate; 5 to 600."""
    over = waiting - 0.9 * MOST
    needed = over / per_minute * 60 if per_minute > 0 else _MOST_S
    return int(min(max(math.ceil(needed), _LEAST_S), _MOST_S))

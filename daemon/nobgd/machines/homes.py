"""The homes that speak to a worker, each by its run: what they say, and which are no more; pure.

Times are monotonic.  A home speaks every two seconds to every machine that says hello, so one that
a worker has not heard for a while is gone, and nobody waits for what it had asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.cluster.words import Cast

GONE_S = 10.0  # of silence
_LEASE_S = 5.0  # while nobody says another


@dataclass(slots=True)
class _Home:
    cast: Cast
    heard: float


class Homes:
    """Only accessed from the worker's loop."""

    def __init__(self) -> None:
        self._speak: dict[str, _Home] = {}
        self._listens = 0.0

    def listen(self, now: float) -> None:
        """There is a connection from now on."""
        self._listens = now

    def hear(self, cast: Cast, now: float) -> None:
        """One has spoken."""
        self._speak[cast.home] = _Home(cast, now)

    def sweep(self, now: float) -> list[Cast]:
        """What those say that speak; the others are forgotten."""
        for run in [run for run, one in self._speak.items() if now - one.heard > GONE_S]:
            del self._speak[run]
        return [one.cast for one in self._speak.values()]

    def is_gone(self, run: str, now: float) -> bool:
        """Whether nobody waits for what that run has asked; never soon after a connection."""
        one = self._speak.get(run)
        return now - (self._listens if one is None else one.heard) > GONE_S

    def speaking(self, now: float) -> int:
        """How many there are."""
        return sum(now - one.heard < GONE_S for one in self._speak.values())

    def refusal(self) -> str:
        """Why it is asked nothing, as the first home says that refuses it; "": none does."""
        return next((one.cast.refused for one in self._speak.values() if one.cast.refused), "")

    def lease_s(self, run: str) -> float:
        """Of questions of that run, in seconds."""
        one = self._speak.get(run)
        return _LEASE_S if one is None else one.cast.lease_s

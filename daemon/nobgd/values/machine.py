"""A machine that works for this one, as far as it is known here."""

from __future__ import annotations

from dataclasses import dataclass

UP, PROVING, REFUSED, DRAINING, LOST = "up", "proving", "refused", "draining", "lost"


@dataclass(frozen=True, slots=True)
class Machine:
    """One of them."""

    host: str
    state: str  # up | proving (its test mask is awaited) | refused | draining | lost
    why: str = ""  # it is refused, and the way out; or what it lacks
    seats: int = 0  # questions that it holds at a time
    priority: int = 5  # 0 is asked first, 9 only when all others are full
    busy: int = 0
    answered: int = 0  # masks that came from it since this machine's daemon began
    engine: str = ""
    models: tuple[int, ...] = ()  # places, in the configuration's order, of those it may run
    jobs: int = 0  # whole jobs at a time; 0: it has not our shares
    mounted: str = ""  # its shares, in words
    working: bool = False  # it has shown that it sees them: it gets jobs


@dataclass(frozen=True, slots=True)
class Others:
    """All of them, and the broker."""

    broker: str = ""  # why it cannot be reached; "": it can
    machines: tuple[Machine, ...] = ()

"""Other machines as the link process tells of them, and the room that they have; pure.

How many questions may be out is asked for each mask, so it is counted as machines speak, not by
going over all of them: there may be a thousand.  One thread tells; what others read is a moment
old at worst.
"""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from nobgd.values.machine import LOST, UP, Machine, Others

HOME = 5  # the priority of this machine
_MOST_MACHINES = 10_000


class Neighbours:
    """All of them, by host, and the broker."""

    def __init__(self) -> None:
        self.gone("not connected yet")

    def gone(self, why: str) -> None:
        """There is no link process (any more): nothing is known of anybody."""
        self.broker = why  # why it cannot be reached; "": it can
        self._machines: dict[str, Machine] = {}
        self._seats: Counter[tuple[int, bool]] = Counter()  # of a model, of machines below HOME?
        self._ahead: Counter[int] = Counter()  # of a model: machines below HOME
        self._all: Counter[bool] = Counter()  # of any model: seats, and machines below HOME
        self.seats = 0  # masks that those which are up make at a time
        self._jobs: Counter[tuple[tuple[int, ...], bool]] = Counter()  # the same, of one or two
        self.jobs = 0  # whole ones that they do at a time, of any model

    @property
    def others(self) -> Others:
        """As everybody else is told."""
        machines = tuple(one for _, one in sorted(self._machines.items()))
        return Others(self.broker, machines)

    def seen(self, one: Machine) -> None:
        """How a machine is now."""
        before = self._machines.get(one.host)
        if before is None and len(self._machines) >= _MOST_MACHINES:
            return
        self._count(before, -1)
        self._machines[one.host] = one
        self._count(one, 1)

    def reached(self, broker: str) -> None:
        """Whether the broker is: "", or why not."""
        self.broker = broker

    def there(self, host: str) -> bool:
        """Whether it is known and not lost."""
        one = self._machines.get(host)
        return one is not None and one.state != LOST

    def room(self, which: int, *, faster: bool) -> int:
        """Questions for a model that may be out at a time.

        One more for each faster machine waits at the broker, so that it has its next at once.
        With ``faster`` the machines of ``HOME`` and beyond do not count.
        """
        slower = 0 if faster else self._seats[which, False]
        return self._seats[which, True] + slower + self._ahead[which]

    def most(self, *, faster: bool) -> int:
        """What no model's room is above."""
        slower = 0 if faster else self._all[False]
        return self._all[True] + slower

    def jobs_of(self, which: tuple[int, ...], *, faster: bool) -> int:
        """Whole jobs that they do at a time which need these models, two where one is adaptive.

        With ``faster`` those below `HOME`.
        """
        return self._jobs[which, True] + (0 if faster else self._jobs[which, False])

    def _count(self, one: Machine | None, by: int) -> None:
        if one is None or one.state != UP:
            return
        first = one.priority < HOME
        jobs = one.jobs if one.working else 0
        self.jobs += by * jobs
        self.seats += by * one.seats
        self._all[first] += by * (one.seats + first)
        for which in set(one.models):
            self._seats[which, first] += by * one.seats
            self._ahead[which] += by * first
            self._jobs[(which,), first] += by * jobs
        for both in permutations(set(one.models), 2) if jobs else ():
            self._jobs[both, first] += by * jobs

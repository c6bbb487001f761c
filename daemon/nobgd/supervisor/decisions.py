"""What the machine has decided, and nobody has done yet: it waits for the next commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nobgd.jobs.effects import Effect
from nobgd.jobs.events import Event
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now


class Decisions:
    """The machine, as others in the loop's thread tell it something.  Only accessed from there."""

    def __init__(self, machine: Machine, clock: Callable[[], Now]) -> None:
        self._machine = machine
        self._clock = clock
        self.pending: list[Effect] = []

    def tell(self, event: Event, now: Now | None = None) -> None:
        """Tell the machine something; what it asks for is done after the next commit."""
        self.pending += self._machine.handle(event, now or self._clock())

    def add(self, effects: Iterable[Effect]) -> None:
        """What somebody else of the loop asks for, in the same order."""
        self.pending += effects

    def attempt(self, act: Callable[[], object]) -> None:
        """Something that is done again and again: a failure is said once, and ends nothing."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - nothing of this may end the loop
            self.stumbled(error)

    def stumbled(self, error: Exception) -> None:
        """Something went wrong: said once.  Raises what is the ledger's."""
        self.pending += self._machine.stumbled(error)

    def hand_over(self) -> list[Effect]:
        """All of it, once."""
        pending, self.pending = self.pending, []
        return pending

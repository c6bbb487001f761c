"""What `jobs_away` needs of the lanes here, and of the line to the other machines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from nobgd.pool import proofs
from nobgd.pool.neighbours import Neighbours
from nobgd.pool.requests import Item
from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.wire import Finished


class Line(proofs.Line, Protocol):
    """What `LinkProcess` is to this."""

    neighbours: Neighbours
    opened: int

    def send(self, number: int, which: tuple[int, ...], photo: str, job: bytes) -> None:
        """Have a whole job done somewhere, see `sent`.  Raises OSError."""

    def recall(self, number: int) -> None:
        """Nobody waits for this job any more."""


class Lanes(Protocol):
    """What `pool.lanes.Lanes` is to this."""

    def submit(self, request: Request, /) -> Future[Finished]:
        """Have it done here."""

    def free(self) -> bool:
        """Whether a lane would begin a job at once."""

    def models_of(self, job: Job) -> tuple[int, ...]:
        """The places of its models among those of the link."""

    def give_away(self, may: Callable[[Job], bool]) -> Item | None:
        """A job that waits for a lane and may go."""

    def again(self, item: Item) -> None:
        """It waits again."""

"""What is asked of a daemon that runs, by whoever answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nobgd.jobs.backlog import Backlog
from nobgd.jobs.previews import Previews
from nobgd.jobs.renders import Renders
from nobgd.jobs.row import Row
from nobgd.status.model import Status
from nobgd.values import Job


class Daemon(Protocol):
    """Its loop's thread; nothing here waits for anything."""

    @property
    def in_flight(self) -> Mapping[tuple[str, str], Job]:
        """The jobs that lanes have, by inbox and relpath."""

    @property
    def renders(self) -> Renders:
        """Cut-outs in other formats, for who asks."""

    @property
    def backlog(self) -> Backlog:
        """The photos that wait."""

    def snapshot(self) -> Status:
        """How it is now."""

    @property
    def previews(self) -> Previews:
        """Small pictures, for who looks."""

    def judged(self, rows: list[Row]) -> None:
        """Somebody looked at these cut-outs: their originals may go, or stay for good."""

    def redo(self, rows: list[Row]) -> None:
        """Somebody wants these made anew, in the way that the ledger has."""

    def look_anew(self, inboxes: list[str]) -> None:
        """What counts as done in these is another matter now: everything is seen afresh."""

    def freed(self, rows: list[Row]) -> None:
        """The ledger was made to forget these: they are looked at anew."""

"""The daemon that runs, as `status` asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nobgd.jobs.backlog import Backlog
from nobgd.jobs.events import Freed, Judged, Redo
from nobgd.jobs.previews import Previews
from nobgd.jobs.renders import Renders
from nobgd.jobs.rooms import Rooms
from nobgd.jobs.row import Row
from nobgd.status.model import Status
from nobgd.supervisor.decisions import Decisions
from nobgd.supervisor.scanners import Scanners
from nobgd.values import Job


class Running:
    """See `status.daemon.Daemon`.  Only accessed from the main loop."""

    def __init__(
        self, rooms: Rooms, decisions: Decisions, scanners: Scanners,
        snapshot: Callable[[], Status],
    ) -> None:  # fmt: skip
        self._rooms = rooms
        self._decisions = decisions
        self._scanners = scanners
        self._snapshot = snapshot

    @property
    def in_flight(self) -> Mapping[tuple[str, str], Job]:
        """The jobs that lanes have, by inbox and relpath."""
        return self._rooms.state.in_flight

    @property
    def backlog(self) -> Backlog:
        """The photos that wait."""
        return self._rooms.state.backlog

    @property
    def renders(self) -> Renders:
        """Cut-outs in other formats, for who asks."""
        return self._rooms.renders

    @property
    def previews(self) -> Previews:
        """Small pictures, for who looks."""
        return self._rooms.previews

    def snapshot(self) -> Status:
        """How it is now."""
        return self._snapshot()

    def look_anew(self, inboxes: list[str]) -> None:
        """What counts as done in these is another matter now: everything is seen afresh."""
        self._scanners.look_anew(inboxes)

    def freed(self, rows: list[Row]) -> None:
        """Somebody had the ledger forget these."""
        self._decisions.tell(Freed(tuple(rows)))

    def redo(self, rows: list[Row]) -> None:
        """Somebody wants these made anew in another way."""
        self._decisions.tell(Redo(tuple(rows)))

    def judged(self, rows: list[Row]) -> None:
        """Somebody said what they think of these."""
        self._decisions.tell(Judged(tuple(rows)))

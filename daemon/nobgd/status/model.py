"""How a daemon is at one moment: frozen, so that all who tell of it tell the same.

The status line, `nobgd status`, `_nobgd.txt` and the gauges are functions of it;
`supervisor.snapshot` makes it, on demand.
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.intake.inbox import Snapshot
from nobgd.status.hindrance import Hindrance
from nobgd.values.machine import Others


@dataclass(frozen=True, slots=True)
class InboxStatus:
    """One inbox."""

    path: str
    outbox: str
    seen: Snapshot  # by its scanner
    waiting: int
    retrying: int
    working: int
    done: int
    quarantined: int
    paused: bool
    paused_by: str | None  # "command", or the name of the file
    silent: str | None  # a folder that does not answer
    hindrance: Hindrance | None  # why it does not work now


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """One outbox."""

    path: str
    ready: bool
    why: str | None
    failing: bool  # it was tried and cannot be used


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane that is at work."""

    lane: int
    source: str
    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """The whole daemon."""

    inboxes: dict[str, InboxStatus]  # by path
    outboxes: dict[str, OutboxStatus]
    lanes: tuple[LaneStatus, ...]  # at work
    lane_count: int
    threads: int
    waiting: int
    retrying: int
    in_flight: int
    megapixels_per_minute: float
    photos_per_minute: float
    trouble: str  # such as a refused reload
    model: str
    precision: str
    model_process: str = "closed"  # closed (at rest), opening, ready, working
    processes: int = 0  # lanes that are open
    others: Others | None = None  # the other machines; None: there are none by the configuration

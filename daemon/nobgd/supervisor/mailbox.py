"""All that the loop may be told, by whichever thread: one closed union of frozen values."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nobgd.config import Config
from nobgd.jobs.events import Event
from nobgd.pool.engine import Engine
from nobgd.status.glance import Glance
from nobgd.supervisor.signals import Reload, Stop
from nobgd.values import Job
from nobgd.values.errands import Errand
from nobgd.values.wire import Finished

if TYPE_CHECKING:
    from nobgd.metrics.collectors import Meter


@dataclass(frozen=True, slots=True)
class Answer:
    """A lane has answered, or a request was taken back from it: its future is cancelled."""

    request: Job | Errand
    future: Future[Finished]


@dataclass(frozen=True, slots=True)
class Told:
    """Another part of the daemon has something to say in the log."""

    level: str
    event: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question by the control socket, and what its asker saw; see `status.answers`."""

    request: dict[str, Any]
    seen: Glance
    reply: Future[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Scraped:
    """The metrics of now are asked for."""

    reply: Future[Meter]


@dataclass(frozen=True, slots=True)
class LanesReady:
    """The lanes of a new configuration stand."""

    config: Config
    engine: Engine


@dataclass(frozen=True, slots=True)
class LanesUnfit:
    """The lanes of a new configuration do not start."""

    why: str


Message = Event | Answer | Told | Asked | Scraped | LanesReady | LanesUnfit | Stop | Reload

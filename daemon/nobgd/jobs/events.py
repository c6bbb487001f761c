"""All that the machine may be told: one closed union of frozen values.

What a scanner saw (`intake.messages`), what a lane answered, and what people asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nobgd.config import Config
from nobgd.intake import messages
from nobgd.jobs.row import Row
from nobgd.values import Job, Recipe
from nobgd.values.errands import Errand
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A lane has answered a job; without ``finished`` it was taken back, or ``error`` says why."""

    job: Job
    finished: Finished | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class ErrandEnded:
    """An errand has come to what it found, or to why it was not done; see each errand.

    ``cause``: it ended as no errand should, which ``error`` says to whoever asked for it.
    """

    errand: Errand
    found: int | Mount | None = None
    error: ErrandFailed | None = None
    cause: Exception | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Requests that no lane has begun, of lanes that end; ``again``: others are there for them."""

    requests: tuple[Job | Errand, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration comes into force; ``recipes`` and ``bound`` where there are new lanes."""

    config: Config
    recipes: Mapping[str, Recipe] | None = None  # by inbox
    bound: int = 0  # jobs that may be handed out at a time
    others: Mapping[str, Recipe] = field(default_factory=dict)  # see `redoing`


@dataclass(frozen=True, slots=True)
class Closed:
    """An inbox is watched no more; if it is again, its scanner tells everything anew.

    ``anew``: what counts as done in it is another matter now, so what waits is told anew, too.
    """

    inbox: str
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Freed:
    """`nobgd retry` made the ledger forget these: out of quarantine, to be looked at anew."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """Somebody looked at these cut-outs, and the ledger has what they said."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Redo:
    """Somebody wants these made anew in another way, and the ledger has in which."""

    rows: tuple[Row, ...]


Event = (
    messages.Message
    | JobEnded
    | ErrandEnded
    | TakenBack
    | Configured
    | Closed
    | Freed
    | Judged
    | Redo
)

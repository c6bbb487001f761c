"""All that the machine may ask for: frozen values, which leave once the ledger is on disk.

What a decision changes in the ledger is part of the decision; whatever leaves the process, or
goes to another thread, is one of these, and is done by `supervisor.runner`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nobgd.values import Job
from nobgd.values.errands import Errand, PutBack


@dataclass(frozen=True, slots=True)
class Submit:
    """Have a lane make a cut-out; its attempt is booked.  Comes to a `JobEnded`."""

    job: Job


@dataclass(frozen=True, slots=True)
class RunErrand:
    """Have a lane do something that is no picture.  Comes to an `ErrandEnded`."""

    errand: Errand


@dataclass(frozen=True, slots=True)
class RunHere:
    """Have a thread of ours do an errand that lanes may not do.  Comes to an `ErrandEnded`.

    Lanes may only read an inbox whose originals stay; a rename asks nothing of a picture.
    """

    errand: PutBack


@dataclass(frozen=True, slots=True)
class Say:
    """Say an event in the log; ``counted``: in metrics, rates and on the screen, too."""

    level: str
    event: dict[str, Any]
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """Count an event that was said before, and matters to metrics all the same."""

    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """Say that a photo is done, exactly once: its line lies in the ledger until the log has it."""

    inbox: str
    relpath: str
    line: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Have a scanner settle these photos anew."""

    inbox: str
    relpaths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rescan:
    """Have a scanner look at its whole inbox now."""

    inbox: str


Effect = Submit | RunErrand | RunHere | Say | Count | Record | LookAgain | Rescan

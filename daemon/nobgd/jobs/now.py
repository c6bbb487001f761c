"""One reading of the clocks, for all that is decided in one turn of the loop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Now:
    """The time as the machine knows it: it has no clock of its own."""

    monotonic: float  # seconds
    epoch: float  # seconds
    minute: int  # of the local day

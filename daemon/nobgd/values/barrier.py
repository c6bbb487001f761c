"""May this original go?  Decided from what was seen of it; pure, so tested with plain values.

Everything here is about the one moment before a file that nobody can bring back is removed.
In doubt it stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.values import Code

QUIET_S = 10.0  # nobody has seen a copy stall longer and go on …
QUIET_SETTLES = 15.0  # … than this, or than so many of the inbox's own settle times
HOLES_TIMES = 10.0  # as long where holes are in it and nobody has it open
HOLES_UNSURE_S = 3600.0  # where it cannot be known who has it open
_BOOT_S = 600.0  # by then the clock of a machine without a battery has been set

_SENTENCES = {
    Code.DAMAGED: "it could only be read by leaving out or repairing a part of it",
    Code.NOTHING_FOUND: "nothing was found in it to cut out",
    Code.MORE_PICTURES: "it holds further pages or pictures, of which one was cut out",
    Code.MORE_DATA: "more than the picture is in its file (a film, layers, a raw photo's own data)",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of an original, right before and on the very file that is to be removed."""

    watched_quiet_s: float  # since the scanner saw its last change, by the monotonic clock
    stored_quiet_s: float | None  # by the file system's own clock; None: it does not tell
    uptime_s: float  # of this machine
    writer: bool | None  # somebody has it open for writing; None: that cannot be known
    holes: bool  # ranges that were never written


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: look again in so many seconds."""

    seconds: float
    code: Code | None = None  # said if it is given: the wait is long


def quiet_s(settle_s: float) -> float:
    """How long an original must have been quiet before it goes: longer than any stall."""
    return max(QUIET_S, QUIET_SETTLES * settle_s)


def judge(seen: Seen, need_s: float) -> Wait | None:
    """How long to wait for; None: it may go.

    The stored quiet is the difference of two ctimes by one clock.  A machine that boots with a
    wrong clock and has it set later makes it too long by years, so no more of it is believed than
    the machine is up, less the time in which clocks are set.
    """
    quiet = seen.watched_quiet_s
    if seen.stored_quiet_s is not None:
        quiet = max(quiet, min(seen.stored_quiet_s, seen.uptime_s - _BOOT_S))
    if seen.writer:
        return Wait(need_s, Code.IN_USE)
    if quiet < need_s:
        return Wait(need_s - quiet)
    if seen.holes:
        need_s = HOLES_UNSURE_S if seen.writer is None else HOLES_TIMES * need_s
        if quiet < need_s:
            return Wait(need_s - quiet, Code.HOLES)
    return None


def kept(relpath: str, code: Code) -> str:
    """One sentence on an original that stays for good, and the way out."""
    why = _SENTENCES.get(code, code)
    return f"{relpath} stays: {why}; take it away yourself when it is not needed"

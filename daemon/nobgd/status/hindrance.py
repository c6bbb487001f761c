"""Why an inbox does not work now: one answer, for all who tell of it; pure.

The order is that in which people can do something about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nobgd.fs.names import shown


class Kind(StrEnum):
    """What keeps the photos of an inbox waiting."""

    SIGN = "sign"
    COMMAND = "command"
    LOST = "lost"
    OUTBOX = "outbox"
    SILENT = "silent"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One of them, and what it is about."""

    kind: Kind
    what: str  # the sign's name, the reason, or the folder that does not answer


# for who asks on the machine, and for who sees the share alone: no path of the server in the latter
_SAYS = {
    Kind.SIGN: ("{inbox} is paused by the file {what} in it; remove it to go on",
                "paused by the file {what} in the inbox; remove it to go on"),
    Kind.COMMAND: ("{inbox} is paused; `nobgd resume` goes on", "paused by command"),
    Kind.LOST: ("the inbox cannot be read: {what}", "the inbox cannot be read now"),
    Kind.OUTBOX: ("the outbox {outbox}: {what}", "the outbox cannot be written to now"),
    Kind.SILENT: ("{what} does not answer; is its share alive? It goes on when it does",
                  "a folder does not answer now"),
    Kind.HOURS: ("{what}", "resting: {what}"),
}  # fmt: skip


def first(
    *, sign: str | None, command: bool, lost: str | None, outbox: str | None, silent: str | None,
    hours: str | None,
) -> Hindrance | None:  # fmt: skip
    """What to tell of all that keeps an inbox from working; None when it works.

    Each is what there is to say of it, None for nothing.
    """
    found = (
        (Kind.SIGN, sign), (Kind.COMMAND, "" if command else None), (Kind.LOST, lost),
        (Kind.OUTBOX, outbox), (Kind.SILENT, silent), (Kind.HOURS, hours),
    )  # fmt: skip
    return next((Hindrance(kind, what) for kind, what in found if what is not None), None)


def sentence(found: Hindrance, inbox: str, outbox: str) -> str:
    """For who may see where folders are: what is waited for, and the way out."""
    what = shown(found.what) if found.kind is Kind.SIGN else found.what
    return _SAYS[found.kind][0].format(inbox=inbox, outbox=outbox, what=what)


def in_the_share(found: Hindrance) -> str:
    """For who sees the share alone."""
    return _SAYS[found.kind][1].format(what=shown(found.what))

"""What `_nobgd.txt` says: how it goes, for people who see nothing but the share.

Paths of the server are not given away: photos are named as they are in their inbox.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from nobgd.config import InboxConfig
from nobgd.fs.names import shown

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

NAME = "_nobgd.txt"
MARK = "nobgd status"  # how its first line begins: by this it is known to be ours
_FAILURES_SHOWN = 20


def stamped(text: str, now: time.struct_time) -> str:
    """The whole file: the mark and the local time in its first line, then ``text``."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S %z", now)
    return f"{MARK} at {moment}; this file is rewritten as things change\n\n{text}"


def text(service: Service, inboxes: Iterable[InboxConfig], *, stopped: bool = False) -> str:
    """The file without its first line, for the inboxes that share an outbox."""
    lines = ["nobgd is not running.", ""] if stopped else []
    for inbox in inboxes:
        lines += [*_inbox(service, inbox, stopped=stopped), ""]
    return "\n".join(lines)


def _inbox(service: Service, inbox: InboxConfig, *, stopped: bool) -> Iterator[str]:
    path = str(inbox.path)
    working = sum(key[0] == path for key in service.in_flight)
    waiting, retrying = service.backlog.waiting(path), service.backlog.retrying(path)
    parts = [f"{waiting} waiting", f"{working} in work"]
    parts += [f"{retrying} to be tried again"] if retrying else []
    parts.append(f"{service.ledger.count(path, 'done')} done")
    parts.append(f"{service.ledger.count(path, 'quarantined')} failed")
    yield f"{shown(inbox.path.name or path)}: {', '.join(parts)}"
    if not stopped:
        yield from _resting(service, path)
        ahead = service.backlog.waiting() + len(service.in_flight)
        left = time_left(ahead, service.pulse.photos_per_minute())
        if waiting + working and left and service.is_open(path):
            yield f"  {left} left"
    yield from _failed(service, path)


def _failed(service: Service, path: str) -> list[str]:
    """The latest that are set aside; put together anew only when that has changed."""
    moves, before = service.ledger.moves(path), service.share.failures.get(path)
    if before is not None and before[0] == moves:
        return before[1]
    lines = [
        f"    {shown(row.relpath)}: {shown(_said(row.reason, path))}"
        for row in service.ledger.in_state("quarantined", _FAILURES_SHOWN, inbox=path)
    ]
    if lines:
        how = "  Failed; put a file called _RETRY into the inbox to have them tried again:"
        lines.insert(0, how)
    service.share.failures[path] = (moves, lines)
    return lines


def _resting(service: Service, path: str) -> Iterator[str]:
    by = service.share.paused_by(path)
    closed = service.desk.closed_because(path)
    if by is not None:
        yield f"  paused by the file {shown(by)} in the inbox; remove it to go on"
    elif service.desk.paused(path):
        yield "  paused by command"
    elif path in service.lost:
        yield "  the inbox cannot be read now"
    elif closed is not None:
        yield f"  resting: {closed}"


def _said(reason: str | None, inbox: str) -> str:
    """The reason without the server's folders."""
    return (reason or "").replace(os.path.join(inbox, ""), "")


def time_left(photos: int, per_minute: float) -> str | None:
    """How long ``photos`` will take, roughly, in words; None when there is no telling."""
    if photos == 0 or per_minute <= 0:
        return None
    minutes = photos / per_minute
    if minutes < 1.5:
        return "about a minute"
    if minutes < 90:
        return f"about {math.ceil(minutes)} minutes"
    if minutes < 48 * 60:
        return f"about {math.ceil(minutes / 60)} hours"
    return f"about {math.ceil(minutes / 1440)} days"

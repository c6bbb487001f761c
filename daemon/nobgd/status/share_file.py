"""What `_nobgd.txt` says: how it goes, for people who see nothing but the share.

Paths of the server are not given away: photos are named as they are in their inbox.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping

from nobgd.fs.names import about, shown
from nobgd.jobs.row import Row
from nobgd.status.hindrance import in_the_share
from nobgd.status.model import InboxStatus, Status

NAME = "_nobgd.txt"
MARK = "nobgd status"  # how its first line begins: by this it is known to be ours
SHOWN = 20  # photos of each kind


def stamped(text: str, now: time.struct_time) -> str:
    """The whole file: the mark and the local time in its first line, then ``text``."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S %z", now)
    return f"{MARK} at {moment}; this file is rewritten as things change\n\n{text}"


def text(
    status: Status, inboxes: Iterable[str], failures: Mapping[str, list[str]], *,
    stopped: bool = False,
) -> str:  # fmt: skip
    """The file without its first line, for the inboxes (paths) that share an outbox.

    ``failures`` are the lines of those that have any, see `failed` and `doubtful`.
    """
    lines = ["nobgd is not running.", ""] if stopped else []
    for path in inboxes:
        if path in status.inboxes:
            lines += [*_inbox(status, status.inboxes[path], stopped=stopped)]
            lines += [*failures.get(path, ()), ""]
    return "\n".join(lines)


def _inbox(status: Status, inbox: InboxStatus, *, stopped: bool) -> Iterator[str]:
    parts = [f"{inbox.waiting} waiting", f"{inbox.working} in work"]
    parts += [f"{inbox.retrying} to be tried again"] if inbox.retrying else []
    parts.append(f"{inbox.done} done")
    parts.append(f"{inbox.quarantined} failed")
    yield f"{shown(os.path.basename(inbox.path) or inbox.path)}: {', '.join(parts)}"
    if stopped:
        return
    if inbox.hindrance is not None:
        yield f"  {in_the_share(inbox.hindrance)}"
        return
    left = time_left(status.waiting + status.in_flight, status.photos_per_minute)
    if inbox.waiting + inbox.working and left:
        yield f"  {left} left"


def failed(rows: Iterable[Row], inbox: str) -> list[str]:
    """What is said of the latest photos that are set aside."""
    lines = [f"    {about(row.relpath, _said(row.reason, inbox))}" for row in rows]
    how = "  Failed; put a file called _RETRY into the inbox to have them tried again:"
    return [how, *lines] if lines else []


def doubtful(rows: Iterable[Row]) -> list[str]:
    """What is said of cut-outs that somebody should look at."""
    lines = [f"    {shown(row.output or row.relpath)}" for row in rows]
    return ["  Look at these cut-outs; perhaps nothing was found on them:", *lines] if lines else []


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

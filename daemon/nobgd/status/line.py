"""The status line, as systemctl and `nobgd status` show it; pure."""

from __future__ import annotations

from nobgd.fs.names import shown
from nobgd.intake.inbox import Snapshot
from nobgd.status.model import Status
from nobgd.values.machine import UP

_SHOWN = 3  # inboxes, and outboxes that fail


def how_watched(seen: Snapshot) -> str:
    """`poll 5 s (nfs4)`, or what is wrong: `lost: …`, `stuck: …`."""
    if seen.why:
        return f"{seen.state}: {seen.why}"
    return " + ".join(seen.briefs) or "starting"


def _elsewhere(status: Status) -> str:
    """That other machines help, or that they could and the broker is away."""
    if status.others is None:
        return ""
    if status.others.broker:
        return ", broker away"
    up = sum(each.state == UP for each in status.others.machines)
    return f" on {up + 1} machines" if up else ""


def line(status: Status) -> str:
    """`3 waiting · 2 working · 41.2 MP/min · /srv/in: poll 5 s (nfs4)`."""
    parts = [f"{status.waiting} waiting", f"{len(status.lanes)} working{_elsewhere(status)}"]
    if status.retrying:
        parts.append(f"{status.retrying} to retry")
    if aside := sum(each.quarantined for each in status.inboxes.values()):
        parts.append(f"{aside} set aside")
    parts.append(f"{status.megapixels_per_minute:.1f} MP/min")
    inboxes = list(status.inboxes.values())[:_SHOWN]
    parts += [f"{shown(each.path)}: {how_watched(each.seen)}" for each in inboxes]
    lost = [f"{box.path}: {box.why}" for box in status.outboxes.values()
            if box.failing and box.why]  # fmt: skip
    parts += lost[:_SHOWN]
    if len(lost) > _SHOWN:
        parts.append(f"{len(lost) - _SHOWN} more outboxes cannot be written to")
    if status.trouble:
        parts.append(status.trouble)
    return " · ".join(parts)

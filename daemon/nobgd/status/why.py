"""One sentence, for any path, on what happened to it or will happen.

With a daemon it also knows what waits and what is being worked on; without one it answers from
the ledger.
"""

from __future__ import annotations

import os
import pwd

from nobgd.config import Config, InboxConfig
from nobgd.fs.names import shown
from nobgd.intake.ignore import Ignore
from nobgd.jobs import plan
from nobgd.jobs.ledger import Ledger
from nobgd.status import booked, elsewhere
from nobgd.status.daemon import Daemon
from nobgd.status.glance import Glance, locate
from nobgd.status.hindrance import Kind, sentence


def why(config: Config, ledger: Ledger, service: Daemon | None, path: str, seen: Glance) -> str:
    """One sentence on what happened, or will happen, to ``path`` (absolute)."""
    found = locate(config, path.rstrip("/"), seen)
    if found is None:
        return elsewhere.told(config, ledger, service, path, seen)
    inbox, relpath = found
    root = str(inbox.path)
    row = ledger.get(root, relpath)
    if service is not None and (root, relpath) in service.in_flight:
        return _in_flight(service, relpath)
    waiting = service.backlog.find(root, relpath) if service is not None else None
    if waiting is not None and waiting[1] is None:
        return _waiting(service, inbox, relpath)
    if row is not None and row.state == "retry":
        waits = _hindered(service, inbox, Kind.SILENT)
        if waits is not None:
            return waits
    if row is not None and row.state != "trying":
        return booked.told(row, inbox, path, there=seen.kind != "missing")
    ignore = Ignore(inbox.ignore, suffix=inbox.output.suffix, tail=inbox.output.rendering.tail)
    parts = relpath.split("/")
    for depth in range(1, len(parts) + 1):
        rule = ignore.rule("/".join(parts[:depth]), depth < len(parts))
        if rule is not None:
            part, is_dir = "/".join(parts[:depth]), depth < len(parts)
            return f"ignored: {shown(part)} {shown(ignore.explained(part, rule, is_dir=is_dir))}"
    if not inbox.recursive and len(parts) > 1:
        return f"ignored: {root} is watched without its sub-folders (recursive: false)"
    reason = plan.refusal(relpath)
    if reason is not None:
        return f"skipped: {shown(reason)}"
    if seen.kind == "silent":
        return f"{root} does not answer, and nothing is known of {shown(path)}; is its share alive?"
    if seen.kind == "closed":
        folder, who = shown(os.path.dirname(path)), _ourselves()
        return (
            f"not seen: {who}, as which nobgd looks, may not enter {folder} or a folder above it;"
            f" let it in, for example: sudo setfacl -m u:{who}:rx {folder}"
        )
    if seen.kind == "missing":
        return f"{shown(path)} is not there, and nothing is known of it"
    if seen.kind != "file":
        return f"ignored: {shown(path)} is a link or no plain file"
    if service is None:
        return "waiting: the daemon is not running; start it, or run `nobgd once`"
    if (waits := _hindered(service, inbox, Kind.LOST)) is not None:
        return waits
    return f"waiting: it has to be quiet for {inbox.watch.settle_s:g} s before it is started"


def _ourselves() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _in_flight(service: Daemon, relpath: str) -> str:
    for each in service.snapshot().lanes:
        if each.source == relpath:
            return f"working: lane {each.lane} is at {each.stage}, since {each.seconds:.1f} s"
    return "working: it is the next one for a free lane"


def _waiting(service: Daemon | None, inbox: InboxConfig, relpath: str) -> str:
    assert service is not None  # noqa: S101 - only a service has a backlog
    root = str(inbox.path)
    if (waits := _hindered(service, inbox)) is not None:
        return waits
    ahead = service.backlog.waiting(root)
    return f"waiting: {shown(relpath)} is one of {ahead} photos of this inbox that wait for a lane"


def _hindered(service: Daemon | None, inbox: InboxConfig, *kinds: Kind) -> str | None:
    """What the inbox's photos wait for, if it is one of these kinds (any, if none is given)."""
    now = service.snapshot().inboxes.get(str(inbox.path)) if service is not None else None
    if now is None or now.hindrance is None or (kinds and now.hindrance.kind not in kinds):
        return None
    waits = "waiting for " if now.hindrance.kind is Kind.OUTBOX else "waiting: "
    return waits + sentence(now.hindrance, now.path, now.outbox)


def output(config: Config, ledger: Ledger, path: str, seen: Glance) -> str | None:
    """Where the output of a photo that is done should be."""
    found = locate(config, path, seen)
    row = ledger.get(str(found[0].path), found[1]) if found is not None else None
    if row is None or row.state != "done":
        return None
    return os.path.join(row.outbox or "", row.output or "")

"""Why of a path that lies in no inbox: an inbox itself, a cut-out, or nothing of ours."""

from __future__ import annotations

import os

from nobgd.config import Config, InboxConfig
from nobgd.fs.names import shown
from nobgd.jobs.ledger import Ledger
from nobgd.status import when
from nobgd.status.daemon import Daemon
from nobgd.status.glance import Glance
from nobgd.status.hindrance import sentence

_COUNTED = ("done", "retry", "quarantined", "skipped")


def told(config: Config, ledger: Ledger, service: Daemon | None, path: str, seen: Glance) -> str:
    """One sentence on ``path``, absolute, which `glance.locate` does not find."""
    bare = path.rstrip("/")
    for each in config.inboxes:
        if bare in seen.roots(str(each.path)):
            return _inbox(ledger, service, each)
    for each in config.inboxes:
        outbox = str(each.outbox).rstrip("/")
        if bare == outbox:
            return f"{outbox} is an outbox: cut-outs of photos in {each.path} go there"
        if path.startswith(outbox + "/"):
            return _output(ledger, outbox, path)
    boxes = ", ".join(str(each.path) for each in config.inboxes)
    return f"{shown(path)} is in no inbox; the inboxes are {boxes}"


def _inbox(ledger: Ledger, service: Daemon | None, inbox: InboxConfig) -> str:
    path, counts = str(inbox.path), ledger.counts()
    parts = [
        f"{number} {state}" for state in _COUNTED if (number := counts.get((path, state), 0))
    ]  # fmt: skip
    waits = "; the daemon is not running"
    if service is not None:
        parts.insert(0, f"{service.backlog.waiting(path)} waiting")
        now = service.snapshot().inboxes.get(path)
        hindrance = now.hindrance if now is not None else None
        waits = "" if hindrance is None else f"; {sentence(hindrance, path, str(inbox.outbox))}"
    said = ", ".join(parts) or "nothing done yet"
    return f"{path} is an inbox: {said}; its cut-outs go to {inbox.outbox}{waits}"


def _output(ledger: Ledger, outbox: str, path: str) -> str:
    name = path[len(outbox) + 1 :]
    owner = ledger.owners(outbox, [name]).get(name)
    row = ledger.get(*owner) if owner is not None else None
    if owner is None or row is None:
        return (
            f"{shown(path)} lies in the outbox {outbox}, where results go and nothing is taken"
            " from; no photo that nobgd knows of has it for its cut-out"
        )
    source = shown(os.path.join(*owner))
    return f"{shown(path)} was made from {source} at {when.local(row.changed_at)}"

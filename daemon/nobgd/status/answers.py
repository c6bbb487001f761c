"""What can be asked of a daemon, and of its ledger while it is not running."""

from __future__ import annotations

from typing import Any

from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.status import (
    glance,
    inventory,
    judging,
    listing,
    overview,
    pausing,
    photos,
    redo,
    retry,
    why,
)
from nobgd.status.daemon import Daemon
from nobgd.status.glance import Glance, located


def handle(
    config: Config, ledger: Ledger, service: Daemon | None, request: dict[str, Any], seen: Glance
) -> dict[str, Any]:
    """Answer one request of the control socket (or of a verb, without a daemon).

    ``seen`` is what the asker saw (see `glance`): nothing is looked at here.
    """
    match request:
        case {"do": "status"}:
            now = service.snapshot() if service is not None else None
            return overview.status(config, ledger, now)
        case {"do": "why", "path": str(path)}:
            said = why.why(config, ledger, service, path, seen)
            output = why.output(config, ledger, path, seen) if said.startswith("done") else None
            return {"why": said} | ({"output": output} if output is not None else {})
        case {"do": "photo", "inbox": str(inbox), "relpath": str(relpath)}:
            return photos.photo(config, ledger, service, inbox, relpath)
        case {"do": "render", "inbox": str(inbox), "relpath": str(relpath), "output": dict(output)}:
            return photos.render(config, ledger, service, (inbox, relpath), output)
        case {"do": "photos", **asked}:
            return listing.photos(config, ledger, service, asked)
        case {"do": "preview", **asked}:
            return photos.preview(config, ledger, service, asked)
        case {"do": "list", "state": str() | None as state, "after": [str(inbox), str(relpath)]}:
            changed = bool(request.get("changed"))
            return inventory.page(config, ledger, state, (inbox, relpath), changed=changed)
        case {"do": "accept" | "reject" | "reopen" as do, "paths": list(paths)}:
            named = located(config, paths, seen)
            return judging.judge(config, ledger, service, named, judging.VERDICTS[do])
        case {"do": "redo", "paths": list(paths), **asked}:
            return redo.redo(config, ledger, service, located(config, paths, seen), asked)
        case {"do": "retry", "changed": True}:
            return retry.changed(config, ledger, service)
        case {"do": "retry", "state": str(state), "inbox": str() | None as key}:
            return retry.failed(config, ledger, service, state, key)
        case {"do": "retry", "paths": list(paths)}:
            return retry.retry(config, ledger, service, paths, seen)
        case {"do": "pause", "inbox": str() | None as inbox}:
            return pausing.pause(config, ledger, inbox, seen)
        case {"do": "resume", "inbox": str() | None as inbox}:
            moved = bool(request.get("moved"))
            return pausing.resume(config, ledger, inbox, seen, moved=moved)
        case _:
            return {"error": "not understood"}


def answer(
    config: Config, ledger: Ledger, service: Daemon | None, request: dict[str, Any]
) -> dict[str, Any]:
    """All of it in one thread, for those who have no loop to spare."""
    seen = glance.look(config, request)
    return glance.complete(handle(config, ledger, service, request, seen))

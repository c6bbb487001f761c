"""What the page and the API are told of single photos: where each is, as plain values for JSON.

The asker knows an inbox by its key (`plan.inbox_key`) and never by its path.
"""

from __future__ import annotations

from typing import Any

from nobgd.config import Config, InboxConfig, Output
from nobgd.jobs import plan, redoing
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status.daemon import Daemon

_STATES = {"retry": "retrying", "trying": "working"}  # the ledger's words for people's


def photo(
    config: Config, ledger: Ledger, service: Daemon | None, inbox: str, relpath: str
) -> dict[str, Any]:  # fmt: skip
    """One photo; ``inbox`` is a key.  {"photo": None} where nothing is known of it."""
    rules = of_key(config, inbox)
    if rules is None:
        return {"photo": None}
    root = str(rules.path)
    return {"photo": told(root, relpath, ledger.get(root, relpath), service)}


def render(
    config: Config, ledger: Ledger, service: Daemon | None, photo: tuple[str, str],
    output: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Have a lane make another file of a cut-out, see `Renders`; {} says: not there yet.

    ``output`` has keys of `config.Output`.
    """
    if service is None:
        return {"error": "the daemon is not running"}
    rules = of_key(config, photo[0])
    row = None if rules is None else ledger.get(str(rules.path), photo[1])
    if row is None or row.state != "done":
        return {"error": "it is not done"}
    try:
        wanted = Output.model_validate(output)
    except ValueError:
        return {"error": "not understood"}
    return service.renders.ask(row, wanted)


def preview(
    config: Config, ledger: Ledger, service: Daemon | None, asked: dict[str, Any]
) -> dict[str, Any]:
    """Have a small picture made; {} where it is under way, {"failed": why} where it cannot be."""
    match asked:
        case {
            "inbox": str(inbox), "relpath": str(relpath), "side": 320 | 1600 as side,
            "what": "in" | "out" | "mask" as what,
        }:  # fmt: skip
            rules = of_key(config, inbox)
            row = None if rules is None else ledger.get(str(rules.path), relpath)
            if row is None or row.state != "done":
                return {"failed": "it is not done"}
            return service.previews.ask(row, what, side) if service is not None else {}
        case _:
            return {"error": "preview: inbox, relpath, what and side are needed"}


def told(root: str, relpath: str, row: Row | None, service: Daemon | None) -> dict[str, Any] | None:
    """One photo of the inbox ``root``; None where nothing is known of it."""
    moving = _moving(root, relpath, service)
    if row is None and moving is None:
        return None
    told: dict[str, Any] = {
        "inbox": plan.inbox_key(root), "relpath": relpath, "state": "waiting", "stage": None,
        "code": None, "reason": None, "changed_at": None, "took_ms": None, "bytes_in": None,
        "sha256": None, "outbox": None, "output": None, "gone": False, "doubt": None,
        "review": None, "touched": False,
    }  # fmt: skip
    if row is not None:
        told |= {
            "state": _STATES.get(row.state, row.state), "code": row.code, "reason": row.reason,
            "changed_at": row.changed_at, "took_ms": row.took_ms, "bytes_in": row.size,
            "sha256": row.sha256, "outbox": row.outbox, "output": row.output, "gone": row.left,
            "doubt": row.doubt, "review": row.review, "touched": redoing.touch(row) is not None,
        }  # fmt: skip
    return told | (moving or {})


def _moving(root: str, relpath: str, service: Daemon | None) -> dict[str, Any] | None:
    """What the ledger does not know: it has no rows for what waits, nor for stages."""
    if service is None:
        return None
    if (root, relpath) in service.in_flight:
        stages = [each.stage for each in service.snapshot().lanes if each.source == relpath]
        return {"state": "working", "stage": stages[0] if stages else None}
    waiting = service.backlog.find(root, relpath)
    if waiting is None:
        return None
    return {"state": "waiting" if waiting[1] is None else "retrying"}


def of_key(config: Config, key: str) -> InboxConfig | None:
    """The inbox of a key; None where there is none."""
    return next((each for each in config.inboxes if plan.inbox_key(str(each.path)) == key), None)

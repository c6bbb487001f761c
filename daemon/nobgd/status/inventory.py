"""What `nobgd list` is told: photos that the ledger knows, a page at a time."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs import recipes
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row

_STATES = {"trying": "working", "retry": "retrying"}  # the ledger's words for people's
_LOOKED_AT = 1000  # rows a page: what the loop may be asked for in one go


def page(
    config: Config, ledger: Ledger, state: str | None, after: tuple[str, str], *, changed: bool
) -> dict[str, Any]:
    """Photos behind ``after``, (inbox, relpath), by inbox and name; and where to go on.

    ``state`` is one of `states.STATES`, None: all.  ``changed``: those that an older recipe made
    which still counts.  A page may be empty before the end.
    """
    inboxes = sorted(str(each.path) for each in config.inboxes)
    for inbox in inboxes:
        if inbox < after[0]:
            continue
        begin = after[1] if inbox == after[0] else ""
        many = ledger.doubtful if state == "doubtful" else ledger.page
        rows = many(inbox, begin, _LOOKED_AT)
        if not rows:
            continue
        current = recipes.current(ledger, inbox)
        found = [
            _told(row) for row in rows
            if _is(row, state)
            and not (changed and (row.state != "done" or row.redo is not None))
            and not (changed and (row.recipe == current or current is None))
        ]  # fmt: skip
        return {"photos": found, "after": [inbox, rows[-1].relpath]}
    return {"photos": [], "after": None}


def _is(row: Row, state: str | None) -> bool:
    match state:
        case None:
            return True
        case "doubtful":
            return row.review == "open"
        case "accepted" | "rejected":
            return row.review == state
        case _:
            return _STATES.get(row.state, row.state) == state


def _told(row: Row) -> dict[str, Any]:
    made = row.state == "done" and row.output is not None
    return {
        "source": shown(os.path.join(row.inbox, row.relpath)),
        "state": _STATES.get(row.state, row.state),
        "review": "doubtful" if row.review == "open" else row.review,
        "doubt": row.doubt,
        "output": shown(os.path.join(row.outbox or "", row.output or "")) if made else None,
        "when": datetime.fromtimestamp(row.changed_at, UTC).isoformat(timespec="seconds"),
        "code": row.code,
        "reason": row.reason,
    }

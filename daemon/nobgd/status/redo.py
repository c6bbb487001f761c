"""`redo`: cut-outs that somebody wants made anew, by another model or with other edges."""

from __future__ import annotations

import os
from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs import redoing
from nobgd.jobs.ledger import Ledger
from nobgd.status.daemon import Daemon


def redo(
    config: Config, ledger: Ledger, service: Daemon | None, photos: list[tuple[str, str]],
    asked: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Book the wish for (inbox, relpath) photos; those whose cut-out and original are there."""
    rows = []
    try:
        redoing.wish(config, asked)
        for inbox, relpath in photos:
            row = ledger.get(inbox, relpath)
            if row is not None and row.state == "done" and not row.left:
                ledger.redo(inbox, relpath, redoing.wish(config, asked, row.redo))
                rows.append(row)
    except ValueError as error:
        return {"error": str(error)}
    ledger.commit()
    if service is not None:
        service.redo(rows)
    return {"redone": [shown(os.path.join(row.inbox, row.relpath)) for row in rows]}

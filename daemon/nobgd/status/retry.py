"""`retry`: photos that are to be tried again, or made anew as the configuration says by now."""

from __future__ import annotations

import os
from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs import plan, recipes
from nobgd.jobs.freeing import free
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status.daemon import Daemon
from nobgd.status.glance import Glance, located
from nobgd.status.listing import NO_INBOX
from nobgd.status.photos import of_key

_MOST = 1000  # in one go, as the loop answers nobody else meanwhile
_FAILED = {"quarantined": "quarantined", "retrying": "retry"}  # people's words for the ledger's


def retry(
    config: Config, ledger: Ledger, service: Daemon | None, paths: list[Any], seen: Glance
) -> dict[str, Any]:
    """Forget the attempts of ``paths`` (all quarantined and retrying photos if empty).

    ``outputs`` of the answer: those of photos that were done, by source.
    """
    if paths:
        targets = located(config, paths, seen)
    else:
        rows = ledger.in_state("quarantined") + ledger.in_state("retry")
        targets = [(row.inbox, row.relpath) for row in rows]
    freed = free(ledger, targets)
    ledger.commit()
    if service is not None:
        service.freed(freed)
    sources = [shown(os.path.join(row.inbox, row.relpath)) for row in freed]
    outputs = {
        source: os.path.join(row.outbox or "", row.output or "")
        for source, row in zip(sources, freed, strict=True)
        if row.state == "done"
    }
    return {"freed": sources, "outputs": outputs}  # see `glance.complete`


def failed(
    config: Config, ledger: Ledger, service: Daemon | None, state: str, key: str | None
) -> dict[str, Any]:
    """Forget the attempts of photos that are quarantined or retrying now, 1,000 at most.

    ``key`` is an inbox's, None: all.  {"freed": [[key, relpath], ...], "more": whether there are}.
    """
    if state not in _FAILED:
        return {"error": f"retry: state must be {' or '.join(_FAILED)}"}
    rules = list(config.inboxes)
    if key is not None:
        if (one := of_key(config, key)) is None:
            return {"error": NO_INBOX}
        rules = [one]
    rows: list[Row] = []
    for each in rules:
        if len(rows) <= _MOST:
            left = _MOST + 1 - len(rows)
            rows += ledger.in_state(_FAILED[state], left, inbox=str(each.path))
    freed = free(ledger, [(row.inbox, row.relpath) for row in rows[:_MOST]])
    ledger.commit()
    if service is not None:
        service.freed(freed)
    told = [[plan.inbox_key(row.inbox), row.relpath] for row in freed]
    return {"freed": told, "more": len(rows) > _MOST}


def changed(config: Config, ledger: Ledger, service: Daemon | None) -> dict[str, Any]:
    """Let go of the recipes that count although the configuration asks for others now."""
    freed_of = [str(each.path) for each in config.inboxes if recipes.let_go(ledger, str(each.path))]
    ledger.commit()
    if service is not None:
        service.look_anew(freed_of)
    return {"inboxes": [shown(path) for path in freed_of]}

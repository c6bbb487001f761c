"""`pause` and `resume`, of one inbox or of all: a fact in the ledger, which outlives the daemon."""

from __future__ import annotations

from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.probing import seen as found_good
from nobgd.status.glance import Glance


def pause(config: Config, ledger: Ledger, inbox: str | None, seen: Glance) -> dict[str, Any]:
    """Begin no more photos of ``inbox``, by whichever path, or of any (None)."""
    return _switch(config, ledger, inbox, seen, by="by command")


def resume(
    config: Config, ledger: Ledger, inbox: str | None, seen: Glance, *, moved: bool = False
) -> dict[str, Any]:
    """Go on with them; with all of them, those paused by name too, where ``inbox`` is None.

    ``moved``: what they write to is taken as it lies now, whatever it lay on before.
    """
    answer = _switch(config, ledger, inbox, seen, by=None)
    if moved and "error" not in answer:
        for each in config.inboxes:
            if answer["inbox"] in (None, str(each.path)):
                for folder in (each.outbox, each.archive, each.quarantine):
                    ledger.remember(found_good(folder), None)
        ledger.commit()
    return answer


def paused(ledger: Ledger, inbox: str) -> bool:
    """Whether a command holds this inbox."""
    return ledger.fact(f"paused {inbox}") is not None or ledger.fact("paused *") is not None


def _switch(
    config: Config, ledger: Ledger, inbox: str | None, seen: Glance, *, by: str | None
) -> dict[str, Any]:
    known = {str(each.path) for each in config.inboxes}
    if inbox is not None and inbox not in known:
        real = {root: path for path in known for root in seen.roots(path)}
        if inbox not in real:
            return {"error": f"{shown(inbox)} is no inbox of {config.origin}"}
        inbox = real[inbox]
    targets = [inbox or "*", *([] if inbox or by is not None else known)]
    for target in targets:
        ledger.remember(f"paused {target}", by)
    ledger.commit()
    return {"inbox": inbox}

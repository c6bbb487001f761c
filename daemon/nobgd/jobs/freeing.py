"""Photos that are to be tried again, because somebody said so."""

from __future__ import annotations

from collections.abc import Iterable

from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row


def free(ledger: Ledger, targets: Iterable[tuple[str, str]]) -> list[Row]:
    """Forget the attempts of (inbox, relpath) photos; what was known of each that was freed."""
    freed = []
    for inbox, relpath in targets:
        row = ledger.get(inbox, relpath)
        if row is not None and row.state != "trying":
            ledger.forget(inbox, relpath)
            freed.append(row)
    return freed

"""What the ledger has of one photo, as a sentence: what was made of it, and what becomes of it."""

from __future__ import annotations

import os
import time

from nobgd.config import InboxConfig
from nobgd.fs.names import shown
from nobgd.jobs import asides, plan
from nobgd.jobs.row import Row
from nobgd.status import judging, when

_HOW = {"copied": ", copied from an identical photo's cut-out", "found": "; it was there already"}


def told(row: Row, inbox: InboxConfig, path: str, *, there: bool = True) -> str:
    """What came of the photo ``path``, which no lane has: its row says done, retry, … .

    ``there``: it may still lie in the inbox.  What left while nobody ran is not in the row.
    """
    at = when.local(row.changed_at)
    match row.state:
        case "done":
            output = os.path.join(row.outbox or "", row.output or "")
            took = ""
            if row.took_ms and row.how in ("computed", "rendered"):
                took = f", in {row.took_ms / 1000:.1f} s"
            suffix, end = inbox.output.suffix, os.path.splitext(row.output or "")[1]
            names = plan.outputs(row.relpath, suffix, end)
            refused = plan.refused_name(row.output or "", names, suffix + end)
            spelt = f" (its disk does not take the name {shown(refused)})" if refused else ""
            made = " from its cut-out" if row.how == "rendered" else ""
            said = (
                f"done{made} as {shown(output)}{spelt} at {at}{took}{_HOW.get(row.how or '', '')}"
            )
            return said + judging.told(row, path) + _original(row, inbox, there=there)
        case "retry":
            left = max(0.0, (row.next_try or 0.0) - time.time())
            return f"retrying: {row.reason or 'it was interrupted'}; next try in {left:.0f} s"
        case "quarantined":
            where, again = inbox.quarantine, f"`nobgd retry {shown(path)}` tries again"
            none = asides.not_copied(row)
            copy = f"a copy is in {where}" if none is None else f"no copy is in {where} ({none})"
            if row.gone:
                again = "the original has left the inbox, and the copy stays until you remove it"
            return f"quarantined at {at} ({row.code}): {row.reason}; {copy}; {again}"
        case _:
            return f"skipped: {row.reason}"


def _original(row: Row, inbox: InboxConfig, *, there: bool) -> str:
    """What becomes, or became, of an original that is to leave."""
    if row.disposed:
        return "; the original has been archived or deleted"
    if row.gone or not there:
        return "; the original has left the inbox"
    if inbox.source == "keep":
        return ""
    if row.kept is not None:
        return f"; the original is kept ({row.kept}): {row.kept_why}"
    return "; the original waits until it has been quiet for long enough to go"

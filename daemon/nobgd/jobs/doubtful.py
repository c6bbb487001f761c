"""What follows from a cut-out that somebody should look at, and from what they say; pure."""

from __future__ import annotations

from nobgd.jobs.row import Row
from nobgd.values import Code, Done, Job, Recipe, barrier
from nobgd.values.doubt import words


def review(job: Job, done: Done) -> str | None:
    """What the ledger says of a cut-out that was made now, as in `Row`."""
    if job.accepted:
        return "accepted"
    return "open" if done.review else None


def accepted(row: Row | None, recipe: Recipe) -> bool:
    """Whether somebody found the cut-out of this photo by this model good."""
    if row is None or row.review != "accepted":
        return False
    return (row.recipe or "").startswith(f"{recipe.weights}:")


def stays(row: Row) -> tuple[Code, str] | None:
    """Why an original stays until somebody does something about it; None: it may go.

    What no verdict mends is said first: further pages, a film, a sky.
    """
    code = Code(row.keep) if row.keep else Code.DOUBTFUL
    if row.review == "open" and code in (Code.DOUBTFUL, Code.NOTHING_FOUND):
        said = words(row.confidence or 0.0)
        why = f"{said}; look at its cut-out and run `nobgd accept` or `nobgd reject`"
        return code, f"{row.relpath} stays: {why}"
    if row.keep:
        return code, barrier.kept(row.relpath, code)
    if row.review == "rejected":
        why = "its cut-out was rejected; take it away yourself when it is not needed"
        return code, f"{row.relpath} stays: {why}"
    return None


def keep(row: Row, verdict: str) -> str | None:
    """Why the original has to stay, now that somebody looked; as in `Done`."""
    found = verdict == "accepted" and row.keep == Code.NOTHING_FOUND
    return "" if found else row.keep

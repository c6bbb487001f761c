"""The states of a photo in the ledger, and the ways between them.

`WAYS` is the whole table: what else `Ledger` would write is a mistake, which a test of the machine
looks for.  The diagram in ARCHITECTURE.md is `diagram`, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

STATES = ("trying", "retry", "done", "quarantined", "skipped")  # None: the photo has no row


@dataclass(frozen=True, slots=True)
class Way:
    """From one state to another, by which method of `Ledger`, and when."""

    before: str | None
    by: str
    after: str | None
    when: str


WAYS = (
    Way(None, "begin", "trying", "it has settled, and is handed to a lane"),
    Way("retry", "begin", "trying", "its time has come"),
    Way("done", "begin", "trying", "it changed, or is to be made by another recipe"),
    Way("quarantined", "begin", "trying", "it changed, or `nobgd retry` asked for it"),
    Way("skipped", "begin", "trying", "it is a photo now"),
    Way("trying", "begin", "trying", "its job was given up with its inbox, and is begun anew"),
    Way("trying", "done", "done", "its cut-out is on disk"),
    Way("trying", "retry", "retry", "the attempt failed, by the place's fault or ours"),
    Way("trying", "put_back", "retry", "no lane has begun it"),
    Way("done", "spoilt", "retry", "a machine that had lost it wrote over its cut-out"),
    Way("trying", "interrupt", "retry", "nobgd was stopped or killed while it was at work"),
    Way("trying", "quarantined", "quarantined", "it cannot be cut out, or was tried enough"),
    Way("retry", "quarantined", "quarantined", "handling it went wrong, or nobgd died of it often"),
    Way("skipped", "quarantined", "quarantined", "handling it went wrong; it had no row before"),
    Way("trying", "forget", None, "it changed or left while it was at work: it is looked at anew"),
    Way("retry", "forget", None, "it left, or is to be looked at anew"),
    Way("quarantined", "forget", None, "`nobgd retry` asked for it"),
    Way("skipped", "forget", None, "it left"),
    Way(None, "skipped", "skipped", "it is not for us"),
    Way("trying", "skipped", "skipped", "the other of its pair is done, or a link has its name"),
    Way("retry", "skipped", "skipped", "the same"),
    Way("quarantined", "skipped", "skipped", "the same"),
    Way("skipped", "skipped", "skipped", "it is not for us for another reason"),
)


def allowed(before: str | None, by: str, after: str | None) -> bool:
    """Whether the table has this way."""
    return any((way.before, way.by, way.after) == (before, by, after) for way in WAYS)


def diagram() -> str:
    """The table as a state diagram in Mermaid's language, one arrow for each pair of states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for way in WAYS:
        ends = (way.before or "[*]", way.after or "[*]")
        arrows.setdefault(ends, [])
        if way.by not in arrows[ends]:
            arrows[ends].append(way.by)
    lines = [f"    {before} --> {after}: {', '.join(by)}" for (before, after), by in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])

"""The states that `nobgd list` can be asked for, where naming them costs no other import."""

from __future__ import annotations

STATES = (
    "done", "doubtful", "accepted", "rejected", "retrying", "quarantined", "working", "skipped",
)  # fmt: skip

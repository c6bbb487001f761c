"""Why an inbox does not work: the first of all reasons, in one sentence for each reader."""

from __future__ import annotations

from typing import Any

import pytest

from nobgd.status.hindrance import Hindrance, Kind, first, in_the_share, sentence

NOTHING: dict[str, Any] = {
    "sign": None, "command": False, "lost": None, "outbox": None, "silent": None, "hours": None,
}  # fmt: skip
ALL: dict[str, Any] = {
    "sign": "_PAUSE", "command": True, "lost": "it was unmounted", "outbox": "/o is full",
    "silent": "/srv/in", "hours": "quiet until 07:00",
}  # fmt: skip


def test_an_inbox_that_works_has_none() -> None:
    """Nothing to tell."""
    assert first(**NOTHING) is None


@pytest.mark.parametrize("count", range(len(ALL)))
def test_what_people_can_do_something_about_comes_first(count: int) -> None:
    """With each reason gone the next one is told."""
    gone = list(ALL)[:count]
    found = first(**(ALL | {name: NOTHING[name] for name in gone}))
    assert found is not None
    assert found.kind == list(ALL)[count]


@pytest.mark.parametrize("kind", Kind)
def test_each_has_a_line_for_each_reader(kind: Kind) -> None:
    """Who sees the share alone is told no folder of the server, and nothing that steers."""
    found = Hindrance(kind, "/srv/secret\x1b[2J" if kind is Kind.SILENT else "what")
    told = sentence(found, "/srv/in", "/srv/out")
    shared = in_the_share(found)
    assert "\n" not in told + shared
    assert "/srv" not in shared
    assert "\x1b" not in shared

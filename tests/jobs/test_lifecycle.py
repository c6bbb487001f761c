"""The table of states and the ways between them."""

from __future__ import annotations

from pathlib import Path

from nobgd.jobs import lifecycle
from nobgd.jobs.ledger import Ledger

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"


def test_the_diagram_is_the_table() -> None:
    """After a change that is meant, put what `lifecycle.diagram()` gives into ARCHITECTURE.md."""
    assert lifecycle.diagram() in ARCHITECTURE.read_text()


def test_every_way_is_a_method_of_the_ledger_between_known_states() -> None:
    """Nothing in the table is a word of its own, or there twice."""
    for way in lifecycle.WAYS:
        assert callable(getattr(Ledger, way.by))
        assert {way.before, way.after} <= {None, *lifecycle.STATES}
    assert len({(way.before, way.by, way.after) for way in lifecycle.WAYS}) == len(lifecycle.WAYS)


def test_every_state_is_reached_and_left() -> None:
    """A photo is never stuck."""
    for state in lifecycle.STATES:
        assert any(way.after == state != way.before for way in lifecycle.WAYS)
        assert any(way.before == state != way.after for way in lifecycle.WAYS)

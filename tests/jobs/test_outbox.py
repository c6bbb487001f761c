"""An outbox's state."""

from __future__ import annotations

from nobgd.jobs.outbox import Outbox, make_folders
from nobgd.lane.errands import sight


def test_it_is_ready_only_after_a_probe() -> None:
    """Nothing is sent to a folder that nobody has looked at."""
    box = Outbox("/out")
    assert not box.ready
    assert box.due(0.0)
    assert box.found(sight(7, -1)) is False
    assert box.ready
    assert box.device == 7
    assert not box.due(100.0)


def test_a_fault_pauses_it_and_is_news_once() -> None:
    """Backing off from one second to about a minute, then back by itself."""
    box = Outbox("/out")
    box.found(sight(7, -1))
    assert box.failed("full", 10.0) is True
    assert box.failed("full", 11.0) is False
    assert not box.ready
    waits = []
    for _ in range(12):
        box.failed("full", 0.0)
        waits.append(box.probe_at)
    assert 48 <= waits[-1] <= 72
    assert box.found(sight(7, -1)) is True


def test_folders_are_made_where_their_parent_is(tmp_path) -> None:
    """A missing parent is a missing mount: nothing is made below it."""
    make_folders([str(tmp_path / "a"), str(tmp_path / "none/b"), str(tmp_path / "a")])
    assert [p.name for p in tmp_path.iterdir()] == ["a"]

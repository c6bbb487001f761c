"""An outbox's state."""

from __future__ import annotations

from nobgd.jobs.places import Place
from nobgd.values.mount import Mount


def test_it_is_ready_only_after_a_probe() -> None:
    """Nothing is sent to a folder that nobody has looked at."""
    box = Place("/out")
    assert not box.ready
    assert box.due(0.0)
    assert box.found(Mount(7, -1, "", "unknown", "")) is False
    assert box.ready
    assert box.device == 7
    assert not box.due(100.0)


def test_a_fault_pauses_it_and_is_news_once() -> None:
    """Backing off from one second to about a minute, then back by itself."""
    box = Place("/out")
    box.found(Mount(7, -1, "", "unknown", ""))
    assert box.failed("full", 10.0) is True
    assert box.failed("full", 11.0) is False
    assert not box.ready
    waits = []
    for _ in range(12):
        box.failed("full", 0.0)
        waits.append(box.probe_at)
    assert 48 <= waits[-1] <= 72
    assert box.found(Mount(7, -1, "", "unknown", "")) is True


def test_a_reason_that_changes_is_news() -> None:
    """A full disk that is then unmounted is two things to know."""
    box = Place("/out")
    assert box.failed("full", 0.0, code="no_space")
    assert not box.failed("full, still", 1.0, code="no_space")
    assert box.failed("not mounted", 2.0, code="gone_away")


def test_where_a_photo_did_not_fit_only_a_photo_shows_that_one_does() -> None:
    """A probe of five bytes fits on a full disk: it is tried, but not said to be back."""
    box = Place("/out")
    box.found(Mount(7, -1, "", "unknown", ""))
    waits: list[float] = []
    for _ in range(5):
        news = box.failed("full", 0.0, code="no_space", by_photo=True)
        assert news is not bool(waits)
        waits.append(box.probe_at)
        assert box.found(Mount(7, -1, "", "unknown", "")) is False
        assert box.ready
    assert waits[-1] > 8 * waits[0]  # it backs off, though each probe succeeds
    assert box.used() is True
    assert box.used() is False
    assert box.failed("full", 0.0, code="no_space", by_photo=True)
    box.found(Mount(7, -1, "", "unknown", ""))
    assert not box.rested(100.0)
    assert not box.rested(159.0)
    assert box.rested(160.0)  # no photo has come for a minute
    assert box.failures == 0

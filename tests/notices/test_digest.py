"""What of the log is told, when, and as what."""

from __future__ import annotations

from nobgd.notices.digest import USUAL, Digest, Event
from nobgd.record import schema


def aside(number: int) -> Event:
    return {
        "event": "photo.quarantined", "inbox": "/in", "source": f"/in/{number}.jpg",
        "code": "broken", "reason": f"{number}.jpg: it is cut off; copy the original again",
        "attempt": 3, "quarantine": "/q", "timestamp": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip


LOST: Event = {"event": "outbox.lost", "outbox": "/out", "code": "gone_away", "why": "not mounted"}


def test_the_first_is_told_at_once_and_what_follows_together() -> None:
    """No two notices within the time; none without an event."""
    digest = Digest(every_s=60)
    assert digest.due_in(0) is None
    assert not digest.add({"event": "photo.done", "inbox": "/in"})
    assert digest.due_in(0) is None
    assert digest.add(aside(1))
    assert digest.due_in(100) == 0
    first = digest.take(100)
    assert first.counts == {"photo.quarantined": 1}
    assert "1.jpg" in first.text
    assert "copy the original again" in first.text
    for number in range(2, 40):
        digest.add(aside(number))
    digest.add(LOST)
    assert digest.due_in(110) == 50
    second = digest.take(160)
    assert second.counts == {"photo.quarantined": 38, "outbox.lost": 1}
    assert second.title == "nobgd: photo.quarantined ×38; outbox.lost"
    assert len(second.text.splitlines()) == 11
    assert second.text.endswith("and 29 more")
    assert digest.due_in(161) is None


def test_what_could_not_be_told_goes_with_the_next() -> None:
    """In its order, and counted once."""
    digest = Digest(every_s=60)
    digest.add(aside(1))
    digest.again(digest.take(0))
    digest.add(LOST)
    assert digest.due_in(0) == 60
    notice = digest.take(60)
    assert notice.counts == {"photo.quarantined": 1, "outbox.lost": 1}
    assert [each["event"] for each in notice.events] == ["photo.quarantined", "outbox.lost"]


def test_a_flood_is_bounded() -> None:
    """In memory, and in what is sent."""
    digest = Digest()
    for number in range(10_000):
        digest.add(aside(number))
    notice = digest.take(0)
    assert notice.counts == {"photo.quarantined": 10_000}
    assert len(notice.events) == 100


def test_a_name_cannot_steer_a_terminal_or_add_a_line() -> None:
    """It is escaped, as everywhere."""
    digest = Digest()
    digest.add({**aside(1), "source": "/in/a\n\x1b[2Jb.jpg"})
    text = digest.take(0).text
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1


def test_the_usual_ones_are_of_the_log() -> None:
    """No name that nothing says."""
    assert set(USUAL) <= set(schema.EVENTS)

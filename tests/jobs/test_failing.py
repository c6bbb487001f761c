"""What is said of photos that wait for their place: what begins, changes and ends."""

from __future__ import annotations

from nobgd.jobs.failing import Failing
from nobgd.values import Code, Failed


def failed(name: str, code: Code = Code.FORBIDDEN, inbox: str = "/in") -> Failed:
    return Failed(inbox, name, code, f"{name}: permission denied")


def counts(failing: Failing, now: float) -> list[tuple[str, int]]:
    return [(event["code"], event["count"]) for event in failing.due(now)]


def test_one_photo_is_told_when_it_begins_and_when_its_reason_changes() -> None:
    """And at no try in between."""
    failing = Failing()
    assert failing.failed(failed("a"), 0.0)
    assert not any(failing.failed(failed("a"), float(now)) for now in range(1, 100))
    assert failing.failed(failed("a", Code.IO_ERROR), 100.0)
    assert counts(failing, 1e6) == []
    failing.ended("/in", "a")
    assert counts(failing, 1e6) == []  # photo.done has told it
    assert failing.failed(failed("a"), 2e6)
    failing.ended("/in", "a", silently=True)
    assert counts(failing, 2e6) == [("forbidden", 0)]
    assert len(failing) == 0


def test_a_photo_that_changes_its_reason_for_ever_is_told_ten_times() -> None:
    """A share that answers now this, now that."""
    failing = Failing()
    codes = (Code.IO_ERROR, Code.STALE)
    told = [failing.failed(failed("a", codes[number % 2]), 0.0) for number in range(100)]
    assert sum(told) == 10


def test_many_of_one_reason_are_a_number() -> None:
    """Three by name, then how many; again when that has changed, ever more seldom."""
    failing = Failing()
    told = [failing.failed(failed(f"{number}"), 0.0) for number in range(300)]
    assert sum(told) == 3
    assert counts(failing, 4.0) == []
    assert counts(failing, 5.0) == [("forbidden", 300)]
    assert counts(failing, 1e5) == []  # the number is the same
    lines = 0
    for minute in range(24 * 60):  # a photo more each minute, for a day
        failing.failed(failed(f"more {minute}"), 1e5 + minute * 60)
        lines += len(counts(failing, 1e5 + minute * 60))
    assert 24 <= lines <= 34
    assert counts(failing, 1e7) == [("forbidden", 1740)]
    for number in range(300):
        failing.ended("/in", f"{number}")
    for minute in range(24 * 60):
        failing.ended("/in", f"more {minute}")
    assert counts(failing, 1e7) == [("forbidden", 0)]
    assert counts(failing, 2e7) == []


def test_inboxes_and_reasons_are_told_apart() -> None:
    """Each has its own."""
    failing = Failing()
    for number in range(5):
        failing.failed(failed(f"{number}"), 0.0)
        failing.failed(failed(f"{number}", inbox="/other"), 0.0)
        failing.failed(failed(f"x{number}", Code.IO_ERROR), 0.0)
    events = list(failing.due(9.0))
    assert [(e["inbox"], e["code"], e["count"]) for e in events] == [
        ("/in", "forbidden", 5), ("/other", "forbidden", 5), ("/in", "io_error", 5),
    ]  # fmt: skip
    assert all(e["reason"].startswith("for example ") for e in events)


def test_what_an_earlier_run_has_told_is_counted_without_a_word() -> None:
    """Until their number changes; and whose end is told by name is whose beginning was."""
    failing = Failing("sources.kept")
    told = [failing.failed(failed(str(number)), 0.0, known=True) for number in range(10_000)]
    assert sum(told) == 3
    assert counts(failing, 1e6) == []
    assert not failing.failed(failed("new"), 1e6)
    (event,) = failing.due(2e6)
    assert (event["event"], event["count"]) == ("sources.kept", 10_001)
    assert failing.ended("/in", "0")
    assert not failing.ended("/in", "9999")
    assert not failing.ended("/in", "never")
    failing.forget("/in")
    assert len(failing) == 0
    assert counts(failing, 1e9) == []

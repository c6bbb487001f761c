"""The backlog: order, turns, retries."""

from __future__ import annotations

from nobgd.jobs.backlog import Backlog
from nobgd.values import Photo


def photo(name: str, inbox: str = "/in", size: int = 1) -> Photo:
    return Photo(inbox, name, size, 0, 2.0)


def everything(backlog: Backlog, now: float = 0.0) -> list[str]:
    names = []
    while (taken := backlog.take(now, lambda _: True)) is not None:
        names.append(taken.relpath)
    return names


def test_inboxes_take_turns() -> None:
    """A thousand photos in one inbox do not keep another waiting."""
    backlog = Backlog()
    for number in range(3):
        backlog.add(photo(f"a{number}", "/a"))
    backlog.add(photo("b0", "/b"))
    assert everything(backlog) == ["a0", "b0", "a1", "a2"]


def test_urgent_goes_first_and_retries_last() -> None:
    """`_urgent/` before new before retries that are due."""
    backlog = Backlog()
    backlog.add_later(photo("again"), 5.0)
    backlog.add(photo("new"))
    backlog.add(photo("_urgent/now"))
    assert everything(backlog, now=6.0) == ["_urgent/now", "new", "again"]


def test_a_retry_waits_for_its_time() -> None:
    """Not a moment before."""
    backlog = Backlog()
    backlog.add_later(photo("again"), 5.0)
    assert backlog.take(4.9, lambda _: True) is None
    assert backlog.next_due() == 5.0
    assert everything(backlog, now=5.0) == ["again"]


def test_a_photo_is_there_once() -> None:
    """Being told twice, or as new while it waits for a retry, makes one photo of it."""
    backlog = Backlog()
    backlog.add_later(photo("a", size=1), 5.0)
    backlog.add(photo("a", size=2))
    backlog.add(photo("a", size=3))
    assert len(backlog) == 1
    taken = backlog.take(10.0, lambda _: True)
    assert taken is not None
    assert taken.size == 3
    assert len(backlog) == 0


def test_a_closed_inbox_keeps_its_photos() -> None:
    """Paused or lost: nothing is taken, nothing is forgotten, retries included."""
    backlog = Backlog()
    backlog.add(photo("a", "/a"))
    backlog.add_later(photo("r", "/a"), 1.0)
    backlog.add(photo("b", "/b"))
    taken = backlog.take(2.0, lambda inbox: inbox == "/b")
    assert taken is not None
    assert taken.relpath == "b"
    assert backlog.take(2.0, lambda inbox: inbox == "/b") is None
    assert everything(backlog, now=2.0) == ["a", "r"]


def test_what_leaves_is_dropped() -> None:
    """Gone from the inbox, gone from the backlog, wherever it waited."""
    backlog = Backlog()
    backlog.add(photo("a"))
    backlog.add_later(photo("b"), 1.0)
    backlog.add(photo("_urgent/c"))
    backlog.drop("/in", ["a", "b", "_urgent/c", "never there"])
    assert len(backlog) == 0
    assert backlog.next_due() is None


def test_expedite_makes_retries_due() -> None:
    """`nobgd retry --all` waits for nothing."""
    backlog = Backlog()
    backlog.add_later(photo("a"), 500.0)
    backlog.expedite("/in")
    assert everything(backlog, now=1.0) == ["a"]


def test_urgent_photos_take_turns_too() -> None:
    """A thousand urgent ones of one inbox do not keep another's waiting."""
    backlog = Backlog()
    for number in range(3):
        backlog.add(photo(f"_urgent/a{number}", "/a"))
    backlog.add(photo("b0", "/b"))
    backlog.add(photo("_urgent/b1", "/b"))
    names = ["_urgent/a0", "_urgent/b1", "_urgent/a1", "_urgent/a2", "b0"]
    assert everything(backlog) == names


def test_an_inbox_that_rests_gives_its_turn_away() -> None:
    """The others go on; when it opens again it is served as before, urgent ones first."""
    backlog = Backlog()
    for number in range(2):
        backlog.add(photo(f"a{number}", "/a"))
        backlog.add(photo(f"b{number}", "/b"))
    backlog.add(photo("_urgent/a", "/a"))
    taken = [backlog.take(0.0, lambda inbox: inbox != "/a") for _ in range(3)]
    assert [each.relpath for each in taken if each] == ["b0", "b1"]
    assert everything(backlog) == ["_urgent/a", "a0", "a1"]


def test_what_is_held_waits_for_its_release() -> None:
    """It counts as waiting, is found, and leaves with its name; a newer one replaces it."""
    backlog = Backlog()
    backlog.hold(photo("a"))
    assert (everything(backlog), len(backlog), backlog.waiting("/in")) == ([], 1, 1)
    assert backlog.find("/in", "a") == (photo("a"), None)
    backlog.add(photo("a", size=2))
    assert backlog.release("/in", "a") is None
    backlog.hold(photo("b"))
    assert backlog.release("/in", "b") == photo("b")
    backlog.hold(photo("b"))
    backlog.drop("/in", ["b"])
    backlog.hold(photo("c"))
    backlog.drop_inbox("/in")
    assert len(backlog) == 0


def test_what_waits_in_a_closed_inbox_wakes_nobody() -> None:
    """A retry that is due there has no time, and does not stand before another inbox's."""
    backlog = Backlog()
    backlog.add_later(photo("a", "/closed"), 1.0)
    backlog.add_later(photo("b", "/open"), 5.0)
    closed: set[str] = {"/closed"}

    def is_open(inbox: str) -> bool:
        return inbox not in closed

    assert backlog.next_due(is_open) == 5.0
    assert backlog.take(4.0, is_open) is None
    found = backlog.take(6.0, is_open)
    assert found is not None
    assert found.relpath == "b"
    assert backlog.next_due(is_open) is None
    assert backlog.take(9.0, is_open) is None
    closed.clear()
    assert backlog.next_due(is_open) == 1.0
    found = backlog.take(9.0, is_open)
    assert found is not None
    assert found.relpath == "a"
    assert len(backlog) == 0


def test_a_closed_inbox_is_asked_for_once_and_not_for_each_photo() -> None:
    """Ten thousand due retries of an inbox that is closed cost one question."""
    backlog = Backlog()
    for number in range(10_000):
        backlog.add_later(photo(f"{number}", "/closed"), 1.0)
    asked: list[str] = []

    def is_open(inbox: str) -> bool:
        asked.append(inbox)
        return False

    assert backlog.take(9.0, is_open) is None
    assert backlog.next_due(is_open) is None
    assert asked == ["/closed", "/closed"]
    assert backlog.retrying("/closed") == 10_000
    backlog.drop_inbox("/closed")
    assert len(backlog) == 0


def test_the_first_of_one_inbox_are_those_of_all_without_the_others() -> None:
    backlog = Backlog()
    for name in ("1", "2", "_urgent/3"):
        for inbox in ("/a", "/b"):
            backlog.add(photo(name, inbox))
    mine = [each for each in backlog.first(9) if each.inbox == "/b"]
    assert [each.relpath for each in mine] == ["_urgent/3", "1", "2"]
    assert backlog.first(9, "/b") == mine
    assert backlog.first(2, "/b") == mine[:2]
    assert backlog.first(9, "/c") == []

"""Who brought the model process down: plain values."""

from __future__ import annotations

from nobgd.pool.suspects import Suspects


def test_the_third_time_is_the_last() -> None:
    """By the tensor itself; a suspect is tried alone until it is cleared."""
    suspects = Suspects()
    assert not suspects.suspect("a")
    assert [suspects.ended("a", killed=False) for _ in range(3)] == [False, False, True]
    assert suspects.suspect("a")
    suspects.cleared("a")
    assert not suspects.suspect("a")


def test_a_kill_from_outside_makes_no_suspect() -> None:
    """Thirty of them at one tensor do."""
    suspects = Suspects()
    assert [suspects.ended("a", killed=True) for _ in range(30)] == [False] * 29 + [True]
    assert not suspects.suspect("a")


def test_what_is_remembered_is_bounded() -> None:
    """The oldest is forgotten."""
    suspects = Suspects()
    for number in range(1001):
        suspects.ended(str(number), killed=False)
    assert not suspects.suspect("0")
    assert suspects.suspect("1000")

"""Which homes a worker works for, by what they say and when."""

from __future__ import annotations

from nobgd.cluster.words import Cast
from nobgd.machines.homes import GONE_S, Homes

ONE, OTHER = "a" * 16, "b" * 16


def test_a_home_is_gone_once_it_is_silent() -> None:
    """And is there again when it speaks."""
    homes = Homes()
    homes.listen(0.0)
    homes.hear(Cast(home=ONE, lease_s=7.0), 1.0)
    assert not homes.is_gone(ONE, 1.0 + GONE_S)
    assert homes.is_gone(ONE, 1.1 + GONE_S)
    assert homes.speaking(0.9 + GONE_S) == 1
    assert homes.speaking(1.1 + GONE_S) == 0
    homes.hear(Cast(home=ONE), 30.0)
    assert not homes.is_gone(ONE, 30.0)


def test_a_home_that_was_never_heard_is_gone_once_it_had_the_time_to_speak() -> None:
    """One that has just been connected to has not: its questions may come before its word."""
    homes = Homes()
    homes.listen(100.0)
    assert not homes.is_gone(OTHER, 100.0 + GONE_S)
    assert homes.is_gone(OTHER, 100.1 + GONE_S)
    homes.listen(200.0)
    assert not homes.is_gone(OTHER, 201.0)


def test_why_a_home_refuses_it_is_known_while_that_speaks() -> None:
    """The first reason, if there are several homes."""
    homes = Homes()
    homes.hear(Cast(home=ONE), 0.0)
    assert homes.refusal() == ""
    homes.hear(Cast(home=OTHER, refused="its mask differs"), 0.0)
    assert homes.refusal() == "its mask differs"
    homes.hear(Cast(home=OTHER), 1.0)
    assert homes.refusal() == ""


def test_what_a_home_says_is_forgotten_with_it() -> None:
    """Its lease, too."""
    homes = Homes()
    homes.hear(Cast(home=ONE, lease_s=7.0), 0.0)
    homes.hear(Cast(home=OTHER, lease_s=8.0), 5.0)
    assert [each.home for each in homes.sweep(GONE_S)] == [ONE, OTHER]
    assert homes.lease_s(ONE) == 7.0
    assert [each.home for each in homes.sweep(GONE_S + 1)] == [OTHER]
    assert homes.lease_s(ONE) == 5.0

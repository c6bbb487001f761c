"""How many lanes were at work meanwhile."""

from __future__ import annotations

import pytest

from nobgd.pool.load import Load


def test_a_photo_alone_has_one_lane() -> None:
    """Its own."""
    load = Load()
    mark = load.enter(5.0)
    assert load.leave(mark, 7.0) == 1.0
    assert load.leave(load.enter(9.0), 9.0) == 1.0


def test_others_count_for_as_long_as_they_are_at_work() -> None:
    """The second comes half-way and stays; the third begins when the first has ended."""
    load = Load()
    first = load.enter(0.0)
    second = load.enter(5.0)
    assert load.leave(first, 10.0) == pytest.approx(1.5)
    third = load.enter(12.0)
    assert load.leave(second, 15.0) == pytest.approx((5 * 2 + 2 * 1 + 3 * 2) / 10)
    assert load.leave(third, 16.0) == pytest.approx((3 * 2 + 1) / 4)

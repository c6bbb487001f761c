"""Lanes that may be open after memory ran out."""

from __future__ import annotations

from nobgd.pool.seats import Seats


def test_one_fewer_each_time_and_never_none() -> None:
    """The last one is told apart: then it is the photo that needs too much."""
    seats = Seats(3)
    assert (seats.at(0.0), seats.fewer(0.0, 3), seats.at(1.0)) == (3, True, 2)
    assert (seats.fewer(2.0, 2), seats.at(3.0)) == (True, 1)
    assert (seats.fewer(4.0, 1), seats.at(5.0)) == (False, 1)


def test_they_come_back_one_after_the_other() -> None:
    """Ten minutes after the last time, then every ten minutes."""
    seats = Seats(3)
    seats.fewer(0.0, 3)
    seats.fewer(100.0, 2)
    assert [seats.at(now) for now in (699.0, 700.0, 1299.0, 1300.0, 9999.0)] == [1, 2, 2, 3, 3]


def test_lanes_that_were_not_open_do_not_count() -> None:
    """Four seats, two of them taken: one is left."""
    seats = Seats(4)
    seats.fewer(0.0, 2)
    assert seats.at(1.0) == 1

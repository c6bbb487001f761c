"""Whose fault it is that memory ran out."""

from __future__ import annotations

import pytest

from nobgd.pool.room import Room


def test_where_no_ordinary_photo_was_done_none_is_to_blame() -> None:
    """There is too little memory for anybody."""
    room = Room()
    assert not room.is_to_blame(12.0)
    assert not room.is_to_blame(0.0)
    assert room.is_to_blame(100.0)


@pytest.mark.parametrize(("megapixels", "to_blame"), [(0.0, True), (12.0, True), (24.0, False)])
def test_where_one_like_it_was_done_a_photo_is(megapixels: float, to_blame: bool) -> None:
    """A small file that unpacks into gigabytes stops nobody; a larger one proves nothing."""
    room = Room()
    room.worked(12.2)
    assert room.is_to_blame(megapixels) is to_blame


def test_photos_wait_longer_each_time_until_one_like_it_is_done() -> None:
    """No loop of kills; and smaller ones, which are done between, do not make it one."""
    room, now, pauses = Room(), 0.0, []
    for number in range(9):
        assert room.ran_out(now, 12.0) is (number == 0)
        began = now
        while room.closed(now):
            now += 0.5
        pauses.append(now - began)
        room.worked(1.0)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    room.worked(12.0)
    assert not room.closed(now)
    assert room.ran_out(now, 12.0)
    assert not room.closed(now + 1.0)

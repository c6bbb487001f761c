"""Whose fault it is that memory ran out."""

from __future__ import annotations

from nobgd.pool.room import Room


def test_an_ordinary_photo_is_not_to_blame_where_none_is_done() -> None:
    """There is too little memory for anybody, however often it is tried."""
    room = Room()
    assert not any(room.is_to_blame("a", 12.0) for _ in range(100))
    assert not room.is_to_blame("b", 0.0)
    assert room.is_to_blame("c", 100.0)


def test_one_that_is_never_done_while_others_are_is() -> None:
    """A small file that unpacks into gigabytes stops nobody; what is done after all was none."""
    room = Room()
    said = []
    for number in range(12):
        room.worked("a", 1.0)
        said.append(room.is_to_blame("bomb", 1.0))
        assert not room.is_to_blame(f"other {number}", 12.0)
    assert said == [False] * 9 + [True] * 3
    room.worked("bomb", 1.0)
    assert not room.is_to_blame("bomb", 1.0)


def test_photos_wait_longer_each_time_until_one_like_it_is_done() -> None:
    """No loop of kills; and smaller ones, which are done between, do not make it one."""
    room, now, pauses = Room(), 0.0, []
    for number in range(9):
        assert room.ran_out(now, 12.0) is (number == 0)
        began = now
        while room.closed(now):
            now += 0.5
        pauses.append(now - began)
        room.worked("small", 1.0)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    room.worked("a", 12.0)
    assert not room.closed(now)
    assert room.ran_out(now, 12.0)
    assert not room.closed(now + 1.0)

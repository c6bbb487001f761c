"""Photos that could not be read were told with every try, for ever; each try woke a full scan."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import valid
from faults.rows import errno_matrix

_PHOTOS = 12
_WATCHED_S = 15.0


def test_it_is_said_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    """A few by name and the rest by number; then nothing until they can be read."""
    why = errno_matrix.missing()
    if why is not None:
        pytest.skip(why)
    from faults.faulty import Mount

    inbox = Mount(tmp_path / "below", tmp_path / "house" / "in")
    try:
        with House(tmp_path / "house", tmp_path / "cache") as house:
            until(lambda: house.listen().events["inbox.watching"], 30, "the inbox is watched")
            inbox.fail("open", errno.EACCES, 1_000_000)
            names = [f"{number}.jpg" for number in range(_PHOTOS)]
            for number, name in enumerate(names):
                (tmp_path / "below" / name).write_bytes(valid(number))
            until(lambda: inbox.fired() > 3 * _PHOTOS, 60, "each is tried again")
            assert house.listen().events["photo.failed"] == 3
            until(lambda: house.listen().events["photos.failing"], 60, "their number is told")
            assert house.last["photos.failing"]["count"] == _PHOTOS
            tries = inbox.fired()
            told = sum(house.listen().events.values())
            time.sleep(_WATCHED_S)  # another process: several tries of each
            assert inbox.fired() > tries + _PHOTOS
            assert sum(house.listen().events.values()) == told
            assert house.events["photo.failed"] == 3
            inbox.lift()
            assert house.await_ends(names, 150) == []
            until(lambda: house.listen().last["photos.failing"]["count"] == 0, 30, "none fails")
            lines = [json.loads(line) for line in house.log.read_text().splitlines()]
            assert [line["count"] for line in lines if line["event"] == "photos.failing"] == [
                _PHOTOS, 0,
            ]  # fmt: skip
    finally:
        inbox.close()

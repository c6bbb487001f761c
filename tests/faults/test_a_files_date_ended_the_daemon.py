"""A file of the year 2300, or of 1601, ended the daemon, and again at each of its starts.

Its time in nanoseconds takes more than 64 bits, which SQLite's integers do not have; the error
was none of SQLite's, and nothing between the loop and the command line caught it.  Files without
a date on NTFS and CIFS are of 1601.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import valid

_YEARS = {1601: -11_644_473_600, 1900: -2_208_988_800, 2263: 9_246_182_400, 2400: 13_569_465_600}


@pytest.fixture
def anywhen() -> Iterator[Path]:
    """A folder on a file system that keeps every time: tmpfs, where there is one."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def test_a_photo_of_any_year_is_done(tmp_path: Path, anywhen: Path) -> None:
    """And is known again after a restart: it is not done twice."""
    names = {}
    with House(tmp_path / "house", tmp_path / "cache", inbox={"path": str(anywhen)}) as house:
        house.inbox = anywhen
        for number, (year, seconds) in enumerate(_YEARS.items()):
            path = anywhen / f"{year}.jpg"
            path.write_bytes(valid(number))
            os.utime(path, ns=(0, seconds * 10**9 + 1))
            names[path.name] = path.stat().st_mtime_ns
        (anywhen / "no picture.jpg").write_bytes(b"none")
        os.utime(anywhen / "no picture.jpg", ns=(0, _YEARS[2400] * 10**9))
        assert any(not -(2**63) <= mtime < 2**63 for mtime in names.values())
        assert house.await_ends([*names, "no picture.jpg"], 90) == []
        assert {house.ends[house.path(name)] for name in names} == {"photo.done"}
        before = dict(house.done)
        house.stop()
        house.start()
        scanned = house.events["inbox.watching"]
        (anywhen / "last.jpg").write_bytes(valid(9))
        assert house.await_ends(["last.jpg"], 60) == []
        until(lambda: house.listen().events["inbox.watching"] >= scanned, 30, "it watches")
        assert {name: house.done[name] for name in before} == before
        assert not house.dead()

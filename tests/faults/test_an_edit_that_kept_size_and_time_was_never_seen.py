"""A photo that was edited in place, and given its old time back, kept its old cut-out for ever.

Size and mtime were taken for the content.  exiftool -P, `cp -p` and `mv` of a file of the same
size and time change all but these two; the inode number, the ctime or the kernel's word tell.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import corpus, valid

_TIME_NS = 1_700_000_000_123_456_789
_COMMENT = b"\xff\xfe\x00\x0a"  # a JPEG's comment of eight bytes


def version(letter: bytes) -> bytes:
    """Photos of one size that differ in a comment."""
    plain = next(data for kind, data in corpus() if kind == "JPEG")
    return plain[:2] + _COMMENT + letter * 8 + plain[2:]


def in_place(path: Path, data: bytes) -> None:
    """As exiftool -P -overwrite_original_in_place does."""
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(_TIME_NS, _TIME_NS))


def copied(path: Path, data: bytes) -> None:
    """As `cp -p` does."""
    other = path.parent.parent / "outside" / "other"
    in_place_of(other, data)
    shutil.copy2(other, path)
    os.unlink(other)


def renamed(path: Path, data: bytes) -> None:
    """As exiftool -P and every careful program does."""
    hidden = path.parent / ".hidden"
    in_place_of(hidden, data)
    os.rename(hidden, path)


def in_place_of(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.utime(path, ns=(_TIME_NS, _TIME_NS))


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("mode", ["inotify", "poll"])
def test_each_way_of_editing_is_seen(tmp_path: Path, mode: str) -> None:
    """While the daemon runs, and while it does not."""
    watch = {"settle_s": 0.2, "rescan_s": 2, "poll_s": 0.3, "mode": mode}
    with House(tmp_path / "house", tmp_path / "cache", watch=watch) as house:
        path = house.inbox / "a.jpg"
        in_place_of(path, version(b"0"))
        assert house.await_versions({"a.jpg": sha(version(b"0"))}, 60) == []
        for letter, edit in ((b"1", in_place), (b"2", copied), (b"3", renamed)):
            edit(path, version(letter))
            assert path.stat().st_mtime_ns == _TIME_NS
            assert house.await_versions({"a.jpg": sha(version(letter))}, 60) == [], edit
        for letter, edit in ((b"4", in_place), (b"5", copied), (b"6", renamed)):
            house.stop()
            edit(path, version(letter))
            house.start()
            assert house.await_versions({"a.jpg": sha(version(letter))}, 60) == [], edit
        assert house.done[house.path("a.jpg")] == 7


def test_a_file_that_was_only_touched_is_not_done_again(tmp_path: Path) -> None:
    """It is looked at in the background, without a word, and then known as it is now."""
    with House(tmp_path / "house", tmp_path / "cache") as house:
        names = [f"{number}.jpg" for number in range(5)]
        for number, name in enumerate(names):
            (house.inbox / name).write_bytes(valid(number))
        assert house.await_ends(names, 90) == []
        before = sum(house.listen().events.values())
        for name in names:
            (house.inbox / name).chmod(0o640)

        def learnt() -> bool:
            time.sleep(0.2)
            path = house.state / "ledger.sqlite3"
            with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
                rows = dict(db.execute("SELECT CAST(relpath AS TEXT), ctime_ns FROM photo"))
            return all(rows[n] == (house.inbox / n).stat().st_ctime_ns for n in names)

        until(learnt, 60, "the ledger knows the new ctimes")
        assert sum(house.listen().events.values()) == before
        house.stop()
        house.start()
        (house.inbox / "last.jpg").write_bytes(valid(9))
        assert house.await_ends(["last.jpg"], 60) == []
        assert all(house.done[house.path(name)] == 1 for name in names)

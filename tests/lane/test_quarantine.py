"""A copy in quarantine: made once, never written over, bounded, kept until it may go."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.lane import quarantine
from nobgd.lane.quarantine import room
from nobgd.values.errands import COPIED, LIMIT, ROOM, STATES, UNREADABLE, Release, SetAside

GB = 10**9


@pytest.mark.parametrize(
    ("size", "used", "free", "total", "limit", "state"),
    [
        (GB, 0, 100 * GB, 200 * GB, None, COPIED),
        (GB, 10 * GB, 90 * GB, 200 * GB, None, LIMIT),
        (GB, 0, 100 * GB, 200 * GB, 2 * GB, COPIED),
        (GB, GB + 1, 100 * GB, 200 * GB, 2 * GB, LIMIT),
        (1, 0, 100 * GB, 200 * GB, 0, LIMIT),
        (GB, 0, 10 * GB, 200 * GB, 500 * GB, ROOM),  # a twentieth stays free
        (10**6, 0, 60 * 10**6, 60 * 10**6, None, ROOM),  # a small disk: reasons only
    ],
)
def test_copies_leave_room(
    size: int, used: int, free: int, total: int, limit: int | None, state: int
) -> None:
    """For the ledger, which may lie on the same disk."""
    assert room(size, used, free, total, limit) == state


def aside(root: Path, data: bytes, why: str = "it is broken") -> SetAside:
    (root / "in/sub").mkdir(parents=True, exist_ok=True)
    (root / "q").mkdir(exist_ok=True)
    (root / "in/sub/a.jpg").write_bytes(data)
    return SetAside(str(root / "in"), "sub/a.jpg", str(root / "q"), why, 10 * GB)


def test_another_photo_of_that_name_gets_a_number(tmp_path: Path) -> None:
    """The copy of the first was promised; the same bytes once more are not copied twice."""
    numbers = [
        quarantine.set_aside(aside(tmp_path, data)) for data in (b"one", b"two", b"one", b"three")
    ]
    assert numbers == [0, STATES, 0, 2 * STATES]
    assert sorted(os.listdir(tmp_path / "q/sub")) == [
        "a-1.jpg", "a-1.jpg.why.txt", "a-2.jpg", "a-2.jpg.why.txt", "a.jpg", "a.jpg.why.txt",
    ]  # fmt: skip


def test_what_a_kill_cut_short_is_finished(tmp_path: Path) -> None:
    """The reason is there and no copy: it is made, under that name."""
    errand = aside(tmp_path, b"one")
    (tmp_path / "q/sub").mkdir()
    (tmp_path / "q/sub/a.jpg.why.txt").write_text(quarantine._reason(errand) + "Set aside: ear")
    assert quarantine.set_aside(errand) == COPIED
    assert sorted(os.listdir(tmp_path / "q/sub")) == ["a.jpg", "a.jpg.why.txt"]
    said = (tmp_path / "q/sub/a.jpg.why.txt").read_text().splitlines()
    assert re.fullmatch(r"Set aside: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", said[-1])


def test_what_is_not_copied_is_told(tmp_path: Path) -> None:
    """The reason lies there all the same."""
    assert quarantine.set_aside(replace(aside(tmp_path, b"one"), limit=0)) == LIMIT
    assert os.listdir(tmp_path / "q/sub") == ["a.jpg.why.txt"]
    (tmp_path / "in/sub/a.jpg").unlink()
    state = quarantine.set_aside(replace(aside(tmp_path, b""), relpath="sub/none.jpg"))
    assert state == UNREADABLE


def test_the_last_copy_is_not_released(tmp_path: Path) -> None:
    """Where the original has gone, or has other bytes, the copy is all that is left of it."""
    errand = aside(tmp_path, b"one")
    quarantine.set_aside(errand)
    release = Release(errand.quarantine, errand.relpath, errand.inbox, standing=True)
    (tmp_path / "in/sub/a.jpg").write_bytes(b"two")
    assert quarantine.release(release) == 1
    (tmp_path / "in/sub/a.jpg").unlink()
    assert quarantine.release(release) == 1
    assert (tmp_path / "q/sub/a.jpg").read_bytes() == b"one"
    (tmp_path / "in/sub/a.jpg").write_bytes(b"one")
    assert quarantine.release(release) == 0
    assert os.listdir(tmp_path / "q/sub") == []


def test_a_link_in_quarantine_is_not_followed(tmp_path: Path) -> None:
    """Nor is what it points to touched; the copy gets the next name."""
    errand = aside(tmp_path, b"one")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "q/sub").mkdir()
    (tmp_path / "q/sub/a.jpg").symlink_to(tmp_path / "secret")
    assert quarantine.set_aside(errand) == STATES
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert (tmp_path / "q/sub/a-1.jpg").read_bytes() == b"one"


def test_what_a_quarantine_that_is_a_link_holds_is_counted(tmp_path: Path) -> None:
    """Its limit holds for where it points to; links in it are not followed."""
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "real" / "a" / "copy").write_bytes(b"x" * 100_000)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "more").write_bytes(b"x" * 100_000)
    (tmp_path / "real" / "b").symlink_to(tmp_path / "other")
    (tmp_path / "link").symlink_to("real")
    there = quarantine.taken([str(tmp_path / "real")])
    assert 100_000 <= there < 200_000
    assert quarantine.taken([str(tmp_path / "link")]) == there

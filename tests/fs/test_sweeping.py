"""Temps that a crash left."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from nobgd.fs import sweeping


def test_a_sweep_removes_dead_temps_and_keeps_live_ones(tmp_path: Path) -> None:
    """A temp that is locked belongs to a living lane, perhaps of another daemon."""
    (tmp_path / "sub").mkdir()
    dead = tmp_path / "sub/.nobgd-00.tmp"
    live = tmp_path / ".nobgd-11.tmp"
    other = tmp_path / ".hidden"
    for path in (dead, live, other):
        path.write_bytes(b"x")
    with live.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweeping.sweep(str(tmp_path)).removed == 1
    assert not dead.exists()
    assert live.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("number", "stays"), [(errno.EAGAIN, True), (errno.EACCES, True), (errno.ENOLCK, False)]
)
def test_what_a_share_says_of_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, stays: bool
) -> None:
    """Linux answers EACCES for a lock that another has on SMB (the row shares_real mounts one)."""
    temp = tmp_path / ".nobgd-00.tmp"
    temp.write_bytes(b"x")

    def flock(_file: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert sweeping.sweep(str(tmp_path)) == (int(not stays), int(stays))
    assert temp.exists() == stays


def test_a_sweep_removes_the_copy_of_a_read_only_photo(tmp_path: Path) -> None:
    """It may not be opened for writing by who made it, root aside; a live one stays, too."""
    dead, live = tmp_path / ".nobgd-00.tmp", tmp_path / ".nobgd-11.tmp"
    for path in (dead, live):
        path.write_bytes(b"x")
        path.chmod(0o444)
    nobody = 65534
    root = os.geteuid() == 0
    if root:
        for path in (tmp_path, dead, live):
            os.chown(path, nobody, nobody)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with live.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if root:
            os.seteuid(nobody)
        try:
            assert sweeping.sweep_here(descriptor).removed == 1
        finally:
            if root:
                os.seteuid(0)
    os.close(descriptor)
    assert not dead.exists()
    assert live.exists()


def test_an_outbox_may_be_a_link(tmp_path: Path) -> None:
    """To where a share is mounted; links below it are not followed."""
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    temps = [tmp_path / each / ".nobgd-01.tmp" for each in ("real", "real/a", "other")]
    for each in temps:
        each.touch()
    (tmp_path / "real" / "b").symlink_to(tmp_path / "other")
    (tmp_path / "link").symlink_to("real")
    assert sweeping.sweep(str(tmp_path / "link")) == (2, 0)
    assert [each.exists() for each in temps] == [False, False, True]

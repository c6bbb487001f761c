"""Publishing: whole or not at all, never over somebody else's file."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.fs import mounts, publish
from nobgd.values import Code, NobgdError


def put(root: Path, name: str, data: bytes, *, replace: bool = False) -> int:
    parts = [part for part in os.path.dirname(name).split("/") if part]
    with publish.folder(str(root), parts) as descriptor:
        return publish.write(descriptor, os.path.basename(name), [data], replace=replace)


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    """The bytes are there, no temp is left, sub-folders are made."""
    assert put(tmp_path, "a/b/c.png", b"picture") == 7
    assert (tmp_path / "a/b/c.png").read_bytes() == b"picture"
    assert [p.name for p in (tmp_path / "a/b").iterdir()] == ["c.png"]


def test_a_taken_name_is_not_clobbered(tmp_path: Path) -> None:
    """Somebody else's file stays, and the caller is told."""
    (tmp_path / "c.png").write_bytes(b"theirs")
    with pytest.raises(publish.Taken):
        put(tmp_path, "c.png", b"ours")
    assert (tmp_path / "c.png").read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_our_own_output_is_replaced(tmp_path: Path) -> None:
    """With ``replace`` the new file takes the old one's place."""
    put(tmp_path, "c.png", b"old")
    put(tmp_path, "c.png", b"new", replace=True)
    assert (tmp_path / "c.png").read_bytes() == b"new"


def test_a_link_in_the_outbox_is_not_followed(tmp_path: Path) -> None:
    """A sub-folder swapped for a link does not lead out."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NobgdError) as caught:
        put(tmp_path / "out", "sub/c.png", b"x")
    assert caught.value.code is Code.NAME_TAKEN
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_another_mount_is_not_written_to(tmp_path: Path) -> None:
    """A root on another mount than at start is refused."""
    left = replace(mounts.identify(str(tmp_path)), mountpoint="/gone", mount_id=0)
    with pytest.raises(NobgdError) as caught, publish.folder(str(tmp_path), mount=left):
        pass
    assert caught.value.code is Code.GONE_AWAY


def test_a_missing_outbox_is_the_places_fault(tmp_path: Path) -> None:
    """It is not made here."""
    with pytest.raises(NobgdError, match="is missing") as caught:
        put(tmp_path / "gone", "c.png", b"x")
    assert caught.value.code is Code.GONE_AWAY


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
        assert publish.sweep(str(tmp_path)) == 1
    assert not dead.exists()
    assert live.exists()
    assert other.exists()


def test_without_renameat2_links_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS and old kernels: link and unlink, still without clobbering."""

    class NoSuchCall:
        @staticmethod
        def renameat2(*_: object) -> int:
            publish.ctypes.set_errno(errno.EINVAL)
            return -1

    monkeypatch.setattr(publish, "_libc", NoSuchCall())
    put(tmp_path, "c.png", b"first")
    with pytest.raises(publish.Taken):
        put(tmp_path, "c.png", b"second")
    assert (tmp_path / "c.png").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failed_fsync_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The temp goes, the name stays free, the error says what class it is."""
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NobgdError):
        put(tmp_path, "c.png", b"x")
    assert list(tmp_path.iterdir()) == []
    assert len(calls) == 1

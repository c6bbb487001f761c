"""Publishing: whole or not at all, never over somebody else's file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nobgd.fs import publish, tree
from nobgd.values import NobgdError


def put(root: Path, name: str, data: bytes, *, replace: bool = False) -> int:
    parts = [part for part in os.path.dirname(name).split("/") if part]
    with tree.within(str(root), parts) as descriptor:
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

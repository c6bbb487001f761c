"""Publishing: whole or not at all, never over somebody else's file."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
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


class NoSuchCall:
    """A file system, or a kernel, without RENAME_NOREPLACE."""

    @staticmethod
    def renameat2(*_: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1


@pytest.fixture(params=["renameat2", "links"])
def folder(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """An open folder, on both kinds of file systems, with a file `a`."""
    if request.param == "links":
        monkeypatch.setattr(publish, "_libc", NoSuchCall())
    (tmp_path / "a").write_bytes(b"photo")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_move_that_a_kill_cut_short_is_finished(tmp_path: Path, folder: int) -> None:
    """Both names are of one file: one of them goes, and no third is made."""
    os.link(tmp_path / "a", tmp_path / "b")
    publish.rename_noreplace(folder, "a", folder, "b")
    assert os.listdir(tmp_path) == ["b"]


def test_a_file_is_not_moved_away_from_itself(tmp_path: Path, folder: int) -> None:
    """The very same name is no second one, however many others there are."""
    os.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileExistsError):
        publish.rename_noreplace(folder, "a", folder, "a")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_an_equal_file_is_another_one(tmp_path: Path, folder: int) -> None:
    """Equal bytes are no reason to take one away here."""
    (tmp_path / "b").write_bytes(b"photo")
    with pytest.raises(FileExistsError):
        publish.rename_noreplace(folder, "a", folder, "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_file_that_cannot_leave_its_name_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where links have to do it, and the old name cannot be taken away: the new one goes again."""
    monkeypatch.setattr(publish, "_libc", NoSuchCall())
    (tmp_path / "a").write_bytes(b"photo")
    unlink = os.unlink

    def failing(name: str, *, dir_fd: int | None = None) -> None:
        if name == "a":
            raise OSError(errno.EIO, "I/O error")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", failing)
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(OSError, match="I/O error"):
        publish.rename_noreplace(folder, "a", folder, "b")
    os.close(folder)
    assert os.listdir(tmp_path) == ["a"]


def test_without_renameat2_links_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS and old kernels: link and unlink, still without clobbering."""
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


def test_a_probe_that_another_machine_sweeps_has_still_shown_what_it_was_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a share is not seen from everywhere; the folder is there all the same."""
    fsync = os.fsync

    def swept(file: int) -> None:
        fsync(file)
        for each in tmp_path.iterdir():
            each.unlink()

    monkeypatch.setattr(os, "fsync", swept)
    folder = os.open(tmp_path, os.O_RDONLY)
    publish.probe(folder)
    os.close(folder)

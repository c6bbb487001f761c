"""Opening what lies beneath a folder, with openat2 and without."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobgd.fs import beneath


@pytest.fixture(params=["openat2", "one by one"])
def folder(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    (tmp_path / "in/a/b").mkdir(parents=True)
    (tmp_path / "in/a/b/x").write_text("x")
    (tmp_path / "in/link").symlink_to("a")
    (tmp_path / "in/out").symlink_to("..")
    (tmp_path / "in/a/file").symlink_to("b/x")
    (tmp_path / "secret").write_text("secret")
    if request.param == "one by one":
        monkeypatch.setattr(beneath, "_missing", {beneath._OPENAT2})
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    yield fd
    os.close(fd)


def test_open(folder: int) -> None:
    """Files and folders beneath are opened; the empty path is the folder itself."""
    for relpath in ("a/b/x", "a/b", "a", ""):
        fd = beneath.open_beneath(folder, relpath, os.O_RDONLY)
        assert os.path.samestat(os.fstat(fd), os.stat(relpath or ".", dir_fd=folder))
        assert not os.get_inheritable(fd)
        os.close(fd)


def test_create(folder: int) -> None:
    """A file can be made, with its mode, and only when it is not there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    fd = beneath.open_beneath(folder, "a/new", flags, 0o640)
    assert os.fstat(fd).st_mode & 0o777 == 0o640
    os.close(fd)
    with pytest.raises(FileExistsError):
        beneath.open_beneath(folder, "a/new", flags, 0o640)


@pytest.mark.parametrize(
    "relpath", ["a/file", "link/b/x", "out/secret", "../secret", "/etc/passwd", "a/../../secret"]
)
def test_no_way_out(folder: int, relpath: str) -> None:
    """Links and dots lead nowhere."""
    with pytest.raises(OSError, match=r".") as caught:
        beneath.open_beneath(folder, relpath, os.O_RDONLY)
    assert caught.value.errno in (errno.ELOOP, errno.EXDEV, errno.ENOTDIR)


def test_nul(folder: int) -> None:
    """A NUL in a name is refused, it does not shorten the name."""
    with pytest.raises(ValueError, match=r"NUL|null (byte|character)"):
        beneath.open_beneath(folder, "a\0/b/x", os.O_RDONLY)


def test_mount_stamp(tmp_path: Path) -> None:
    """Folders on one mount share its stamp; another mount has another."""
    stamps = []
    for path in (tmp_path, tmp_path.parent, Path("/proc")):
        fd = os.open(path, os.O_PATH)
        stamps.append(beneath.mount_stamp(fd))
        os.close(fd)
    assert stamps[0] == stamps[1] != stamps[2]
    assert -1 not in stamps

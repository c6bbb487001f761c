"""Reading a photo once, from the very file that was seen."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd.fs import mounts
from nobgd.picture import source
from nobgd.values import Blame, Code, NobgdError
from nobgd.values.mount import Mount


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    (folder / "a" / "b").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


def refused(inbox: Path, relpath: str, **more: Any) -> NobgdError:
    with pytest.raises(NobgdError) as caught:
        source.read(str(inbox), relpath, **more)
    assert "\n" not in caught.value.reason
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_read(inbox: Path, size: int) -> None:
    """The bytes, their checksum and what the file system said come back."""
    data = os.urandom(size)
    (inbox / "a/b/x.jpg").write_bytes(data)
    info = (inbox / "a/b/x.jpg").stat()
    read = source.read(
        str(inbox),
        "a/b/x.jpg",
        mount=mounts.identify(str(inbox)),
        expect=(size, info.st_mtime_ns),
    )
    assert read.data == data
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert (read.size, read.mtime_ns, read.inode) == (size, info.st_mtime_ns, info.st_ino)


def test_any_name(inbox: Path) -> None:
    """A name may hold any byte but a slash and a NUL."""
    name = os.fsdecode(bytes(set(range(1, 256)) - {ord("/")})[:200])
    (inbox / name).write_bytes(b"x")
    assert source.read(str(inbox), name).data == b"x"


def test_not_a_plain_file(inbox: Path) -> None:
    """A FIFO, socket, device or folder called x.jpg is refused at once, and never waits."""
    os.mkfifo(inbox / "fifo.jpg")
    (inbox / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "s.jpg"))
    names = ["fifo.jpg", "folder.jpg", "s.jpg"]
    if os.geteuid() == 0:
        os.mknod(inbox / "null.jpg", 0o020644, os.makedev(1, 3))
        names.append("null.jpg")
    assert {refused(inbox, name).code for name in names} == {Code.UNSAFE}


def test_links(inbox: Path) -> None:
    """No link is followed: not the file, not a folder above it, not ``..``, not "/"."""
    (inbox / "in.jpg").symlink_to("../secret.jpg")
    (inbox / "out").symlink_to("..")
    (inbox / "magic").symlink_to("/proc/self/root")
    outside = str(inbox.parent / "secret.jpg")
    for relpath in ("in.jpg", "out/secret.jpg", "../secret.jpg", "magic" + outside, outside):
        assert refused(inbox, relpath).code in (Code.UNSAFE, Code.VANISHED)


def test_hard_link(inbox: Path) -> None:
    """A hard link is a plain file."""
    os.link(inbox.parent / "secret.jpg", inbox / "x.jpg")
    assert source.read(str(inbox), "x.jpg").data == b"secret"


def test_vanished(inbox: Path) -> None:
    """A file or folder that is not there any more is nobody's fault."""
    for relpath in ("x.jpg", "gone/x.jpg"):
        assert refused(inbox, relpath).code is Code.VANISHED


def test_changed_before(inbox: Path) -> None:
    """Another size or mtime than was seen is CHANGED."""
    photo = inbox / "x.jpg"
    photo.write_bytes(b"four")
    seen = (4, photo.stat().st_mtime_ns)
    assert refused(inbox, "x.jpg", expect=(5, seen[1])).code is Code.CHANGED
    assert refused(inbox, "x.jpg", expect=(4, seen[1] + 1)).code is Code.CHANGED


@pytest.mark.parametrize("change", ["grow", "shrink", "overwrite"])
def test_changed_while_reading(inbox: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """A change between the first byte and the last is CHANGED."""
    photo = inbox / "x.jpg"
    photo.write_bytes(b"0123456789")
    os.utime(photo, ns=(1, 1))
    real = os.read

    def read(fd: int, length: int) -> bytes:
        data = real(fd, min(length, 4))
        if change == "grow":
            with photo.open("ab") as file:
                file.write(b"!")
        elif change == "shrink":
            os.truncate(photo, 5)
        else:
            photo.write_bytes(b"9876543210")
        return data

    monkeypatch.setattr(os, "read", read)
    assert refused(inbox, "x.jpg").code is Code.CHANGED


def test_swap_after_opening(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is swapped in after the opening is never seen."""
    photo = inbox / "x.jpg"
    photo.write_bytes(b"right")
    real = os.fstat

    def fstat(fd: int) -> os.stat_result:
        info = real(fd)
        if photo.exists() and not photo.is_symlink():
            photo.unlink()
            photo.symlink_to("../secret.jpg")
        return info

    monkeypatch.setattr(os, "fstat", fstat)
    assert source.read(str(inbox), "x.jpg").data == b"right"


def test_too_large(inbox: Path) -> None:
    """A file larger than allowed is not read, however few blocks it has."""
    with (inbox / "x.jpg").open("wb") as file:
        file.truncate(1 << 40)
    refusal = refused(inbox, "x.jpg", max_bytes=1 << 20)
    assert refusal.code is Code.TOO_LARGE
    assert "1,048,576 MiB" in refusal.reason


def test_another_mount(inbox: Path) -> None:
    """An inbox on another mount than the one seen at the start is not read: wait for it."""
    (inbox / "x.jpg").write_bytes(b"x")
    left = replace(mounts.identify(str(inbox)), mountpoint="/gone", mount_id=0)
    refusal = refused(inbox, "x.jpg", mount=left)
    assert refusal.code is Code.GONE_AWAY
    assert refusal.code.blame is Blame.PLACE


def test_missing_inbox(tmp_path: Path) -> None:
    """A missing inbox is the place's fault, not the photo's."""
    assert refused(tmp_path / "nope", "x.jpg").code is Code.GONE_AWAY
    (tmp_path / "file").write_bytes(b"")
    assert refused(tmp_path / "file", "x.jpg").code is Code.GONE_AWAY


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EIO, Code.IO_ERROR),
        (errno.ESTALE, Code.STALE),
        (errno.EHOSTDOWN, Code.GONE_AWAY),
        (errno.ENOTCONN, Code.GONE_AWAY),
        (errno.EACCES, Code.FORBIDDEN),
    ],
)
def test_failing_place(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: Code
) -> None:
    """An error of the share while reading is the place's, and names the file."""
    (inbox / "x.jpg").write_bytes(b"x")

    def read(*_: int) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "read", read)
    refusal = refused(inbox, "x.jpg")
    assert refusal.code is code
    assert refusal.reason.startswith("cannot read x.jpg: ")


def test_no_descriptor_is_left_open(inbox: Path) -> None:
    """Whatever the outcome, every descriptor is closed."""
    (inbox / "x.jpg").write_bytes(b"x")
    (inbox / "l.jpg").symlink_to("x.jpg")
    before = len(os.listdir("/proc/self/fd"))
    source.read(str(inbox), "x.jpg")
    other = {"mount": Mount(0, -1, "", "", "")}
    for name, more in (("l.jpg", {}), ("a", {}), ("no", {}), ("x.jpg", other)):
        refused(inbox, name, **more)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("knows", [True, False])
def test_the_whole_file_is_asked_for_before_it_is_read(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, *, knows: bool
) -> None:
    """A share fetches its parts side by side; a file system that cannot is none the worse."""
    data = bytes(300_000)
    (inbox / "a.jpg").write_bytes(data)
    asked: list[int] = []

    def advise(_: int, offset: int, count: int, advice: int) -> None:
        assert (count, advice) == (128 << 10, os.POSIX_FADV_WILLNEED)
        asked.append(offset)
        if not knows:
            raise OSError(errno.EINVAL, "not here")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    assert source.read(str(inbox), "a.jpg").data == data
    assert asked == ([0, 131_072, 262_144] if knows else [0])

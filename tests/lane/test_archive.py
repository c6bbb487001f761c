"""Into the archive: by a rename, or by a copy that keeps what may be kept and is never doubled."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nobgd.lane import archive
from nobgd.lane.archive import Archive
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount

BYTES = b"a photo's bytes"
DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An archive that a rename cannot reach, if there is another file system here."""
    for base in ("/dev/shm", "/run", "/var/tmp"):
        if os.path.isdir(base) and os.stat(base).st_dev != os.stat(tmp_path).st_dev:
            folder = Path(base) / f"nobgd-test-{os.getpid()}-{tmp_path.name}"
            folder.mkdir()
            return folder
    pytest.skip("there is one file system only")


def put(
    root: Path, to: Path, mode: int = 0o640, called: str = "a.jpg", **more: Any
) -> Path:  # fmt: skip
    """Archive a photo from a folder of its own; what may be in the archive then is its folder."""
    (root / "hidden").mkdir(exist_ok=True)
    path = root / "hidden/a.jpg"
    path.write_bytes(BYTES)
    os.chmod(path, mode)
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    for name, value in more.get("attributes", {}).items():
        os.setxattr(path, name, value)
    hidden, file = os.open(root / "hidden", os.O_RDONLY), os.open(path, os.O_RDONLY)
    try:
        archive.put(
            hidden, file, "a.jpg", f"sub/{called}", DIGEST, Archive(str(to), more.get("mount"))
        )
    finally:
        os.close(file)
        os.close(hidden)
    return to / "sub"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400, 0o664])
def test_a_copy_is_as_the_original_was(tmp_path: Path, other: Path, mode: int) -> None:
    """Bytes, times, mode and attributes; whatever the umask."""
    try:
        folder = put(tmp_path, other, mode, attributes={"user.tag": b"red"})
    except OSError:
        folder = put(tmp_path, other, mode)  # no attributes of users here
    seen = (folder / "a.jpg").stat()
    assert (folder / "a.jpg").read_bytes() == BYTES
    assert (stat.S_IMODE(seen.st_mode), seen.st_mtime_ns) == (mode, 2_000_000_000)
    assert os.listdir(tmp_path / "hidden") == []
    assert os.listdir(folder) == ["a.jpg"]


def test_a_kill_between_copy_and_removal_makes_no_second_copy(tmp_path: Path, other: Path) -> None:
    """Four starts, one copy; another photo of that name gets a number."""
    for _ in range(4):
        folder = put(tmp_path, other)
    assert os.listdir(folder) == ["a.jpg"]
    (folder / "a.jpg").write_bytes(b"another one")
    put(tmp_path, other)
    assert sorted(os.listdir(folder)) == ["a-1.jpg", "a.jpg"]


def test_what_was_put_back_under_a_number_is_not_copied_again(tmp_path: Path, other: Path) -> None:
    """A kill between copy and removal, then a new photo of that name; a copy of old is another."""
    folder = put(tmp_path, other)
    put(tmp_path, other, called="a-1.jpg")
    assert [each.name for each in folder.iterdir()] == ["a.jpg"]
    os.utime(folder / "a.jpg", ns=(0, 0))
    put(tmp_path, other, called="a-1.jpg")
    assert sorted(each.name for each in folder.iterdir()) == ["a-1.jpg", "a.jpg"]


def test_times_and_attributes_that_are_refused_are_no_failure(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CIFS and vfat: the photo is archived all the same, once."""

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    hold = os.utime

    def utime(path: Any, *rest: Any, **more: Any) -> None:
        if isinstance(path, int):
            refused()
        hold(path, *rest, **more)

    monkeypatch.setattr(os, "utime", utime)
    monkeypatch.setattr(archive, "_names_of_attributes", lambda _: ["user.tag"])
    for _ in range(2):
        folder = put(tmp_path, other)
    assert os.listdir(folder) == ["a.jpg"]


@pytest.mark.parametrize(
    ("mode", "group", "access_list", "copied"),
    [
        (0o640, 5, False, 0o640), (0o640, 6, False, 0o600), (0o664, 6, False, 0o644),
        (0o670, 5, True, 0o600), (0o674, 5, True, 0o644), (0o4755, 5, False, 0o755),
        (0o044, 5, False, 0o444),
    ],
)  # fmt: skip
def test_a_copy_is_never_wider(mode: int, group: int, access_list: bool, copied: int) -> None:
    """Of another group, or with an access list that may be lost, the group gets what all have."""
    info: Any = SimpleNamespace(st_mode=stat.S_IFREG | mode, st_gid=5)
    assert archive.mode_of(info, group, access_list=access_list) == copied


def test_an_archive_that_is_not_mounted_takes_nothing(tmp_path: Path) -> None:
    """What would land on the bare mount point stays; the folder to blame is the archive."""
    (tmp_path / "archive").mkdir()
    before = Mount(1, 1, str(tmp_path / "archive"), "nfs4", "nas:/old")
    with pytest.raises(NobgdError) as caught:
        put(tmp_path, tmp_path / "archive", mount=before)
    assert (caught.value.code, caught.value.place) == (Code.GONE_AWAY, str(tmp_path / "archive"))
    assert os.listdir(tmp_path / "archive") == []
    assert os.listdir(tmp_path / "hidden") == ["a.jpg"]
    with pytest.raises(NobgdError) as caught:
        put(tmp_path, tmp_path / "none")
    assert caught.value.code is Code.GONE_AWAY
    assert not (tmp_path / "none").exists()


def test_a_thousand_photos_of_one_name(tmp_path: Path) -> None:
    """They get numbers, then their hash: names do not run out."""
    (tmp_path / "archive/sub").mkdir(parents=True)
    for number in range(archive._LOOKED_AT + 4):
        name = "a.jpg" if number == 0 else f"a-{number}.jpg"
        (tmp_path / "archive/sub" / name).write_bytes(b"%d" % number)
    (tmp_path / "archive/sub/a-20.jpg").write_bytes(b"theirs")
    folder = put(tmp_path, tmp_path / "archive")
    assert (folder / f"a-{DIGEST[:16]}.jpg").read_bytes() == BYTES

"""What lanes do besides pictures."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.lane import errands
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Release, SetAside, Unlink, Write


def test_quarantine_is_a_copy_with_the_reason_and_can_be_released(tmp_path: Path) -> None:
    """The original stays; release takes both away, twice is fine."""
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.jpg").write_bytes(b"bad")
    box = str(tmp_path / "q")
    (tmp_path / "q").mkdir()
    for _ in range(2):
        errands.run(SetAside(str(tmp_path / "in"), "sub/a.jpg", box, "it is broken"))
    assert (tmp_path / "q/sub/a.jpg").read_bytes() == b"bad"
    said = (tmp_path / "q/sub/a.jpg.why.txt").read_text().splitlines()
    assert said[0] == "it is broken"
    assert said[-2].endswith(f"nobgd retry {tmp_path}/in/sub/a.jpg")
    assert (tmp_path / "in/sub/a.jpg").read_bytes() == b"bad"
    for _ in range(2):
        assert errands.run(Release(box, "sub/a.jpg")) == 0
    assert list((tmp_path / "q/sub").iterdir()) == []


def test_a_photo_that_cannot_be_read_still_leaves_its_reason(tmp_path: Path) -> None:
    """A link is not copied into quarantine; why it is there is said all the same."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").symlink_to("/etc/passwd")
    (tmp_path / "q").mkdir()
    errands.run(SetAside(str(tmp_path / "in"), "a.jpg", str(tmp_path / "q"), "a link"))
    assert [p.name for p in (tmp_path / "q").iterdir()] == ["a.jpg.why.txt"]


STATUS = Write("", "_nobgd.txt", "nobgd status: new \udce9\n", "nobgd status")


def test_a_status_file_is_made_and_replaced(tmp_path: Path) -> None:
    """Ours is replaced, whole, and nothing else is left; odd bytes are shown escaped."""
    said = replace(STATUS, folder=str(tmp_path))
    errands.run(said)
    errands.run(replace(said, text="nobgd status: newer\n"))
    assert (tmp_path / "_nobgd.txt").read_text() == "nobgd status: newer\n"
    errands.run(said)
    assert (tmp_path / "_nobgd.txt").read_text() == "nobgd status: new \\udce9\n"
    assert [each.name for each in tmp_path.iterdir()] == ["_nobgd.txt"]


@pytest.mark.parametrize("kind", ["file", "empty", "folder", "fifo", "link", "socket"])
def test_what_somebody_else_made_is_kept(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not overwritten, not followed, not waited for; the sentence says what to do."""
    place, secret = tmp_path / "_nobgd.txt", tmp_path / "secret"
    secret.write_text("nobgd status: even a link to one that looks like ours")
    match kind:
        case "file":
            place.write_text("my notes")
        case "empty":
            place.touch()
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "link":
            place.symlink_to(secret)
        case "socket":
            with socket.socket(socket.AF_UNIX) as line:
                monkeypatch.chdir(tmp_path)
                line.bind("_nobgd.txt")
    before = place.lstat()
    with pytest.raises(NobgdError, match="did not write; it is kept") as caught:
        errands.run(replace(STATUS, folder=str(tmp_path)))
    assert caught.value.code is Code.NAME_TAKEN
    assert (place.lstat().st_ino, place.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert secret.read_text().startswith("nobgd status: even")


def test_an_unlink_takes_a_plain_file_only(tmp_path: Path) -> None:
    """A link stays, and what it points to; what is not there is fine."""
    (tmp_path / "_RETRY").touch()
    errands.run(Unlink(str(tmp_path), "_RETRY"))
    assert not (tmp_path / "_RETRY").exists()
    errands.run(Unlink(str(tmp_path), "_RETRY"))
    (tmp_path / "photo.jpg").write_text("a photo")
    (tmp_path / "_RETRY").symlink_to("photo.jpg")
    errands.run(Unlink(str(tmp_path), "_RETRY"))
    assert (tmp_path / "_RETRY").is_symlink()
    assert (tmp_path / "photo.jpg").exists()

"""What lanes do besides pictures."""

from __future__ import annotations

import io
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nobgd.lane import errands
from nobgd.picture import provenance
from nobgd.values import Code, NobgdError

RECIPE = "u2netp:fp32:0:r1"


def finished(root: Path, *, sha256: str | None = None) -> errands.Dispose:
    """A source and its whole output, ready to be disposed of."""
    import hashlib

    (root / "in").mkdir()
    (root / "out").mkdir()
    source = root / "in/a.jpg"
    source.write_bytes(b"source bytes")
    seen = source.stat()
    digest = hashlib.sha256(b"source bytes").hexdigest()
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2)).save(buffer, "PNG")
    data = buffer.getvalue()
    said = provenance.Note("a.jpg", "k", sha256 or digest, RECIPE, "0")
    (root / "out/a_nobg.png").write_bytes(data[:33] + provenance.chunk(said) + data[33:])
    return errands.Dispose(
        str(root / "in"), "a.jpg", seen.st_size, seen.st_mtime_ns, digest,
        str(root / "out/a_nobg.png"), RECIPE, str(root / "archive"),
    )  # fmt: skip


def test_a_finished_source_is_archived(tmp_path: Path) -> None:
    """Moved, byte for byte; a second photo of that name gets a number."""
    errand = finished(tmp_path)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/a.jpg").write_bytes(b"an older one")
    errands.run(errand)
    assert not (tmp_path / "in/a.jpg").exists()
    assert (tmp_path / "archive/a-1.jpg").read_bytes() == b"source bytes"
    assert (tmp_path / "archive/a.jpg").read_bytes() == b"an older one"


def test_a_source_whose_output_is_not_whole_is_kept(tmp_path: Path) -> None:
    """A cut output, or one made of another photo, costs no source."""
    errand = finished(tmp_path)
    output = tmp_path / "out/a_nobg.png"
    output.write_bytes(output.read_bytes()[:-1])
    with pytest.raises(NobgdError) as caught:
        errands.run(errand)
    assert caught.value.code is Code.CHANGED
    assert (tmp_path / "in/a.jpg").exists()


def test_a_source_that_changed_meanwhile_is_kept(tmp_path: Path) -> None:
    """It is another photo now."""
    errand = finished(tmp_path)
    (tmp_path / "in/a.jpg").write_bytes(b"other bytes!")
    with pytest.raises(NobgdError):
        errands.run(errand)
    assert (tmp_path / "in/a.jpg").read_bytes() == b"other bytes!"


def test_an_output_of_other_bytes_is_no_reason_to_delete(tmp_path: Path) -> None:
    """The note must name these very bytes."""
    errand = finished(tmp_path, sha256="0" * 64)
    with pytest.raises(NobgdError):
        errands.run(errand)
    assert (tmp_path / "in/a.jpg").exists()


def test_quarantine_is_a_copy_with_the_reason_and_can_be_released(tmp_path: Path) -> None:
    """The original stays; release takes both away, twice is fine."""
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.jpg").write_bytes(b"bad")
    box = str(tmp_path / "q")
    for _ in range(2):
        errands.run(errands.SetAside(str(tmp_path / "in"), "sub/a.jpg", box, "it is broken"))
    assert (tmp_path / "q/sub/a.jpg").read_bytes() == b"bad"
    assert (tmp_path / "q/sub/a.jpg.why.txt").read_text() == "it is broken\n"
    assert (tmp_path / "in/sub/a.jpg").read_bytes() == b"bad"
    for _ in range(2):
        errands.run(errands.Release(box, "sub/a.jpg"))
    assert list((tmp_path / "q/sub").iterdir()) == []


def test_a_photo_that_cannot_be_read_still_leaves_its_reason(tmp_path: Path) -> None:
    """A link is not copied into quarantine; why it is there is said all the same."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").symlink_to("/etc/passwd")
    errands.run(errands.SetAside(str(tmp_path / "in"), "a.jpg", str(tmp_path / "q"), "a link"))
    assert [p.name for p in (tmp_path / "q").iterdir()] == ["a.jpg.why.txt"]


STATUS = errands.Write("", "_nobgd.txt", "nobgd status: new \udce9\n", "nobgd status")


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
    errands.run(errands.Unlink(str(tmp_path), "_RETRY"))
    assert not (tmp_path / "_RETRY").exists()
    errands.run(errands.Unlink(str(tmp_path), "_RETRY"))
    (tmp_path / "photo.jpg").write_text("a photo")
    (tmp_path / "_RETRY").symlink_to("photo.jpg")
    errands.run(errands.Unlink(str(tmp_path), "_RETRY"))
    assert (tmp_path / "_RETRY").is_symlink()
    assert (tmp_path / "photo.jpg").exists()

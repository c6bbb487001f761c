"""An original goes, or stays: on real files, one errand at a time."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nobgd.fs import mounts, publish
from nobgd.fs.names import GOING, GOING_FILE
from nobgd.lane import disposal, errands
from nobgd.picture import provenance
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Dispose, PutBack

RECIPE = "u2netp:fp32:0:r1"
BYTES = b"source bytes"


def finished(root: Path, name: str = "a.jpg", *, sha256: str | None = None) -> Dispose:
    """A source that was quiet for a minute and its whole output."""
    for folder in ("in", "out", "archive"):
        (root / folder).mkdir(exist_ok=True)
    source = root / "in" / name
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(BYTES)
    seen = source.stat()
    digest = hashlib.sha256(BYTES).hexdigest()
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2)).save(buffer, "PNG")
    data = buffer.getvalue()
    said = provenance.Note(name, "k", sha256 or digest, RECIPE, "0")
    (root / "out/a_nobg.png").write_bytes(data[:33] + provenance.chunk(said) + data[33:])
    return Dispose(
        str(root / "in"), name, seen.st_size, seen.st_mtime_ns, digest,
        str(root / "out/a_nobg.png"), RECIPE, "k", "", 60.0, 10.0, str(root / "out"),
    )  # fmt: skip


def kept(errand: Dispose, code: Code) -> NobgdError:
    """The errand fails with this code, and the original and nothing else is where it was."""
    with pytest.raises(NobgdError) as caught:
        errands.run(errand)
    assert caught.value.code is code
    path = Path(errand.inbox) / errand.relpath
    assert os.listdir(path.parent) == [path.name]
    return caught.value


def test_it_is_deleted_and_nothing_is_left(tmp_path: Path) -> None:
    """Of a name of 255 bytes, too; the hidden folder leaves with it."""
    name = "é" * 125 + "x.jpg"
    assert len(os.fsencode(name)) == 255
    assert errands.run(finished(tmp_path, name)) == 0
    assert os.listdir(tmp_path / "in") == []


def test_it_is_archived_beside_an_older_one(tmp_path: Path) -> None:
    """Moved, byte for byte; a second photo of that name gets a number."""
    (tmp_path / "archive/sub").mkdir(parents=True)
    (tmp_path / "archive/sub/a.jpg").write_bytes(b"an older one")
    errand = replace(finished(tmp_path, "sub/a.jpg"), archive=str(tmp_path / "archive"))
    assert errands.run(errand) == 0
    assert (tmp_path / "archive/sub/a-1.jpg").read_bytes() == BYTES
    assert (tmp_path / "archive/sub/a.jpg").read_bytes() == b"an older one"
    assert os.listdir(tmp_path / "in/sub") == []


@pytest.mark.parametrize("code", ["damaged", "more_pictures", "more_data", "nothing_found"])
def test_one_that_has_to_stay_stays(tmp_path: Path, code: str) -> None:
    """As the lane saw when it cut it out."""
    kept(replace(finished(tmp_path), keep=code), Code(code))


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda png: png.write_bytes(png.read_bytes()[:-1]), Code.OUTPUT_CHANGED),
        (lambda png: png.write_bytes(png.read_bytes()[:40] + b"!" + png.read_bytes()[41:]),
         Code.OUTPUT_CHANGED),
        (lambda png: png.write_bytes(b""), Code.OUTPUT_CHANGED),
        (lambda png: png.unlink(), Code.OUTPUT_GONE),
        (lambda png: (png.unlink(), png.parent.rmdir()), Code.GONE_AWAY),
    ],
)  # fmt: skip
def test_an_output_that_is_not_whole_costs_no_original(
    tmp_path: Path, harm: Callable[[Path], Any], code: Code
) -> None:
    """Cut, altered, empty, taken away, or the whole outbox gone."""
    errand = finished(tmp_path)
    harm(tmp_path / "out/a_nobg.png")
    kept(errand, code)


@pytest.mark.parametrize(
    "other", [{"sha256": "0" * 64}, {"inbox_key": "other"}, {"recipe": "another"}]
)
def test_an_output_of_another_photo_is_no_reason(tmp_path: Path, other: dict[str, str]) -> None:
    """The note must name these very bytes, this recipe and this inbox."""
    errand = replace(finished(tmp_path, sha256=other.get("sha256")), **_without(other))
    kept(errand, Code.OUTPUT_CHANGED)


def _without(other: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in other.items() if name != "sha256"}


def test_what_has_its_name_now_is_another_photo(tmp_path: Path) -> None:
    """Other size; or the same size and time, which only the bytes tell."""
    errand = finished(tmp_path)
    path = tmp_path / "in/a.jpg"
    path.write_bytes(b"longer than it was")
    kept(errand, Code.CHANGED)
    path.write_bytes(b"OTHER BYTES!")
    os.utime(path, ns=(errand.mtime_ns, errand.mtime_ns))
    kept(errand, Code.CHANGED)
    assert path.read_bytes() == b"OTHER BYTES!"


def test_one_that_just_came_waits_for_quiet(tmp_path: Path) -> None:
    """The answer is the time to wait; it is no complaint."""
    errand = replace(finished(tmp_path), quiet_s=2.0)
    answer = errands.run(errand)
    assert 7500 < answer <= 8000
    assert os.listdir(tmp_path / "in") == ["a.jpg"]


def test_somebody_writes(tmp_path: Path) -> None:
    """A program that has it open for writing is waited for, however long it is silent."""
    errand = finished(tmp_path)
    with (tmp_path / "in/a.jpg").open("ab"):
        kept(errand, Code.IN_USE)
    assert errands.run(errand) == 0


def test_a_save_in_the_last_moment_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another photo renamed over it after the last look is put back; so is one saved meanwhile."""
    errand = finished(tmp_path)
    inbox = tmp_path / "in"
    rename = publish.rename_noreplace

    def saved_first(folder: int, name: str, hidden: int, target: str, **how: bool) -> None:
        if target == "a.jpg" and not (inbox / GOING / "a.jpg").exists():
            (tmp_path / "new").write_bytes(b"another photo")
            os.rename(tmp_path / "new", inbox / "a.jpg")
        rename(folder, name, hidden, target, **how)

    monkeypatch.setattr(publish, "rename_noreplace", saved_first)
    with pytest.raises(NobgdError) as caught:
        errands.run(errand)
    assert caught.value.code is Code.CHANGED
    assert (inbox / "a.jpg").read_bytes() == b"another photo"
    assert os.listdir(inbox) == ["a.jpg"]


def test_a_name_that_was_taken_meanwhile_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original gets the next free name."""
    errand = finished(tmp_path)

    def saved_then_broken(*_: object) -> None:
        (tmp_path / "in/a.jpg").write_bytes(b"a new one")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disposal, "_same", saved_then_broken)
    with pytest.raises(NobgdError) as caught:
        errands.run(errand)
    assert caught.value.code is Code.IO_ERROR
    assert (tmp_path / "in/a.jpg").read_bytes() == b"a new one"
    assert (tmp_path / "in/a-1.jpg").read_bytes() == BYTES
    assert sorted(os.listdir(tmp_path / "in")) == ["a-1.jpg", "a.jpg"]


def test_what_a_kill_left_is_finished_or_put_back(tmp_path: Path) -> None:
    """By the errand itself, done again; or by the one that clears the folder."""
    errand = finished(tmp_path)
    inbox = tmp_path / "in"
    for again in (errand, PutBack(str(inbox), "")):
        (inbox / "a.jpg").write_bytes(BYTES)
        os.utime(inbox / "a.jpg", ns=(errand.mtime_ns, errand.mtime_ns))
        (inbox / GOING).mkdir()
        os.rename(inbox / "a.jpg", inbox / GOING / "a.jpg")
        answer = errands.run(again)
        assert (answer, os.listdir(inbox)) == ((0, []) if again is errand else (1, ["a.jpg"]))


class NoSuchCall:
    """A file system without RENAME_NOREPLACE, as NFS is: links do it."""

    @staticmethod
    def renameat2(*_: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1


@pytest.mark.parametrize("name", ["a.jpg", "é" * 125 + "x.jpg"])
@pytest.mark.parametrize("new", [b"another photo", BYTES[::-1], BYTES, None])
def test_a_save_between_link_and_unlink_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bytes | None, name: str
) -> None:
    """What gets the name in that moment stays, of whatever size; a removal is no failure."""
    errand, inbox = finished(tmp_path, name), tmp_path / "in"
    link = os.link

    def saved_after(source: str, target: str, **where: Any) -> None:
        link(source, target, **where)
        monkeypatch.setattr(os, "link", link)
        if new is None:
            (inbox / name).unlink()
        else:
            (tmp_path / "new").write_bytes(new)
            os.rename(tmp_path / "new", inbox / name)

    monkeypatch.setattr(publish, "_libc", NoSuchCall())
    monkeypatch.setattr(os, "link", saved_after)
    assert errands.run(errand) == 0
    assert {each.name: each.read_bytes() for each in inbox.iterdir()} == (
        {} if new is None else {name: new}
    )


@pytest.mark.parametrize(
    "pair", [("in/a.jpg", f"in/{GOING}/a.jpg"), (f"in/{GOING}/a.jpg", "archive/a.jpg")]
)
def test_a_kill_between_link_and_unlink_doubles_nothing(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    """Where no rename keeps from clobbering, a photo has two names for a moment."""
    errand = replace(finished(tmp_path), archive=str(tmp_path / "archive"))
    (tmp_path / "in" / GOING).mkdir()
    os.rename(tmp_path / "in/a.jpg", tmp_path / pair[0])
    os.link(tmp_path / pair[0], tmp_path / pair[1])
    assert errands.run(errand) == 0
    assert os.listdir(tmp_path / "in") == []
    assert os.listdir(tmp_path / "archive") == ["a.jpg"]


def test_an_inbox_where_nothing_can_be_taken_away_fills_with_no_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links for want of a rename, and every unlink there fails for a while: then all is as ever."""
    errand = replace(finished(tmp_path), archive=str(tmp_path / "archive"))
    unlink = os.unlink

    def failing(name: str, *, dir_fd: int | None = None) -> None:
        if name == "a.jpg":
            raise OSError(errno.EIO, "I/O error")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(publish, "_libc", NoSuchCall())
    with monkeypatch.context() as broken:
        broken.setattr(os, "unlink", failing)
        for _ in range(5):
            with pytest.raises(NobgdError):
                errands.run(errand)
    assert [name for name in os.listdir(tmp_path / "in") if name != GOING] == ["a.jpg"]
    assert errands.run(errand) == 0
    assert os.listdir(tmp_path / "in") == []
    assert os.listdir(tmp_path / "archive") == ["a.jpg"]


def test_nobody_clears_what_another_is_at_work_in(tmp_path: Path) -> None:
    """The lock on the hidden folder says so; a second disposal waits while it is cleared."""
    errand = finished(tmp_path)
    hidden = tmp_path / "in" / GOING
    hidden.mkdir()
    descriptor = os.open(hidden, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert errands.run(PutBack(errand.inbox, "")) == -1
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert errands.run(errand) > 0
    os.close(descriptor)
    assert errands.run(errand) == 0


def test_an_unmounted_inbox_is_not_touched(tmp_path: Path) -> None:
    """The folder must lie on the file system that it lay on when it was watched."""
    mount = replace(mounts.identify(str(tmp_path)), mountpoint="/gone", mount_id=0)
    errand = replace(finished(tmp_path), mount=mount)
    kept(errand, Code.GONE_AWAY)


def test_holes_are_waited_for(tmp_path: Path) -> None:
    """A file whose parts are still to come has them; an honest one goes after a longer quiet."""
    errand = finished(tmp_path)
    path = tmp_path / "in/a.jpg"
    data = bytes(1 << 20)
    with path.open("wb") as stream:
        stream.truncate(len(data))
    if path.stat().st_blocks:
        pytest.skip("this file system keeps no holes")
    seen = path.stat()
    errand = replace(
        errand, size=seen.st_size, mtime_ns=seen.st_mtime_ns,
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    png = tmp_path / "out/a_nobg.png"
    whole = png.read_bytes()
    old = provenance.find(whole)
    assert old is not None
    new = replace(old, sha256=errand.sha256)
    png.write_bytes(whole.replace(provenance.chunk(old), provenance.chunk(new)))
    kept(errand, Code.HOLES)
    assert errands.run(replace(errand, quiet_s=7200.0)) == 0


def test_the_clock_of_the_file_system_counts(tmp_path: Path) -> None:
    """One that has lain there for long goes at once, without having been watched."""
    errand = replace(finished(tmp_path), quiet_s=0.0, need_s=0.2)
    time.sleep(0.5)  # a ctime cannot be set
    expected = 0 if time.clock_gettime(time.CLOCK_BOOTTIME) > 601 else 200
    assert errands.run(errand) <= expected


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk on which not even a folder can be made once its files are there."""
    words = ["mount", "-t", "tmpfs", "-o", "nr_inodes=40", "nobgd-test", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(root: Path) -> None:
    with contextlib.suppress(OSError):
        for number in range(100):
            (root / f"filler{number}").touch()
    with pytest.raises(OSError, match="No space left"):
        (root / "folder").mkdir()


@pytest.mark.parametrize("where", [None, "archive"])
def test_a_full_disk_lets_go(full: Path, where: str | None) -> None:
    """Deleting is what it needs, and a rename within a folder takes no room."""
    errand = finished(full)
    errand = replace(errand, archive=str(full / where) if where else None)
    fill(full)
    assert errands.run(errand) == 0
    assert os.listdir(full / "in") == []
    assert os.listdir(full / "archive") == (["a.jpg"] if where else [])


def test_a_full_disk_gives_back(full: Path) -> None:
    """What is not the photo that was cut out, or what a kill left, has its name again."""
    errand = finished(full)
    (full / "in/a.jpg").write_bytes(b"x" + BYTES[1:])
    os.utime(full / "in/a.jpg", ns=(errand.mtime_ns, errand.mtime_ns))
    fill(full)
    kept(errand, Code.CHANGED)
    os.rename(full / "in/a.jpg", full / "in" / f"{GOING_FILE}a.jpg")
    descriptor = os.open(full / "in" / f"{GOING_FILE}a.jpg", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert errands.run(PutBack(errand.inbox, "")) == -1
    os.close(descriptor)
    assert errands.run(PutBack(errand.inbox, "")) == 1
    assert os.listdir(full / "in") == ["a.jpg"]


def test_a_full_disk_and_a_name_too_long_to_be_hidden(full: Path) -> None:
    """It stays, and the full disk is what is said."""
    errand = finished(full, "n" * 251 + ".jpg")
    fill(full)
    assert kept(errand, Code.NO_SPACE).reason

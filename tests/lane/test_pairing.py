"""A JPEG and a raw photo or HEIC of one shot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from nobgd.jobs import plan
from nobgd.lane import pairing
from nobgd.values import Code, Job, NobgdError, Recipe


def job(inbox: Path, relpath: str, pairs: str) -> Job:
    return Job(
        str(inbox), relpath, 1, 1, str(inbox), ("x.png",), frozenset(), frozenset(), "k",
        Recipe("u2netp", "0" * 64, "fp32"), partners=plan.partners(relpath, pairs),
    )  # fmt: skip


def photo(path: Path, when: str | None, *, mtime: float = 1000.0) -> None:
    """A file whose first bytes are a TIFF or a JPEG with this time in it."""
    path.parent.mkdir(exist_ok=True)
    exif = Image.Exif()
    if when is not None:
        exif.get_ifd(34665)[36867] = when
    if path.suffix.lower() in (".jpg", ".jpeg"):
        Image.new("RGB", (8, 8)).save(path, "JPEG", exif=exif)
    else:
        path.write_bytes(exif.tobytes().removeprefix(b"Exif\0\0") or b"raw")
    os.utime(path, (mtime, mtime))


def paired(inbox: Path, relpath: str, pairs: str) -> bool:
    """Whether the photo gives way to the other of its pair."""
    try:
        pairing.check(job(inbox, relpath, pairs))
    except NobgdError as error:
        return error.code is Code.PAIRED and relpath in error.reason
    return False


ONE, OTHER = "2026:11:29 16:04:05", "2026:11:29 16:04:06"


@pytest.mark.parametrize(
    ("pairs", "raw", "jpeg"),
    [("jpeg", True, False), ("raw", False, True), ("both", False, False)],
)
@pytest.mark.parametrize("name", ["DSC1.ARW", "d/IMG_2.heic", "P3.nef"])
def test_the_one_that_is_not_wanted_gives_way(
    tmp_path: Path, pairs: str, raw: bool, jpeg: bool, name: str
) -> None:
    """Whatever the letters of the extensions."""
    beside = str(Path(name).with_suffix(".JPG" if name.isupper() else ".jpeg"))
    photo(tmp_path / name, ONE)
    photo(tmp_path / beside, ONE, mtime=99_000.0)
    assert paired(tmp_path, name, pairs) is raw
    assert paired(tmp_path, beside, pairs) is jpeg


def test_names_alone_are_no_pair(tmp_path: Path) -> None:
    """Another moment, another folder, a link, a folder of that name: both are done."""
    photo(tmp_path / "a.arw", ONE)
    photo(tmp_path / "a.jpg", OTHER)
    photo(tmp_path / "b.arw", ONE)
    photo(tmp_path / "d/b.jpg", ONE)
    photo(tmp_path / "c.arw", ONE)
    (tmp_path / "c.jpg").symlink_to(tmp_path / "d/b.jpg")
    photo(tmp_path / "e.arw", ONE)
    (tmp_path / "e.jpg").mkdir()
    assert not any(paired(tmp_path, f"{each}.arw", "jpeg") for each in "abce")


@pytest.mark.parametrize(("when", "pair"), [(ONE, True), (OTHER, False)])
def test_a_heic_that_notes_its_time_behind_the_picture(
    tmp_path: Path, when: str, pair: bool
) -> None:
    """The note counts, not that both were copied at once: another photo's JPEG is cut out, too."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif.get_ifd(34665)[36867] = when
    noise = Image.effect_noise((800, 800), 90)
    noise.save(tmp_path / "a.heic", "HEIF", exif=exif, quality=80)
    os.utime(tmp_path / "a.heic", (1000.0 + 99 * pair, 1000.0 + 99 * pair))
    photo(tmp_path / "a.jpg", ONE)
    assert paired(tmp_path, "a.heic", "jpeg") is pair
    assert paired(tmp_path, "a.jpg", "raw") is pair


@pytest.mark.parametrize(("later", "pair"), [(2.0, True), (60.0, False)])
def test_without_a_note_the_files_times_tell(tmp_path: Path, later: float, pair: bool) -> None:
    """A camera writes one after the other; an export comes later."""
    photo(tmp_path / "a.cr2", None)
    photo(tmp_path / "a.jpg", ONE, mtime=1000.0 + later)
    assert paired(tmp_path, "a.cr2", "jpeg") is pair


def test_a_photo_that_left_is_for_who_reads_it(tmp_path: Path) -> None:
    """Nothing is said of it here."""
    photo(tmp_path / "a.jpg", ONE)
    assert not paired(tmp_path, "a.arw", "jpeg")

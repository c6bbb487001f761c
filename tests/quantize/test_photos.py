"""Which photos are calibrated on, and which judge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nobgd.models import ModelError, load_manifest, shipped_directory
from nobgd.quantize import photos

BUNDLED = shipped_directory() / "calibration"


def test_the_bundled_photos_are_in_one_set_each() -> None:
    """None is judged by that was calibrated on, under whatever name."""
    calibration, held_out = photos.chosen(None)
    assert len(calibration) >= 16
    assert len(held_out) >= 12
    contents = [path.read_bytes() for path in (*calibration, *held_out)]
    assert len(set(contents)) == len(contents)


def test_every_bundled_photo_names_author_licence_and_source() -> None:
    """One line each in the folder's README, and no line for a photo that is not there."""
    lines = (BUNDLED / "README.md").read_text("utf-8").splitlines()
    said = {}
    for line in lines:
        if line.startswith("| ") and ".jpg |" in line:
            name, author, licence, source = (part.strip() for part in line.strip("|").split("|"))
            said[name] = (author, licence, source)
    there = {str(path.relative_to(BUNDLED)) for path in BUNDLED.rglob("*.jpg")}
    assert set(said) == there
    for author, licence, source in said.values():
        assert author
        assert source
        assert licence in ("public domain", "CC0 1.0")


def test_the_users_photos_are_split(tmp_path: Path) -> None:
    """A third is held out; hidden files and other kinds are nobody's photos."""
    for number in range(15):
        (tmp_path / f"{number:02}.JPG").touch()
    for name in (".hidden.jpg", "notes.txt"):
        (tmp_path / name).touch()
    calibration, held_out = photos.chosen(tmp_path)
    assert (len(calibration), len(held_out)) == (10, 5)
    assert not set(calibration) & set(held_out)


def test_of_very_many_photos_some_are_taken(tmp_path: Path) -> None:
    """Sixty from all over the folder."""
    for number in range(200):
        (tmp_path / f"{number:03}.jpg").touch()
    calibration, held_out = photos.chosen(tmp_path)
    assert len({*calibration, *held_out}) == 60
    assert max(path.name for path in (*calibration, *held_out)) > "190"


@pytest.mark.parametrize(("count", "reason"), [(3, "has 3 photos"), (None, "cannot be read")])
def test_too_few_photos_are_refused(tmp_path: Path, count: int | None, reason: str) -> None:
    """One line with the folder, the reason and the way out."""
    folder = tmp_path / "photos"
    if count is not None:
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.png").touch()
    with pytest.raises(ModelError, match=reason) as caught:
        photos.chosen(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unreadable_photo_is_said_and_left_out(tmp_path: Path) -> None:
    """The others count; each is seen whole and by its middle."""
    shutil.copy(BUNDLED / "cat.jpg", tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    said: list[str] = []
    spec = load_manifest()["u2netp"]
    files = sorted(tmp_path.iterdir())
    assert [each.shape for each in photos.inputs(files, spec, said.append)] == [(1, 3, 320, 320)]
    assert len(photos.varied(files[:1], spec, said.append)) == 2
    assert len(said) == 1
    assert "b.jpg: left out" in said[0]

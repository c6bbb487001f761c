"""Small pictures: their size, alpha, colours, and that what is broken writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from nobgd.lane.errands import run
from nobgd.values import NobgdError
from nobgd.values.errands import Preview

What = Literal["in", "out", "mask"]


def _preview(tmp_path: Path, name: str, what: What, side: int = 320) -> Path:
    made = tmp_path / "made"
    made.mkdir(exist_ok=True)
    assert run(Preview(str(tmp_path), name, what, side, str(made), "x.webp")) == 0
    return made / "x.webp"


def _cut_out(tmp_path: Path) -> Path:
    """Left half opaque red, right half nothing."""
    pixels = np.zeros((600, 1200, 4), np.uint8)
    pixels[:, :600] = 200, 30, 30, 255
    path = tmp_path / "cut.png"
    Image.fromarray(pixels, "RGBA").save(path)
    return path


def test_a_cut_out_keeps_its_alpha_and_its_edge_its_colour(tmp_path: Path) -> None:
    _cut_out(tmp_path)
    with Image.open(_preview(tmp_path, "cut.png", "out")) as small:
        assert (small.format, small.mode, small.size) == ("WEBP", "RGBA", (320, 160))
        shown = np.asarray(small)
    assert shown[80, 40, 3] == 255
    assert shown[80, 280, 3] == 0
    seen = shown[..., 3] > 31
    assert (np.abs(shown[seen][:, :3].astype(int) - (200, 30, 30)) < 16).all()  # no dark rim


def test_a_mask_is_grey(tmp_path: Path) -> None:
    _cut_out(tmp_path)
    with Image.open(_preview(tmp_path, "cut.png", "mask", 1600)) as small:
        assert (small.mode, small.size) == ("RGB", (1200, 600))  # never enlarged
        shown = np.asarray(small)
    assert (shown[300, 100] > 250).all()
    assert (shown[300, 1100] < 5).all()


def test_a_photo_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    Image.new("RGB", (900, 600), "navy").save(tmp_path / "p.jpg", exif=exif)
    with Image.open(_preview(tmp_path, "p.jpg", "in")) as small:
        assert small.size == (213, 320)


def test_an_opaque_one_has_a_white_mask(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60), "navy").save(tmp_path / "p.jpg")
    with Image.open(_preview(tmp_path, "p.jpg", "mask")) as small:
        assert np.asarray(small).min() > 250


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(60)])
def test_what_is_broken_says_why_and_writes_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.png").write_bytes(data)
    with pytest.raises(NobgdError):
        _preview(tmp_path, "b.png", "out")
    assert list((tmp_path / "made").iterdir()) == []

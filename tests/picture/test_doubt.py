"""What a mask alone says of a cut-out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from nobgd import models
from nobgd.inference import local
from nobgd.picture import cutting, decode
from nobgd.picture.doubt import doubt, haze
from nobgd.values.doubt import AUTO


def disc(soft: float, side: int = 320) -> np.ndarray:
    """A disc whose edge takes so many pixels of a mask of 320 from nothing to all."""
    y, x = np.mgrid[:side, :side] * (320 / side)
    share = ((80 - np.hypot(x - 160, y - 160)) / soft + 0.5).clip(0, 1)
    mask: np.ndarray = (share * 255).astype(np.uint8)
    return mask


def test_it_grows_with_the_width_of_the_edge_and_as_confidence_falls() -> None:
    """A sharp disc is sure; four fifths of the edge's width count, and five of them are much."""
    widths = [doubt(disc(soft), 1.0) for soft in (0.5, 2, 4, 8, 16, 40)]
    assert widths == sorted(widths)
    assert widths[2] < AUTO < widths[3]
    sure = [doubt(disc(1), confidence) for confidence in (1.0, 0.99, 0.98, 0.9, 0.5, 0.1)]
    assert sure == sorted(sure)
    assert sure[1] < AUTO < sure[3]
    assert sure[4] == sure[5] == 1


def veiled(side: int, patch: int, grey: int = 128) -> np.ndarray:
    """A sharp disc of 160 pixels of 320, in it a half transparent square of ``patch``."""
    mask = disc(1, side)
    half = patch * side // 640
    middle = side // 2
    mask[middle - half : middle + half, middle - half : middle + half] = grey
    return mask


def test_a_patch_that_no_edge_explains_is_doubtful() -> None:
    """By how much of the subject it takes; what is as narrow as an edge is not one."""
    by_size = [doubt(veiled(320, patch), 1.0) for patch in (0, 8, 16, 24, 40, 80)]
    assert by_size == sorted(by_size)
    assert by_size[2] < AUTO < by_size[3]
    assert doubt(veiled(320, 40, grey=250), 1.0) == doubt(disc(1), 1.0)
    assert haze(veiled(320, 8)) == 0
    assert 0 < haze(veiled(320, 40)) < 40 * 40 / int((disc(1) > 127).sum())


def test_a_model_with_larger_masks_is_judged_alike() -> None:
    """Widths and depths are counted in pixels of 320."""
    assert doubt(disc(3, 1024), 1.0) == pytest.approx(doubt(disc(3), 1.0), abs=0.06)
    assert haze(veiled(1280, 40)) == pytest.approx(haze(veiled(320, 40)), rel=0.1)


def test_nothing_and_everything() -> None:
    """A mask that is nothing is as doubtful as its confidence; a veil is doubtful."""
    assert doubt(np.zeros((320, 320), np.uint8), 0.01) == 1
    assert doubt(np.full((320, 320), 120, np.uint8), 1.0) == 1
    assert doubt(np.full((320, 320), 255, np.uint8), 1.0) == 0


@given(arrays.arrays(np.uint8, (16, 16)), st.floats(0, 1))
def test_it_is_from_0_to_1(mask: np.ndarray, confidence: float) -> None:
    assert 0 <= doubt(mask, confidence) <= 1


@pytest.mark.parametrize(("name", "doubtful"), [("coffee", False), ("gravel", True)])
def test_photos(name: str, doubtful: bool, tmp_path: Path) -> None:
    """With the small model: a cup is found, in gravel there is nothing."""
    found = models.find("u2netp", "fp32", None)
    segmenter = local.segmenter(str(found.path), found.spec, threads=1, cache_dir=str(tmp_path))
    with Image.open(Path(skimage.__file__).parent / f"data/{name}.png") as picture:
        picture.convert("RGB").save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    assert (cutting.find(decode.decode(data, decode.look(data)), segmenter, 1).doubt > AUTO) == (
        doubtful
    )

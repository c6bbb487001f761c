"""Strokes over a cut-out: what is kept is the photo's, what is removed is nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nobgd.picture.touch import LONGEST_SIDE, Touch, read
from nobgd.values import Code, NobgdError


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def touched(strokes: np.ndarray, alpha: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo of noise whose cut-out has this alpha everywhere; the photo, and the new cut-out."""
    photo = np.random.default_rng(1).integers(0, 256, (60, 80, 4), np.uint8)
    cut = photo.copy()
    made = Touch(read(png(strokes)), 60, 80)
    made.remember(photo)
    cut[..., 3] = alpha
    if alpha == 0:
        cut[..., :3] = 0
    made.finish(cut)
    return photo, cut


def test_what_is_kept_is_the_photos_and_opaque() -> None:
    """Bit for bit, also where nothing was left of it; what nobody painted on stays."""
    strokes = np.full((30, 40), 128, np.uint8)
    strokes[:, :10] = 255
    photo, cut = touched(strokes, 0)
    assert (cut[:, :19, 3] == 255).all()
    assert (cut[:, :19, :3] == photo[:, :19, :3]).all()
    assert not cut[:, 22:].any()


def test_what_is_removed_is_empty() -> None:
    """Its colour, too."""
    strokes = np.full((60, 80), 128, np.uint8)
    strokes[10:20] = 0
    photo, cut = touched(strokes, 255)
    assert not cut[10:20].any()
    assert (cut[:10, :, :3] == photo[:10, :, :3]).all()
    assert (cut[20:, :, 3] == 255).all()


def test_what_is_between_does_so_in_part() -> None:
    """Half of it."""
    _, less = touched(np.full((60, 80), 64, np.uint8), 200)
    assert set(less[..., 3].flat) == {100}
    _, more = touched(np.full((60, 80), 191, np.uint8), 100)
    assert 170 <= int(more[0, 0, 3]) <= 180


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89PNG\r\n\x1a\nrubbish", Code.BROKEN),
        (b"", Code.BROKEN),
        (png(np.zeros((1, LONGEST_SIDE + 1), np.uint8)), Code.TOO_LARGE),
    ],
    ids=["broken", "empty", "large"],
)
def test_anything_else_is_refused(data: bytes, code: Code) -> None:
    """In a sentence."""
    with pytest.raises(NobgdError, match="paint it again") as error:
        read(data)
    assert error.value.code is code

"""Pixels and a mask to straight alpha."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nobgd.picture.compose import compose
from nobgd.picture.lanczos import shrink

RANDOM = np.random.default_rng(3)


def rgbx(height: int, width: int) -> np.ndarray:
    pixels = RANDOM.integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


def blob(side: int = 320) -> np.ndarray:
    """Clear outside, solid inside, a soft rim between."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    mask: np.ndarray = ((0.35 - np.hypot(x, y)) * 2000).clip(0, 255).astype(np.uint8)
    return mask


def reference(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pillow's Lanczos, columns first (it takes rows first where it only shrinks these)."""
    wide = Image.fromarray(mask).resize((width, len(mask)), Image.Resampling.LANCZOS)
    return np.asarray(wide.resize((width, height), Image.Resampling.LANCZOS))


def assert_straight(before: np.ndarray, after: np.ndarray) -> None:
    """Colour as it was where anything is seen, 0 where nothing is."""
    seen = after[..., 3] > 0
    np.testing.assert_array_equal(after[..., :3][seen], before[..., :3][seen])
    assert not after[~seen].any()


@pytest.mark.parametrize(
    ("height", "width"), [(1200, 1700), (97, 1301), (3000, 33), (320, 320), (200, 150), (1, 1)]
)
@pytest.mark.parametrize("kind", ["blob", "noise", "clear", "solid"])
def test_alpha_is_the_mask_at_full_size(height: int, width: int, kind: str) -> None:
    """Within 2 of Pillow's Lanczos, whatever the sizes and the mask."""
    mask = {
        "blob": blob(),
        "noise": RANDOM.integers(0, 256, (320, 320), np.uint8),
        "clear": np.zeros((320, 320), np.uint8),
        "solid": np.full((320, 320), 255, np.uint8),
    }[kind]
    pixels = rgbx(height, width)
    before = pixels.copy()
    out = compose(pixels, mask, None)
    difference = np.abs(out[..., 3].astype(int) - reference(mask, height, width))
    assert difference.max() <= 2
    assert_straight(before, out)


def test_the_memory_of_rgbx_pixels_is_finished_in_place() -> None:
    """No second picture is made."""
    pixels = rgbx(500, 400)
    assert compose(pixels, blob(), None) is pixels


def test_rgb_pixels_are_left_alone() -> None:
    """Three channels are copied."""
    pixels = rgbx(500, 400)[..., :3].copy()
    before = pixels.copy()
    out = compose(pixels, blob(), None)
    np.testing.assert_array_equal(pixels, before)
    assert_straight(before, out)
    assert out.shape == (500, 400, 4)


def test_the_photos_own_transparency_is_multiplied_in() -> None:
    """Rounded, and a hole in the photo is a hole in the cut-out."""
    own = RANDOM.integers(0, 256, (600, 500), np.uint8)
    own[100:200] = 0
    own[300:400] = 255
    pixels = rgbx(600, 500)
    before = pixels.copy()
    out = compose(pixels, blob(), own)
    expected = np.rint(reference(blob(), 600, 500).astype(float) * own / 255)
    assert np.abs(out[..., 3] - expected).max() <= 2
    assert_straight(before, out)
    assert (out[300:400, 250, 3] == 255).all()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 200), width=st.integers(1, 200), side=st.integers(1, 40),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_any_sizes_agree_with_pillow(height: int, width: int, side: int, seed: int) -> None:
    """Also where the photo is smaller than the mask."""
    random = np.random.default_rng(seed)
    mask = (random.integers(0, 2, (side, side)) * 255).astype(np.uint8)
    out = compose(rgbx(height, width), mask, None)
    difference = np.abs(out[..., 3].astype(int) - reference(mask, height, width))
    assert difference.max() <= 2


def test_threads_change_no_pixel() -> None:
    """Bands side by side give what they give one after the other; so does the network's input."""
    chance = np.random.default_rng(5)
    pixels = chance.integers(0, 256, (700, 900, 4), np.uint8)
    pixels[..., 3] = 255
    mask = np.zeros((320, 320), np.uint8)
    mask[60:250, 40:200] = chance.integers(0, 256, (190, 160), np.uint8)
    one = compose(pixels.copy(), mask)
    np.testing.assert_array_equal(compose(pixels.copy(), mask, threads=3), one)
    np.testing.assert_array_equal(shrink(pixels, 320, threads=3), shrink(pixels, 320))

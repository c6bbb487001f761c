"""Lanczos as matrix products gives what Pillow gives."""

import numpy as np
import pytest
from PIL import Image

from nobgd.picture.lanczos import matrix, shrink, weights

RANDOM = np.random.default_rng(23)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(
    ("height", "width"), [(1200, 1700), (321, 4000), (2500, 330), (33, 47), (320, 320), (1, 1)]
)
def test_shrinking_is_pillows(height: int, width: int, channels: int) -> None:
    """Larger or smaller, any shape: rarely another number, never by more than 1."""
    pixels = RANDOM.integers(0, 256, (height, width, channels), np.uint8)
    rgb = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    wide = rgb.resize((320, height), Image.Resampling.LANCZOS)
    expected = np.asarray(wide.resize((320, 320), Image.Resampling.LANCZOS)).astype(int)
    difference = np.abs(shrink(pixels, 320) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002


def test_flat_stays_flat() -> None:
    """Weights add up to 1, also at the edges."""
    assert (shrink(np.full((500, 700, 3), 77, np.uint8), 320) == 77).all()
    for size, sources in ((320, 5000), (5000, 320), (7, 3)):
        _, values = weights(np.arange(size), size, sources)
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)


def test_a_matrix_speaks_of_neighbours_only() -> None:
    """The weights for a few outputs reach three lobes to each side."""
    first, dense = matrix(100, 110, 320, 3200)
    assert 1000 - 35 <= first <= 1000
    assert first + dense.shape[1] <= 1100 + 35

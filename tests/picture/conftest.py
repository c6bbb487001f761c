"""Pictures made on the spot: a smooth gradient with noise, saved as any format says."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

Save = Callable[..., bytes]


@pytest.fixture
def photo() -> Image.Image:
    """60x40 RGB, every corner another colour, so that any turn shows."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.dstack([x * 4, y * 6, 255 - x * 2 - y * 2]).astype(np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def save() -> Save:
    def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    return saved

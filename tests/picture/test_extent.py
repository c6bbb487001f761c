"""What would be lost with a file besides the picture that is cut out of it."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from PIL import Image

from nobgd.picture import extent
from nobgd.values import Code


def saved(kind: str, pages: int = 1, **more: Any) -> bytes:
    pictures = [Image.new("RGB", (40, 30), (40 * number, 90, 20)) for number in range(pages)]
    stream = io.BytesIO()
    if pages > 1:
        more |= {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(stream, kind, **more)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_one_picture_is_all(kind: str) -> None:
    """And padding behind it is nothing."""
    data = saved(kind)
    assert extent.more(data, kind) is None
    assert extent.more(data + bytes(100_000), kind) is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [("TIFF", saved("TIFF", 3)), ("TIFF", saved("TIFF", 2, big_tiff=True)),
     ("PNG", saved("PNG", 2)), ("WEBP", saved("WEBP", 2)), ("JPEG", saved("MPO", 2))],
)  # fmt: skip
def test_further_pictures(kind: str, data: bytes) -> None:
    """Pages, frames, the second view of a stereo photo."""
    found = extent.more(data, kind)
    assert found is not None
    assert found[0] is Code.MORE_PICTURES


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_film_behind_the_picture(kind: str) -> None:
    """As a phone's motion photo has it."""
    found = extent.more(saved(kind) + b"\0\0\0\x18ftypmp42" + os.urandom(20_000), kind)
    assert found is not None
    assert found[0] is Code.MORE_DATA
    assert "film" in found[1]

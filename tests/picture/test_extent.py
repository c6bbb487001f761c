"""What would be lost with a file besides the picture that is cut out of it."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
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


@pytest.mark.parametrize("more", [
    {}, {"big_tiff": True}, {"compression": "tiff_lzw"}, {"compression": "jpeg"},
    {"dpi": (300, 300), "description": "a" * 3000}, {"exif": {0x9003: "2026:01:01 00:00:00"}},
])  # fmt: skip
def test_what_is_behind_a_tiff(more: dict[str, Any]) -> None:
    """A directory may stand anywhere: what none of them speaks of is no part of the picture."""
    if "exif" in more:
        exif = Image.Exif()
        exif.get_ifd(0x8769).update(more["exif"])
        more = {"exif": exif}
    data = saved("TIFF", **more)
    assert extent.more(data, "TIFF") is None
    found = extent.more(data + os.urandom(9_000), "TIFF")
    assert found is not None
    assert found[0] is Code.MORE_DATA


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_smaller_versions_of_a_tiff_are_no_more_data(
    *, bigtiff: bool, tile: tuple[int, int] | None
) -> None:
    """Those that hang below its directory lie behind its strips, and belong to it."""
    tifffile = pytest.importorskip("tifffile")
    picture = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=bigtiff) as out:
        out.write(picture, photometric="rgb", tile=tile, subifds=1, metadata=None)
        out.write(picture[::2, ::2], photometric="rgb", tile=tile, subfiletype=1, metadata=None)
    data = stream.getvalue()
    assert extent.more(data, "TIFF") is None
    assert extent.more(data + os.urandom(9_000), "TIFF") is not None

"""Photos of more than eight bits a sample stay so in their cut-out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nobgd.picture import cutting, levels
from nobgd.picture.decode import Picture
from nobgd.picture.encode import encode
from picture.test_layouts import chunk, opened, png, tiff

HIGH, WIDE = 400, 480
y, x = np.mgrid[0:HIGH, 0:WIDE]
FAR = np.hypot(x - 240, y - 200)
RANDOM = np.random.default_rng(3)


def photo() -> np.ndarray:
    """A ball before a ground, with all bits in use, (H, W, 3) uint16."""
    share = np.clip((150 - FAR) / 2 + 0.5, 0, 1)[..., None]
    mixed = share * np.array([51_000, 22_000, 9_000]) + (1 - share) * [8_000, 16_000, 44_000]
    noise = RANDOM.uniform(-900, 900, (HIGH, WIDE, 3))
    deep: np.ndarray = np.rint(mixed + noise).astype(np.uint16)
    return deep


PHOTO = photo()
CLEAR = np.rint(np.clip((170 - FAR) / 40, 0, 1) * 65535).astype(np.uint16)


class Ball:
    """A model that finds the ball, softly."""

    shown: np.ndarray | None = None
    ran = 1

    def mask(self, _pixels: Any, _threads: int = 1) -> tuple[np.ndarray, float]:
        soft = np.clip((150 - FAR) * 10 + 128, 0, 255).astype(np.uint8)
        return np.asarray(Image.fromarray(soft).resize((96, 96), Image.Resampling.BOX)), 1.0


def cut(picture: Picture, edges: str, compression: str = "fast") -> tuple[np.ndarray, np.ndarray]:
    """The cut-out in 8 bits, and what its PNG has, (H, W, 4) uint16."""
    found = cutting.refine(picture, cutting.find(picture, Ball(), 1), edges)
    rgba = cutting.finish(picture, found)
    cutting.finish_edge(rgba, found)
    data = b"".join(encode(cutting.deepened(picture, rgba), compression=compression))
    assert data[24] == 16
    again = opened(data)
    assert again.deep is not None
    return rgba, again.deep


FILES = {
    "PNG": lambda: png(PHOTO, 2, 16),
    "PNG, turned": lambda: png(PHOTO, 2, 16, chunk(b"eXIf", turned())),
    "TIFF": lambda: tiff(PHOTO, photometric="rgb", byteorder=">", compression="deflate"),
    "planes": lambda: tiff(PHOTO.transpose(2, 0, 1).copy(), photometric="rgb",
                           planarconfig="separate"),
}  # fmt: skip


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("edges", ["fine", "plain"])
@pytest.mark.parametrize("name", FILES)
def test_opaque_pixels_are_the_photos_in_sixteen_bits(name: str, edges: str) -> None:
    """Bit by bit; what is clear is 0, and the rest is what eight bits say, but finer."""
    expected = PHOTO[::-1, ::-1] if "turned" in name else PHOTO
    rgba, deep = cut(opened(FILES[name]()), edges)
    opaque, soft = rgba[..., 3] == 255, (rgba[..., 3] > 0) & (rgba[..., 3] < 255)
    assert opaque.sum() > 50_000
    assert soft.sum() > 500
    np.testing.assert_array_equal(deep[opaque][:, :3], expected[opaque])
    np.testing.assert_array_equal(deep[..., 3], rgba[..., 3].astype(int) * 257)
    assert not deep[rgba[..., 3] == 0].any()
    np.testing.assert_allclose(deep[soft][:, :3] / 257, rgba[soft][:, :3], atol=0.51)
    if edges == "plain":
        np.testing.assert_array_equal(deep[soft][:, :3], expected[soft])
    else:
        assert (deep[soft][:, :3] != expected[soft]).any()


@pytest.mark.parametrize("compression", ["fast", "balanced", "small"])
def test_every_compression_keeps_all_bits(compression: str) -> None:
    """Filters look at the pixel on the left, which is eight bytes away."""
    data = png(PHOTO, 2, 16)
    first, second = (cut(opened(data), "plain", way)[1] for way in ("fast", compression))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", [4, 6])
def test_an_alpha_of_its_own_keeps_its_bits(kind: int) -> None:
    """A cut-out of 16 bits that is given again is what it was."""
    colours = PHOTO if kind == 6 else PHOTO[..., :1]
    rgba = np.dstack([np.where(CLEAR[..., None] > 0, colours, 0), CLEAR])
    _, deep = cut(opened(png(rgba, kind, 16)), "fine")
    whole = np.dstack([*rgba.transpose(2, 0, 1)[[0, 1, 2] if kind == 6 else [0, 0, 0]], CLEAR])
    seen = levels.table(16)[CLEAR] > 0
    np.testing.assert_array_equal(deep[seen], whole[seen])


@pytest.mark.parametrize("white", [False, True])
def test_grey(white: bool) -> None:
    """In a PNG and a TIFF, whichever end is white."""
    shade = PHOTO[..., 0]
    kept = tiff(65535 - shade if white else shade, photometric=0 if white else 1)
    for data in (png(shade, 0, 16), kept):
        rgba, deep = cut(opened(data), "plain")
        opaque = rgba[..., 3] == 255
        np.testing.assert_array_equal(deep[opaque][:, :3], np.dstack([shade] * 3)[opaque])


def test_twelve_bits_are_stretched() -> None:
    """To the nearest of sixteen."""
    few = PHOTO >> 4
    picture = opened(tiff(few, photometric="rgb", bitspersample=12))
    assert picture.deep is not None
    np.testing.assert_array_equal(picture.deep[..., :3], np.rint(few / 4095 * 65535))


@pytest.mark.parametrize("transparent", [False, True])
def test_heic_of_ten_bits(transparent: bool) -> None:
    """All ten of them."""
    heif = pytest.importorskip("pillow_heif")
    mode = "RGBA;16" if transparent else "RGB;16"
    samples = np.dstack([PHOTO, CLEAR]) if transparent else PHOTO
    out = io.BytesIO()
    heif.from_bytes(mode, (WIDE, HIGH), samples.tobytes()).save(out, quality=-1, chroma=444)
    picture = opened(out.getvalue())
    assert picture.deep is not None
    error = picture.deep[..., :3] / 257 - picture.pixels
    assert np.abs(error).max() <= 0.51
    assert len(np.unique(picture.deep[..., 0])) > 300
    if transparent:
        np.testing.assert_allclose(picture.deep[..., 3], CLEAR, atol=200)


def test_eight_bits_stay_eight() -> None:
    """Nothing is made up."""
    picture = opened(png((PHOTO >> 8).astype(np.uint8), 2, 8))
    assert picture.deep is None
    rgba = picture.rgbx
    assert cutting.deepened(picture, rgba) is rgba

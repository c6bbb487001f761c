"""RGBA and metadata to PNG files that strict readers accept."""

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from nobgd.picture import provenance
from nobgd.picture.encode import encode

RANDOM = np.random.default_rng(11)


def cutout(height: int, width: int) -> np.ndarray:
    """Noise within a frame of transparent black."""
    rgba = np.zeros((height, width, 4), np.uint8)
    inner = rgba[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
    inner[:] = 128 + RANDOM.normal(0, 5, inner.shape).astype(np.int8).astype(np.uint8)
    inner[..., 3] = 255
    return rgba


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG; lengths, order of bytes and checksums are checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        crc = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        assert zlib.crc32(kind + body) == crc, kind
        found.append((kind, body))
        at += 12 + length
    assert at == len(data)
    return found


@pytest.mark.parametrize("compression", ["fast", "balanced", "small"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 700), (700, 3), (640, 480), (2200, 700)])
def test_what_goes_in_comes_out(compression: str, threads: int, height: int, width: int) -> None:
    """Every pixel survives, in every setting, over band and slab borders."""
    rgba = cutout(height, width)
    data = b"".join(encode(rgba, compression=compression, threads=threads))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), rgba)
    pixels = b"".join(body for kind, body in chunks(data) if kind == b"IDAT")
    assert len(zlib.decompress(pixels)) == height * (width * 4 + 1)  # and its Adler-32 is right


def test_noise_survives_too() -> None:
    """Data that cannot be compressed are stored."""
    rgba = RANDOM.integers(0, 256, (300, 400, 4), np.uint8)
    for compression in ("fast", "balanced", "small"):
        data = b"".join(encode(rgba, compression=compression))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), rgba)


def test_distances_fit_the_smallest_window() -> None:
    """`fast` says it looks back 512 bytes: an inflater with that much memory can read it."""
    data = b"".join(encode(cutout(400, 300), compression="fast"))
    pixels = b"".join(body for kind, body in chunks(data) if kind == b"IDAT")
    inflater = zlib.decompressobj(-9)
    assert len(inflater.decompress(pixels[2:])) == 400 * (300 * 4 + 1)


def test_more_effort_is_never_larger() -> None:
    """Sizes fall from fast to small on a cut-out, and fast stays near Pillow's level 6."""
    rgba = cutout(900, 1200)
    sizes = {
        setting: sum(map(len, encode(rgba, compression=setting)))
        for setting in ("fast", "balanced", "small")
    }
    assert sizes["fast"] >= sizes["balanced"] >= sizes["small"]
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG", compress_level=6)
    assert sizes["fast"] <= out.tell() * 1.15


@pytest.mark.parametrize("compression", ["fast", "balanced", "small"])
def test_metadata_is_in_every_setting(compression: str) -> None:
    """Profile, EXIF, resolution and our own note, all before the pixels."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Nobgd"
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    said = provenance.Note("a.jpg", "k", "0" * 64, "r", "1", 0.5)
    given: dict[str, Any] = {
        "icc": icc,
        "dpi": (300, 150),
        "exif": block,
        "extra": (provenance.chunk(said),),
    }
    data = b"".join(encode(cutout(60, 80), compression=compression, **given))
    kinds = [kind for kind, _ in chunks(data)]
    assert kinds[:2] == [b"IHDR", b"tEXt"]
    assert kinds.index(b"IDAT") > max(map(kinds.index, (b"iCCP", b"pHYs", b"eXIf")))
    assert kinds[-1] == b"IEND"
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.info["icc_profile"] == icc
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert image.getexif()[0x010F] == "Nobgd"
    assert provenance.find(data[: provenance.HEAD_BYTES]) == said


def test_without_metadata_there_is_only_the_picture() -> None:
    """No empty chunks."""
    kinds = {kind for kind, _ in chunks(b"".join(encode(cutout(20, 20))))}
    assert kinds == {b"IHDR", b"IDAT", b"IEND"}


def test_an_unknown_setting_is_a_bug() -> None:
    """The configuration allows three words only."""
    with pytest.raises(KeyError):
        encode(cutout(4, 4), compression="best")

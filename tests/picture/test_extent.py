"""What would be lost with a file besides the picture that is cut out of it."""

from __future__ import annotations

import io
import os
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
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
    picture = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=bigtiff) as out:
        out.write(picture, photometric="rgb", tile=tile, subifds=1, metadata=None)
        out.write(picture[::2, ::2], photometric="rgb", tile=tile, subfiletype=1, metadata=None)
    data = stream.getvalue()
    assert extent.more(data, "TIFF") is None
    assert extent.more(data + os.urandom(9_000), "TIFF") is not None


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planes"])
@pytest.mark.parametrize("kind", ["II", "MM", "big"])
def test_what_follows_a_tiff(kind: str, layout: str, compression: str | None) -> None:
    """However it is laid out: a little is padding, more was put there by somebody."""
    pixels = np.random.default_rng(1).integers(0, 255, (90, 130, 3), dtype=np.uint8)
    layouts: dict[str, dict[str, Any]] = {
        "strips": {"rowsperstrip": 16},
        "tiles": {"tile": (32, 32)},
        "planes": {"planarconfig": "separate"},
    }
    more = layouts[layout]
    if layout == "planes":
        pixels = np.moveaxis(pixels, -1, 0).copy()
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, pixels, photometric="rgb", compression=compression, bigtiff=kind == "big",
        byteorder=">" if kind == "MM" else "<", metadata=None, **more,
    )  # fmt: skip
    data = stream.getvalue()
    assert extent.more(data, "TIFF") is None
    assert extent.more(data + os.urandom(4000), "TIFF") is None
    found = extent.more(data + os.urandom(9000), "TIFF")
    assert found is not None
    assert found[0] is Code.MORE_DATA


def test_a_strip_that_says_it_is_longer_hides_nothing() -> None:
    """What is not compressed has the size that its size in pixels gives."""
    data = bytearray(saved("TIFF"))
    at = data.index(struct.pack("<HHI", 279, 4, 1))
    struct.pack_into("<I", data, at + 8, 0x7FFFFFFF)
    found = extent.more(bytes(data) + os.urandom(9000), "TIFF")
    assert found is not None
    assert found[0] is Code.MORE_DATA


def test_sub_directories_belong_to_it() -> None:
    """A pyramid's smaller versions, and what cameras note, lie behind the strips."""
    stream, pixels = io.BytesIO(), np.zeros((120, 160, 3), "u1")
    with tifffile.TiffWriter(stream) as writer:
        writer.write(pixels, photometric="rgb", subifds=1, metadata=None)
        writer.write(pixels[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    assert extent.more(stream.getvalue(), "TIFF") is None
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = os.urandom(50_000)
    assert extent.more(saved("TIFF", exif=exif), "TIFF") is None


@pytest.mark.parametrize(("kind", "size"), [("PNG", 5000), ("WEBP", 5000)])
def test_chunks_that_no_standard_knows(kind: str, size: int) -> None:
    """A drawing program keeps its layers so; a short one is nothing."""

    def with_chunk(count: int) -> bytes:
        data, body = saved(kind), os.urandom(count)
        if kind == "PNG":
            check = zlib.crc32(b"mkBS" + body).to_bytes(4, "big")
            return data[:33] + len(body).to_bytes(4, "big") + b"mkBS" + body + check + data[33:]
        data += b"mkBS" + len(body).to_bytes(4, "little") + body
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]

    assert extent.more(with_chunk(1000), kind) is None
    found = extent.more(with_chunk(size), kind)
    assert found is not None
    assert found[0] is Code.MORE_DATA


def test_another_picture_in_the_xmp_of_a_jpeg() -> None:
    """As a camera program keeps what it made a blurred picture from."""
    plain, head = saved("JPEG"), b"http://ns.adobe.com/xmp/extension/\0"
    for sign, kept in ((b"GImage:Data", True), (b"crs:Edits", False)):
        body = head + b"0" * 40 + b"<rdf:Description " + sign + b'="' + b"A" * 30_000 + b'"/>'
        found = extent.more(
            plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:], "JPEG"
        )
        assert (found is not None and found[0] is Code.MORE_DATA) is kept

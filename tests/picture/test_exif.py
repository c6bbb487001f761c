"""EXIF goes along upright and without the thumbnail of what was cut away."""

import struct

import pytest
from PIL import Image

from nobgd.picture.exif import neutral


def block(order: str = "<", *, thumbnail: bytes = b"") -> bytes:
    """A TIFF block with Make and Orientation 6, then a directory with a thumbnail."""
    mark = b"II" if order == "<" else b"MM"
    make = b"Nobgd\0"
    second = 8 + 2 + 2 * 12 + 4 + len(make) if thumbnail else 0
    out = mark + struct.pack(order + "HIH", 42, 8, 2)
    out += struct.pack(order + "HHII", 0x010F, 2, len(make), 38)
    out += struct.pack(order + "HHIHH", 0x0112, 3, 1, 6, 0)
    out += struct.pack(order + "I", second) + make
    if thumbnail:
        start = second + 2 + 2 * 12 + 4
        out += struct.pack(order + "H", 2)
        out += struct.pack(order + "HHII", 0x0201, 4, 1, start)
        out += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
        out += struct.pack(order + "I", 0) + thumbnail
    return out


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_becomes_1_and_the_rest_stays(order: str) -> None:
    """Both byte orders; a JPEG's prefix is taken off."""
    kept = neutral(b"Exif\0\0" + block(order))
    assert kept is not None
    exif = Image.Exif()
    exif.load(kept)
    assert exif[0x0112] == 1
    assert exif[0x010F] == "Nobgd"


def test_the_thumbnail_is_gone() -> None:
    """A preview would show the background that was cut away."""
    before = block(thumbnail=b"\xff\xd8secret\xff\xd9")
    kept = neutral(before)
    assert kept is not None
    assert b"secret" not in kept
    assert len(kept) < len(before)


def test_a_thumbnail_in_the_middle_is_blanked_in_place() -> None:
    """Offsets behind it must still hold."""
    before = block(thumbnail=b"\xff\xd8secret\xff\xd9") + bytes(range(64))
    kept = neutral(before)
    assert kept is not None
    assert b"secret" not in kept
    assert len(kept) == len(before)
    assert kept.endswith(bytes(range(64)))


@pytest.mark.parametrize(
    "damaged", [b"", b"Exif\0\0", b"XX*\0", block()[:20], block()[:4] + b"\xff" * 4 + block()[8:]]
)
def test_damaged_exif_is_dropped(damaged: bytes) -> None:
    """It is left out; it never costs the photo."""
    assert neutral(damaged) is None

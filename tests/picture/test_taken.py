"""When a photo was taken, by its first bytes."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

import pytest
from PIL import Image

from nobgd.picture import taken

WHEN = "2026:11:29 16:04:05"


def exif(when: str = WHEN) -> Image.Exif:
    """A camera's note."""
    found = Image.Exif()
    found.get_ifd(34665)[36867] = when
    return found


def made(kind: str, image: Image.Image | None = None, **more: Any) -> bytes:
    if kind == "TIFF":
        return exif().tobytes().removeprefix(b"Exif\0\0")  # a raw photo's first directories
    buffer = io.BytesIO()
    (image or Image.new("RGB", (64, 48), "red")).save(buffer, kind, exif=exif(), **more)
    return buffer.getvalue()


def heic(side: int) -> bytes:
    """One of noise, about a byte a pixel: what it notes lies behind the picture."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    return made("HEIF", Image.effect_noise((side, side), 90), quality=80)


def at(data: bytes) -> str | None:
    return taken.at(lambda place, count: data[place : place + count], len(data))


def canon() -> bytes:
    """What a CR3 has: boxes, and in one of them a TIFF whose first directory has the time."""
    text = WHEN.encode() + b"\0"
    entry = struct.pack("<HHII", 36867, 2, len(text), 26)
    block = b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4) + text
    return b"\0\0\0\x18ftypcrx " + bytes(40) + struct.pack(">I", 8 + len(block)) + b"CMT2" + block


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "HEIF", "canon"])
def test_the_cameras_note_is_found(kind: str) -> None:
    """In every file that may be half of a pair."""
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = canon() if kind == "canon" else made(kind)
    assert at(data) == WHEN


def test_the_note_of_a_large_heic_is_found_behind_its_picture() -> None:
    """Where libheif puts it; what is read are the beginning, the boxes and the note alone."""
    data, read = heic(800), []
    assert data.index(WHEN.encode()) > 300_000

    def peek(place: int, count: int) -> bytes:
        read.append(count)
        return data[place : place + count]

    assert taken.at(peek, len(data)) == WHEN
    assert sum(read) < 300_000
    assert at(data[: len(data) - 400]) is None  # it has not arrived


@pytest.mark.parametrize("data", [b"", b"II", b"II*\0", b"Exif\0\0II*\0" * 99, b"CMT2MM\0*"])
def test_no_note_is_no_time(data: bytes) -> None:
    """Neither is a block that is cut."""
    assert at(data) is None


def test_noise_is_no_time() -> None:
    """Flipped bytes and cuts end in a time or in none, in nothing else."""
    chance = random.Random(1)
    whole = [made("JPEG"), made("TIFF"), canon(), heic(64)]
    for _ in range(2000):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        found = at(bytes(data[: chance.randrange(len(data))]))
        assert found is None or len(found) == len(WHEN)

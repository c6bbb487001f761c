"""What is read at all is decided from a few kilobytes of the file."""

import contextlib
import io
import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nobgd.picture import decode, reach, source
from nobgd.picture.admission import admit
from nobgd.values import Code, NobgdError

GIB = 1 << 30
PIXELS = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)


class Peeked:
    """A file of which only the first bytes are real; counts what was looked at."""

    def __init__(self, head: bytes, size: int, tail: bytes = b"") -> None:
        self.head, self.size, self.tail, self.seen = head, size, tail, 0

    def __call__(self, offset: int, count: int) -> bytes:
        count = max(0, min(count, self.size - offset))
        self.seen += count
        at = self.size - len(self.tail)
        if offset >= at:
            return self.tail[offset - at : offset - at + count]
        return (self.head[offset : offset + count] + bytes(count))[:count]


def judged(head: bytes, size: int, tail: bytes = b"", megapixels: float = 200.0) -> Code | None:
    peek = Peeked(head, size, tail)
    try:
        admit(peek, size, megapixels)
    except NobgdError as error:
        return error.code if len(error.reason) > 30 else None
    finally:
        assert peek.seen < 1 << 20
    return None


def saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"\0\0\0\x18ftypmp42", Code.UNSUPPORTED), (b"\x1aE\xdf\xa3", Code.UNSUPPORTED),
        (b"", Code.TRUNCATED), (os.urandom(4096), Code.NOT_A_PICTURE),
        (b"PK\3\4" + b"zip" * 900, Code.NOT_A_PICTURE), (b"BM" + bytes(70), Code.NOT_A_PICTURE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [5000, 3 * GIB])
def test_what_is_no_picture_is_refused_by_its_first_bytes(
    head: bytes, code: Code, size: int
) -> None:
    """A film, an archive, noise, a file without content: of any length."""
    assert judged(head, size) is code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_gigabytes_behind_a_small_picture_are_not_read(kind: str) -> None:
    """The header tells how many bytes the picture can need."""
    data = saved(kind)
    assert judged(data, len(data)) is None
    assert judged(data, 40 << 20) is None
    assert judged(data, 3 * GIB) is Code.TOO_LARGE


def test_a_header_that_tells_nothing_is_not_followed_by_gigabytes() -> None:
    """A JPEG without a frame, a TIFF without a directory."""
    for head in (b"\xff\xd8\xff\xe0\0\2" * 2, b"II*\0\0\0\0\0", b"\x89PNG\r\n\x1a\n", b"MM\0*"):
        assert judged(head + bytes(40), 3 * GIB) is Code.BROKEN
        assert judged(head + bytes(40), 1 << 20) is None  # small: left to those with the sentences
    assert judged(b"RIFF\xff\xff\xff\xbfWEBPVP8X", 3 * GIB) is Code.TOO_LARGE


def test_large_segments_before_the_frame_are_stepped_over() -> None:
    """A JPEG with megabytes of metadata first; its frame is found."""
    data = saved("JPEG")
    segment = b"\xff\xe2\xff\xff" + bytes(65533)
    assert judged(data[:2] + segment * 300 + data[2:], 30 << 20) is None
    assert judged(data[:2] + segment * 300 + data[2:], 3 * GIB) is Code.TOO_LARGE


def test_the_directory_of_a_tiff_may_lie_at_its_end() -> None:
    """As most scanners write it: pixels first."""
    width, height = 20_000, 9_000
    entries = [(254, 4, 1, 0), (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8)]
    entries.append((277, 3, 1, 3))
    size = width * height * 3 + 4096
    tail = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
    tail += bytes(4)
    head = struct.pack("<2sHI", b"II", 42, size - len(tail))
    assert judged(head, size, tail) is None
    assert judged(head, size, tail, megapixels=100) is Code.TOO_LARGE
    assert judged(struct.pack("<2sHI", b"II", 42, 4 * GIB - 4 - len(tail)), 4 * GIB - 4, tail) is (
        Code.TOO_LARGE
    )


def test_every_page_of_a_tiff_may_have_its_bytes() -> None:
    """A scan of many pages is larger than its first."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for _ in range(60):
            writer.write(np.zeros((1000, 1000, 3), np.uint8), photometric="rgb", contiguous=False)
    data = out.getvalue()
    assert len(data) > 128 << 20
    admit(lambda at, count: data[at : at + count], len(data), 200.0)


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_in_millions_of_strips_is_refused_before_they_are_listed(big: bool) -> None:
    """Twenty million strips took 40 seconds to list."""
    if big:
        entry, order = struct.Struct("<HHQQ"), struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
        count = struct.pack("<Q", 3)
    else:
        entry, order = struct.Struct("<HHII"), struct.pack("<2sHI", b"II", 42, 8)
        count = struct.pack("<H", 3)
    body = [(256, 4, 1, 1), (257, 4, 1, 20_000_000), (273, 4, 20_000_000, 4096)]
    data = order + count + b"".join(entry.pack(*each) for each in body) + bytes(8)
    assert judged(data, 160 << 20) is Code.UNSUPPORTED


def test_a_tiffs_preview_does_not_stand_for_its_picture() -> None:
    """The page that is no reduced version decides."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(PIXELS[::4, ::4].copy(), photometric="rgb", subfiletype=1)
        writer.write(PIXELS, photometric="rgb")
    data = out.getvalue()
    assert judged(data, len(data), megapixels=0.1) is Code.TOO_LARGE
    assert judged(data, len(data), megapixels=0.2) is None


def test_directories_that_point_to_each_other_end() -> None:
    """A circle of pages is walked once."""
    data = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HHHII", 1, 256, 3, 1, 7)
    data += struct.pack("<I", 8)
    assert judged(data, len(data)) is None


def test_a_refused_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what `admit` asked for comes off the disk."""
    with (tmp_path / "film.jpg").open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42")
        file.truncate(3 * GIB)
    monkeypatch.setattr(os, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(NobgdError) as caught:
        source.read(
            str(tmp_path), "film.jpg", max_bytes=8 * GIB,
            admit=lambda peek, size: admit(peek, size, 200.0),
        )  # fmt: skip
    assert "a video" in caught.value.reason


def test_no_number_in_a_header_is_too_large_to_be_looked_at(tmp_path: Path) -> None:
    """BigTIFF's offsets have 64 bits, a file's positions 63: such a header is refused, no more."""
    draw = random.Random(1)
    edges = (0, 1, 8, 16, 300, 1 << 31, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
    tags = (254, 256, 257, 258, 259, 273, 277, 278, 279, 322, 324, 330, 513, 514, 34665)
    for number in range(2000):
        entries = [
            struct.pack("<HHQQ", tag, draw.choice([1, 3, 4, 16, 18]), draw.choice(edges[:7]),
                        draw.choice(edges))
            for tag in tags if draw.random() < 0.7
        ]  # fmt: skip
        first = draw.choice(edges) if number % 4 == 0 else 16
        data = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, first, len(entries)) + b"".join(entries)
        data += struct.pack("<Q", draw.choice(edges)) + bytes(200)
        (tmp_path / "a.tif").write_bytes(data)
        reach.end(data)
        with contextlib.suppress(NobgdError):
            found = source.read(
                str(tmp_path), "a.tif", admit=lambda peek, size: admit(peek, size, 200.0)
            )
            decode.look(found.data)
            decode.finished(found.data, decode.look(found.data))

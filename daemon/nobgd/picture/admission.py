"""May this file be read at all?  Decided from a few kilobytes: its kind, its pixels, its bytes.

A film that is called .jpg, or a picture with gigabytes behind it, would fill a lane's memory
before its first byte was looked at.  How many bytes a picture can need follows from its size:

- compressed pixels are hardly ever larger than plain ones (noise as JPEG of the best quality
  takes 1.3 times, stored deflate 1.0003 times, packbits 1.008): twice is room enough;
- what is not pixels (profiles, previews, a motion photo's film, pages after the first) is as
  much as it is: 128 MB, which no camera comes near to.

Files of up to 16 MB are read in any case, since looking twice would cost more; and a header
that is not understood here is left to `header`, which has the sentences, up to 64 MB.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nobgd.picture import boxes
from nobgd.picture.kinds import kind_of
from nobgd.picture.png_chunks import raw_size
from nobgd.picture.source import Peek
from nobgd.values import Code, NobgdError
from nobgd.values.article import an

_HEAD = 4096
_SMALL, _UNKNOWN = 16 << 20, 64 << 20
_RAW = 256 << 20  # a raw photo whose size its maker's tags alone tell; 102 megapixels have 220 MB
_BESIDES = 128 << 20
_PIXELS_TWICE = 2
_MOST_SEGMENTS = 2_000  # before a JPEG's frame: 65 kB each
_MOST_PAGES = 64
_SUB_DIRECTORIES, _MOST_BELOW = 330, 8
_MOST_TAGS = 4_096
MOST_BLOCKS = 1_000_000  # strips or tiles of a TIFF: listing more takes seconds


@dataclass(frozen=True, slots=True)
class Extent:
    """What a header says of its picture's size."""

    width: int  # pixels
    height: int
    plain: int  # bytes of all pixels uncompressed, of every page

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6


def admit(peek: Peek, size: int, max_megapixels: float) -> None:
    """Raises `NobgdError` for what is not to be read: what it is not, or too much of it."""
    if size == 0:
        return
    kind = kind_of(peek(0, _HEAD))
    if size <= _SMALL and kind != "TIFF":
        return
    try:
        found = _READERS[kind](peek, size)
    except (struct.error, IndexError, ValueError):
        found = None
    if found is None:
        if size > (_RAW if kind == "RAW" else _UNKNOWN):
            raise NobgdError(
                Code.BROKEN,
                f"{an(kind)} of {size / 2**20:,.0f} MiB whose header tells no size;"
                " export it again",
            )
        return
    if found.megapixels > max_megapixels:
        raise too_many_pixels(found.megapixels, max_megapixels)
    limit = _PIXELS_TWICE * found.plain + _BESIDES
    if size > limit:
        raise NobgdError(
            Code.TOO_LARGE,
            f"the file has {size / 2**20:,.0f} MiB, but {an(kind)} of {found.width}x{found.height}"
            f" pixels needs {limit / 2**20:,.0f} at most; export the picture alone",
        )


def too_many_pixels(megapixels: float, allowed: float) -> NobgdError:
    """The refusal of a picture that is larger than the configuration takes."""
    return NobgdError(
        Code.TOO_LARGE,
        f"it has {megapixels:,.0f} megapixels, more than the {allowed:g} allowed; raise"
        " workers.max_megapixels to take it",
    )


def _jpeg(peek: Peek, _: int) -> Extent | None:
    """The first frame header (ITU T.81, B.2.2), segments before it stepped over."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        head = peek(at, 10)
        if len(head) < 10 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, count = struct.unpack(">BHHB", head[4:])
            return Extent(width, height, width * height * max(count, 3) * (1 + (bits > 8)))
        elif marker in (0xD9, 0xDA):
            return None
        else:
            at += 2 + int.from_bytes(head[2:4], "big")
    return None


def _png(peek: Peek, _: int) -> Extent | None:
    head = peek(8, 25)
    if head[4:8] != b"IHDR":
        return None
    width, height = struct.unpack(">II", head[8:16])
    return Extent(width, height, raw_size(head[8:21]))


def _webp(peek: Peek, _: int) -> Extent | None:
    """The canvas (RFC 9649, 2.5 to 2.7); a film's frames are part of what comes besides."""
    head = peek(12, 18)
    kind, body = head[:4], head[8:]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        return None
    return Extent(width, height, width * height * 4)


def _tiff(peek: Peek, _: int) -> Extent | None:
    """The picture's page, which is the first that is no smaller version of another; all bytes."""
    head = peek(0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    at = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    picture, plain, seen = None, 0, set[int]()
    while at and at not in seen and len(seen) < _MOST_PAGES:
        seen.add(at)
        tags, at, below = _directory(peek, at, order, big)
        width, height = tags.get(256, (1, 0))[1], tags.get(257, (1, 0))[1]
        plain += _plain(tags)
        for place in below:  # where raw photos have their sensor's samples
            plain += _plain(_directory(peek, place, order, big)[0])
        if max(tags.get(273, (0, 0))[0], tags.get(324, (0, 0))[0]) > MOST_BLOCKS:
            raise NobgdError(
                Code.UNSUPPORTED,
                f"a TIFF in more than {MOST_BLOCKS:,} strips or tiles; export it in larger ones",
            )
        if picture is None or (picture[2] and not tags.get(254, (1, 0))[1] & 1):
            picture = (width, height, tags.get(254, (1, 0))[1] & 1)
    return None if picture is None else Extent(picture[0], picture[1], plain)


def _plain(tags: dict[int, tuple[int, int]]) -> int:
    width, height = tags.get(256, (1, 0))[1], tags.get(257, (1, 0))[1]
    samples, bits = tags.get(277, (1, 1))[1], tags.get(258, (1, 1))[1]
    return width * height * max(samples, 1) * max(1, -(-bits // 8))


def _directory(
    peek: Peek, at: int, order: str, big: bool
) -> tuple[dict[int, tuple[int, int]], int, tuple[int, ...]]:
    """A page's tags, how many values each has and the first of them; where the next page is.

    And where those below it are (TIFF Technical Note 1: SubIFDs), the first few.
    """
    width, form, lead = (20, "HHQ", 8) if big else (12, "HHI", 2)
    (count,) = struct.unpack(order + ("Q" if big else "H"), peek(at, lead))
    if count > _MOST_TAGS:
        raise ValueError("no directory has so many tags")
    body = peek(at + lead, count * width + lead + 2)
    tags: dict[int, tuple[int, int]] = {}
    below: tuple[int, ...] = ()
    for entry in range(0, count * width, width):
        tag, kind, number = struct.unpack_from(order + form, body, entry)
        size = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind)
        value = 0
        if size is not None:
            where = entry + struct.calcsize("=" + form)
            room = 8 if big else 4
            source, offset = body, where
            if number * struct.calcsize("=" + size) > room:
                (far,) = struct.unpack_from(order + ("Q" if big else "I"), body, where)
                source, offset = peek(far, 8 * _MOST_BELOW), 0
            if number:
                (value,) = struct.unpack_from(order + size, source, offset)
            if tag == _SUB_DIRECTORIES:
                few = min(number, _MOST_BELOW)
                below = struct.unpack_from(f"{order}{few}{size}", source, offset)
        tags.setdefault(tag, (number, value))
    (after,) = struct.unpack_from(order + ("Q" if big else "I"), body + bytes(8), count * width)
    return tags, after, below


def _boxes(peek: Peek, size: int) -> Extent:
    found = boxes.survey(peek, size)
    width, height = found.size
    return Extent(width, height, width * height * 4 * (1 + (found.bits > 8)))


def _gif(peek: Peek, _: int) -> Extent:
    width, height = struct.unpack("<HH", peek(6, 4))
    return Extent(width, height, width * height)


def _bmp(peek: Peek, _: int) -> Extent:
    head = peek(14, 12)
    if head[0] == 12:
        width, height = struct.unpack_from("<HH", head, 4)
    else:
        width, height = (abs(each) for each in struct.unpack_from("<ii", head, 4))
    return Extent(width, height, width * height * 4)


def _raw(peek: Peek, size: int) -> Extent | None:
    """That of a raw photo which is laid out as a TIFF is; None for the others."""
    return _tiff(peek, size) if peek(0, 2) in (b"II", b"MM") and peek(2, 1) in b"*R" else None


_READERS = {
    "JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "TIFF": _tiff, "HEIF": _boxes, "AVIF": _boxes,
    "GIF": _gif, "BMP": _bmp, "RAW": _raw,
}  # fmt: skip

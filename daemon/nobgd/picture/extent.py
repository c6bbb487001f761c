"""What a photo's file holds besides the picture that is cut out of it; pure, nothing is decoded.

A cut-out stands for one picture.  Further pages of a scan, frames of an animation, the second
view of a stereo photo, the film of a motion photo and layers are lost with the original, so it
is kept for them.  What every camera adds is no reason: thumbnails and previews (smaller versions
of the same picture, said to be that by their type), gain maps, and short trailers.

Sources: TIFF 6.0 and its Supplement 1 (NewSubfileType); Adobe Photoshop TIFF Technical Notes
(ImageSourceData); CIPA DC-007 (MPF); Adobe XMP Specification Part 3 (extended XMP); RFC 9649
(WebP); PNG, 3rd edition, 11.3.2 (acTL); ITU T.81.
"""

from __future__ import annotations

import re

from nobgd.picture import bitmap, boxes, gif_blocks, reach
from nobgd.values import Code

_SLACK = 4096  # bytes behind the end that are no picture: padding, a camera's own few words
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # a marker in entropy-coded data
_GAIN_MAP = (b"hdrgm:", b"HDRGainMap", b"urn:iso:std:iso:ts:21496:-1")
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\0"
_IN_XMP = (b"GImage:Data", b"GAudio:Data", b"GDepth:Data")
_PNG_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV mDCv cLLI cLLi tEXt zTXt iTXt"
    b" bKGD hIST pHYs sPLT eXIf tIME acTL fcTL fdAT oFFs pCAL sCAL sTER dSIG caBX iDOT".split()
)
_WEBP_CHUNKS = frozenset(
    (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"EXIF", b"XMP ", b"ANIM", b"ANMF", b"C2PA")
)
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _LAYERS = 254, 255, 37724
_REDUCED_OR_MASK = 0b101  # bits of NewSubfileType
_PAGES = 10_000  # of a TIFF, looked at; also what ends a chain that leads round in a circle
_MPF_ENTRIES, _MPF_THUMBNAILS = 0xB002, (0x010001, 0x010002)


def more(data: bytes, kind: str) -> tuple[Code, str] | None:
    """What would be lost with the file: a code and a part of a sentence; None for nothing.

    ``kind`` is one of `kinds.FORMATS`.
    """
    match kind:
        case "HEIF" | "AVIF":
            return _boxes(data)
        case "GIF":
            found = gif_blocks.survey(data)
            return _pictures(found.frames, "frames") or _behind(data, found.end)
        case "BMP":
            end = bitmap.size(data)[2]
            return _behind(data, end) if end else None
        case "RAW":
            return Code.MORE_DATA, "it is a raw photo, for which no cut-out stands"
        case "TIFF":
            return _tiff(data)
        case "PNG":
            return _png(data)
        case "WEBP":
            return _webp(data)
        case "JPEG":
            return _jpeg(data)
    return None


def _pictures(count: int, what: str) -> tuple[Code, str] | None:
    return (Code.MORE_PICTURES, f"it holds {count} {what}, of which one was cut out") if (
        count > 1
    ) else None  # fmt: skip


def _behind(data: bytes, end: int) -> tuple[Code, str] | None:
    """What follows the end of the picture, where that is more than padding."""
    rest = data[end:].strip(b"\0\xff \r\n")
    if len(rest) <= _SLACK:
        return None
    what = "a film" if b"ftyp" in rest[:64] or b"MotionPhoto" in rest else "other data"
    return Code.MORE_DATA, f"{what} of {len(rest):,} bytes follows the picture in its file"


def _private(count: int) -> tuple[Code, str] | None:
    """Chunks that no standard knows: of a drawing program, or put there by hand."""
    if count <= _SLACK:
        return None
    return Code.MORE_DATA, f"{count:,} bytes in it are no part of the picture (layers, say)"


def _boxes(data: bytes) -> tuple[Code, str] | None:
    found = boxes.of(data)
    if found.film:
        return Code.MORE_DATA, "the film of a motion photo is in its file"
    return (
        _pictures(found.pictures(), "pictures")
        or _pictures(found.frames, "frames")
        or _behind(data, found.boxes_end)
    )


def _png(data: bytes) -> tuple[Code, str] | None:
    at, private = 8, 0
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"acTL":
            frames = int.from_bytes(data[at + 8 : at + 12], "big")
            if frames > 1:
                return _pictures(frames, "frames")
        private += length if kind not in _PNG_CHUNKS else 0
        at += 12 + length
        if kind == b"IEND":
            return _private(private) or _behind(data, at)
    return None


def _webp(data: bytes) -> tuple[Code, str] | None:
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    at, frames, private = 12, 0, 0
    while at + 8 <= end:
        kind = data[at : at + 4]
        frames += kind == b"ANMF"
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if kind not in _WEBP_CHUNKS and all(0x20 <= byte < 0x7F for byte in kind):
            private += min(length, end - at)
        at += 8 + length + (length & 1)
    return _pictures(frames, "frames") or _private(private) or _behind(data, end)


def _jpeg(data: bytes) -> tuple[Code, str] | None:
    """Segments are stepped over to the scans, those to the first EOI; then see what is behind."""
    at, pictures, accounted, inner = 2, 1, 0, False
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            found = _MARKER.search(data, at)
            if found is None:
                return None
            at = found.start()
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            end = at + 2
            if pictures > 1:
                return _pictures(pictures, "pictures")
            if inner:
                return Code.MORE_DATA, "its XMP holds another picture, a sound or a depth map"
            return _behind(data, max(end, accounted))
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xE2 and data[at + 4 : at + 8] == b"MPF\0":
            pictures, accounted = _mpf(data, at + 8, at + 2 + length)
        if marker == 0xE1 and data.startswith(_XMP_MORE, at + 4):
            inner = inner or any(data.find(each, at, at + 2 + length) > 0 for each in _IN_XMP)
        at += 2 + length
        if marker == 0xDA:
            found = _MARKER.search(data, at)
            if found is None:
                return None
            at = found.start()
    return None


def _mpf(data: bytes, base: int, end: int) -> tuple[int, int]:
    """How many pictures a multi-picture JPEG has, and where the last of those known ends.

    Large thumbnails do not count, nor does the one that a gain map comes as.
    """
    block = data[base:end]
    order = "little" if block[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(block[at : at + size], order)  # type: ignore[arg-type]

    directory = number(4, 4)
    for entry in range(min(number(directory, 2), 64)):
        at = directory + 2 + 12 * entry
        if number(at, 2) != _MPF_ENTRIES:
            continue
        count, where = min(number(at + 4, 4) // 16, 256), number(at + 8, 4)
        pictures, last = 1, 0
        gain_maps = any(sign in data[: 1 << 18] for sign in _GAIN_MAP)
        for each in range(1, count):
            row = where + 16 * each
            kind, size, offset = number(row, 4) & 0xFFFFFF, number(row + 4, 4), number(row + 8, 4)
            if kind in _MPF_THUMBNAILS or (kind == 0 and gain_maps):
                if data[base + offset : base + offset + 2] == b"\xff\xd8":
                    last = max(last, base + offset + size)
            else:
                pictures += 1
        return pictures, min(last, len(data))
    return 1, 0


def _tiff(data: bytes) -> tuple[Code, str] | None:
    """The chain of directories: each is a page unless it says that it is a smaller version."""
    order = "little" if data[:2] == b"II" else "big"
    big = data[2:4] in (b"+\0", b"\0+")
    width, entry_size = (8, 20) if big else (4, 12)

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    at, pages, layers, looked_at = number(8 if big else 4, width), 0, False, set[int]()
    while 0 < at < len(data) and at not in looked_at and len(looked_at) < _PAGES:
        looked_at.add(at)
        entries = number(at, 8 if big else 2)
        first = at + (8 if big else 2)
        if first + entry_size * entries + width > len(data):
            break
        kind = old_kind = 0
        for entry in range(first, first + entry_size * entries, entry_size):
            tag, value = number(entry, 2), entry + (12 if big else 8)
            if tag == _NEW_SUBFILE_TYPE:
                kind = number(value, 4)
            elif tag == _SUBFILE_TYPE:
                old_kind = number(value, 2)
            elif tag == _LAYERS:
                layers = layers or number(entry + 4, width) > _SLACK
        pages += not (kind & _REDUCED_OR_MASK or old_kind == 2)
        at = number(first + entry_size * entries, width)
    if layers and pages < 2:
        return Code.MORE_DATA, "it holds layers, which the cut-out does not"
    return _pictures(pages, "pages") or _behind(data, reach.end(data))

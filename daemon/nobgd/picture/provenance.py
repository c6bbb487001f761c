"""The note every output carries about itself: from which source, by which recipe.

In a PNG it is a text chunk with keyword ``nobgd`` right behind IHDR (PNG, 3rd edition,
11.3.3.2 tEXt), in a JPEG or WebP an XMP packet among the first of the file (see `xmp`), so a few
kilobytes of the file tell whose it is and a lost ledger costs no rework.  Pure functions over
bytes and binary streams.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import asdict, dataclass
from typing import BinaryIO

from nobgd.picture import jpeg_note, webp_note
from nobgd.values import Code

KEYWORD = b"nobgd\0"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD_BYTES = 65_536  # a 4,096-byte path, every byte escaped to six, and room to spare
_BLOCK = 1 << 20
_SIZE = re.compile(r"\d{1,10}x\d{1,10}")
# what the note may say of why a source has to stay; anything else is not known
_KEEP = ("", Code.DAMAGED, Code.MORE_PICTURES, Code.MORE_DATA, Code.NOTHING_FOUND)


@dataclass(frozen=True, slots=True)
class Note:
    """What an output says of itself."""

    source: str  # relative to its inbox
    inbox: str  # key of the inbox (a digest: outputs get shared, paths should not)
    sha256: str  # of the source's bytes
    recipe: str  # Recipe.key
    version: str  # of nobgd
    confidence: float = 0.0  # subject_confidence of the mask
    keep: str | None = None  # why the source has to stay, as in `values.Done`; None: not known
    photo: str | None = None  # "4000x3000": of the upright photo, where the output may be of
    # another size; None: it is of the same
    doubt: float | None = None  # see `picture.doubt`; None: not known
    developed: bool | None = None  # a raw photo, as `raw: develop` asks; None: it is not, or no raw


def text(note: Note) -> bytes:
    """The note as ASCII JSON."""
    fields = {name: value for name, value in asdict(note).items() if value is not None}
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def chunk(note: Note) -> bytes:
    """The complete tEXt chunk: length, type, keyword, ASCII JSON, CRC."""
    return frame(b"tEXt", KEYWORD + text(note))


def frame(kind: bytes, data: bytes) -> bytes:
    """Wrap ``data`` as one PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def find(head: bytes) -> Note | None:
    """The note in the first `HEAD_BYTES` of an output, or None if there is none to be read."""
    if head.startswith(jpeg_note.MAGIC):
        said = jpeg_note.said(head)
        return None if said is None else _parse(said[0])
    if webp_note.is_webp(head):
        said = webp_note.said(head)
        return None if said is None else _parse(said[0])
    if not head.startswith(SIGNATURE):
        return None
    at = len(SIGNATURE)
    while at + 12 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, at)
        data = head[at + 8 : at + 8 + length]
        if kind == b"IDAT" or len(data) < length:
            return None
        if kind == b"tEXt" and data.startswith(KEYWORD):
            return _parse(data[len(KEYWORD) :])
        at += 12 + length
    return None


def _parse(text: bytes) -> Note | None:
    try:
        said = json.loads(text)
        names = ("source", "inbox", "sha256", "recipe", "version")
        texts = {name: str(said[name]) for name in names}
        keep, confidence = said.get("keep"), float(said.get("confidence", 0.0))
        if not 0 <= confidence <= 1:  # nor a NaN: nobody's note of ours
            return None
        doubt = float(said["doubt"]) if "doubt" in said else None
        if doubt is not None and not 0 <= doubt <= 1:
            return None
        photo = said.get("photo")
        photo = photo if isinstance(photo, str) and _SIZE.fullmatch(photo) else None
        keep = keep if keep in _KEEP else None
        developed = True if said.get("developed") is True else None
        return Note(
            **texts, confidence=confidence, keep=keep, photo=photo, doubt=doubt,
            developed=developed,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def whole(stream: BinaryIO) -> bool:
    """Whether the output at the start of ``stream`` is complete: every sum of it is right."""
    magic = stream.read(12)
    stream.seek(-len(magic), 1)
    if magic.startswith(jpeg_note.MAGIC):
        return jpeg_note.whole(stream, HEAD_BYTES)
    if webp_note.is_webp(magic):
        return webp_note.whole(stream, HEAD_BYTES)
    return _whole_png(stream)


def exchanged(data: bytes, note: Note) -> list[bytes | memoryview] | None:
    """A whole output with ``note`` in place of its own, in parts; None where it has none."""
    if data.startswith(jpeg_note.MAGIC):
        return jpeg_note.exchanged(data, text(note))
    if webp_note.is_webp(data):
        return webp_note.exchanged(data, text(note))
    said = find(data[:HEAD_BYTES])
    old = b"" if said is None else chunk(said)
    at = data.find(old, 0, HEAD_BYTES * 2) if old else -1
    if at < 0:
        return None
    view = memoryview(data)
    return [view[:at], chunk(note), view[at + len(old) :]]


def size(stream: BinaryIO) -> tuple[int, int]:
    """Width and height of the output at the start of ``stream``, in pixels."""
    head = stream.read(30)
    if head.startswith(jpeg_note.MAGIC):
        return jpeg_note.size(stream)
    if webp_note.is_webp(head):
        return webp_note.size(head)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _whole_png(stream: BinaryIO) -> bool:
    """Every CRC right, IEND last."""
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return False
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return False
        length, kind = struct.unpack(">I4s", head)
        crc = zlib.crc32(kind)
        left = length
        while left:
            block = stream.read(min(left, _BLOCK))
            if not block:
                return False
            crc = zlib.crc32(block, crc)
            left -= len(block)
        if stream.read(4) != struct.pack(">I", crc):
            return False
        if kind == b"IEND":
            return not stream.read(1)

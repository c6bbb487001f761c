"""The note every output carries about itself: from which source, by which recipe.

It is a PNG text chunk with keyword ``nobgd`` right behind IHDR (PNG, 3rd edition,
11.3.3.2 tEXt), so a few kilobytes of the file tell whose it is and a lost ledger
costs no rework.  Pure functions over bytes and binary streams.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict, dataclass
from typing import BinaryIO

from nobgd.values import Code

KEYWORD = b"nobgd\0"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD_BYTES = 65_536  # a 4,096-byte path, every byte escaped to six, and room to spare
_BLOCK = 1 << 20
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


def chunk(note: Note) -> bytes:
    """The complete tEXt chunk: length, type, keyword, ASCII JSON, CRC."""
    fields = {name: value for name, value in asdict(note).items() if value is not None}
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
    return frame(b"tEXt", KEYWORD + text.encode("ascii"))


def frame(kind: bytes, data: bytes) -> bytes:
    """Wrap ``data`` as one PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def find(head: bytes) -> Note | None:
    """The note in the first `HEAD_BYTES` of a PNG, or None if there is none that can be read."""
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
        return Note(**texts, confidence=confidence, keep=keep if keep in _KEEP else None)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def whole(stream: BinaryIO) -> bool:
    """Whether the PNG at the start of ``stream`` is complete: every CRC right, IEND last."""
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

"""What a file is, by its first bytes; nothing is decoded here.

Sources: the formats' signatures as in file(1)'s magic; ISO 14496-12 for ftyp brands.
"""

from __future__ import annotations

import os
import re

HEAD_BYTES = 32
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_RAW = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f",
})  # fmt: skip
_SPOILT = re.compile(r"[^\w .()+,=@-]", re.UNICODE)
_LONGEST = 100  # bytes of a name that are kept


def extension(head: bytes, name: str) -> str | None:
    """The extension under which the daemon takes such a file; None: it is no picture we read."""
    own = os.path.splitext(name)[1].lower()
    if own in _RAW:
        return own
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ".webp"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return ".tif"
    if head[4:8] == b"ftyp":
        return ".avif" if head[8:12] in (b"avif", b"avis") else _iso(head)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return ".gif"
    return ".bmp" if head.startswith(b"BM") else None


def _iso(head: bytes) -> str | None:
    return ".heic" if head[8:12] in _HEIC else None


def stem(name: str) -> str:
    """What is kept of a client's name for a file: text that no folder and no shell minds."""
    plain = os.path.splitext(name.replace("\\", "/").rpartition("/")[2])[0]
    kept = _SPOILT.sub("_", plain.encode("utf-8", "replace").decode("utf-8", "replace"))
    kept = kept.strip(" .")[:_LONGEST]
    while len(kept.encode()) > _LONGEST:
        kept = kept[:-1]
    return kept or "photo"

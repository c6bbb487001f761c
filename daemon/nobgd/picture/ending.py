"""Is the end of the file there?  Cheap signs that a picture is still being copied."""

from __future__ import annotations

import re

from nobgd.picture.header import Header, jpeg_scan

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # a marker in entropy-coded data
_ZEROS = bytes(512)  # no coder of WebP ends like this


def finished(data: bytes, header: Header) -> bool:
    """Whether ``data`` reaches the end that its format announces.

    Bytes after the end (the film of a motion photo) do no harm; zeros instead of the end (a
    file that was given its size before its content) do.
    """
    match header.format:
        case "JPEG":
            return _jpeg(data)
        case "PNG":
            return _png(data)
        case "WEBP":
            return len(data) >= header.needs and not data.endswith(_ZEROS)
        case _:
            return len(data) >= header.needs


def _jpeg(data: bytes) -> bool:
    """An EOI after the main picture's scans (ITU T.81, B.1.1)."""
    at = jpeg_scan(data)
    while at is not None:
        found = _MARKER.search(data, at)
        if found is None:
            return False
        marker = data[found.start() + 1]
        if marker == 0xD9:
            return True
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return False


def _png(data: bytes) -> bool:
    """An IEND chunk at the end of the chain of chunks (PNG, 3rd edition, 5.3)."""
    at = 8
    while at + 12 <= len(data):
        kind = data[at + 4 : at + 8]
        if kind == b"IEND":
            return True
        if not kind.isalpha():
            return False
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False

"""Whether two outputs show the same picture, whatever their notes name."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from nobgd.picture import provenance

_ROUNDED = 0.01  # of a picture's values


def without_note(data: bytes) -> bytes:
    """An output without the note that names its source."""
    said = provenance.find(data[: provenance.HEAD_BYTES])
    chunk = provenance.chunk(said) if said is not None else b""
    return data.replace(chunk, b"", 1)


def apart(first: bytes, second: bytes) -> str | None:
    """How two outputs differ, in words; None where it is by no more than rounding.

    One step of 255 in a few values has been seen, once in some ten thousand photos that were cut
    out twice, and twice the same picture deflated to one to four bytes more or less, by igzip, for
    some 50 ms of a machine whose two cores were full; another photo's picture, or a part of one,
    or one without its profile, is far from it.  Both without notes.
    """
    if first == second:
        return None
    one, two = (np.asarray(Image.open(io.BytesIO(each)), np.int32) for each in (first, second))
    if one.shape != two.shape:
        return f"in size: {one.shape} and {two.shape}"
    off = np.abs(one - two)
    if not off.any() and _beside(first) == _beside(second):
        return None
    if not off.any():
        return f"in what is not the picture: {len(first)} and {len(second)} bytes"
    if off.max() == 1 and np.count_nonzero(off) <= off.size * _ROUNDED:
        return None
    return f"in {np.count_nonzero(off)} values of {off.size}, by {off.max()} at most"


def _beside(data: bytes) -> list[bytes]:
    """What a PNG has beside its pixels, and behind its end."""
    found, at = [data[:8]], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at) if len(data) - at >= 8 else (0, b"")
        end = at + 12 + length if kind else len(data)
        if kind != b"IDAT":
            found.append(data[at:end])
        at = end
    return found

"""Whether two outputs show the same picture, whatever their notes name."""

from __future__ import annotations

import io

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
    out twice; another photo's picture, or a part of one, is far from it.  Both without notes.
    """
    if first == second:
        return None
    one, two = (np.asarray(Image.open(io.BytesIO(each)), np.int32) for each in (first, second))
    if one.shape != two.shape:
        return f"in size: {one.shape} and {two.shape}"
    off = np.abs(one - two)
    if not off.any():
        return f"in what is not the picture: {len(first)} and {len(second)} bytes"
    if off.max() == 1 and np.count_nonzero(off) <= off.size * _ROUNDED:
        return None
    return f"in {np.count_nonzero(off)} values of {off.size}, by {off.max()} at most"

"""Photos of more than eight bits a sample: their own samples beside the eight of the cut-out.

The model, the mask and the edge work on eight bits.  What the photo has beyond them comes back at
the end: opaque pixels are the photo's samples, soft ones get the change that the edge made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nobgd.picture.levels import Bytes, table

Words = npt.NDArray[np.uint16]
Cut = Bytes | Words  # a cut-out, (H, W, 4): uint8, or big-endian and of 16 bits
_ROWS = 64
_STEP = 257  # of 16 bits for one of 8


def canvas(height: int, width: int) -> Words:
    """Room for samples, (H, W, 4), opaque."""
    out = np.empty((height, width, 4), np.uint16)
    out[..., 3] = 65535
    return out


@lru_cache(maxsize=4)
def _wide(bits: int) -> Words:
    white = (1 << bits) - 1
    values = np.arange(white + 1, dtype=np.int64)
    return ((values * 131070 + white) // (2 * white)).astype(np.uint16)


def sixteen(values: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Unsigned samples of 9 to 16 bits as 16, to the nearest, the shape kept."""
    return values if bits == 16 else _wide(bits)[values]


def joined(deep: Words, rgba: Bytes) -> Words:
    """The cut-out (H, W, 4) of 16 bits, big-endian as PNG has them, in the memory of ``deep``.

    ``deep`` has the photo's samples and alpha, ``rgba``, (H, W, 4) uint8, the cut-out of what
    these are in eight bits.  Where that is opaque the samples stay, where it is clear they are
    0, and between they move as far as its colours did.  An alpha that is the photo's own stays.
    """
    for top in range(0, len(deep), _ROWS):
        part, cut = deep[top : top + _ROWS], rgba[top : top + _ROWS]
        alpha = cut[..., 3]
        soft = np.flatnonzero((alpha - np.uint8(1)) < 254)
        if soft.size:
            flat = part.reshape(-1, 4)
            own = flat[soft, :3]
            moved = cut.reshape(-1, 4)[soft, :3].astype(np.int32) - table(16)[own]
            flat[soft, :3] = (own + _STEP * moved).clip(0, 65535)
        made = alpha.astype(np.uint16) * np.uint16(_STEP)
        own_alpha = part[..., 3]
        np.copyto(own_alpha, made, where=table(16)[own_alpha] != alpha)
        part[alpha == 0] = 0
        part[:] = part.astype(">u2").view(np.uint16)
    return deep.view(">u2")

"""Where the subject surely goes on: what refines its edge leaves that alone.

A model is seldom all but sure inside of a subject, and colours like the background's are found
there, too: a bird's white cheek before a white sky, the light in its eye.  An edge is where the
mask falls; where it is high all around, and colours do not say otherwise, there is none.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from nobgd.picture.blur import Floats
from nobgd.picture.levels import Bytes

Plane = TypeVar("Plane", Bytes, Floats)

_OPAQUE, _CLEAR = 250, 5  # of 255: all but opaque, all but clear
_HIGH = 230  # of 255: opaque, where all that touch it are as high
_LIKELY, _SURELY = 0.8, 0.95  # of the least near: from where on it may be the inside, and is


def decided(mask: Bytes) -> Bytes:
    """The mask, (h, w) uint8, without the model's own uncertainty.

    What is all but 0 or 255 is made so, and what is high with all around it, too.
    """
    opaque = (mask >= _OPAQUE) | (_least(mask) >= _HIGH)
    return np.where(opaque, 255, np.where(mask <= _CLEAR, 0, mask)).astype(np.uint8)


def surely(mask: Floats) -> Floats:
    """1 where a mask, (h, w), 0 to 1, is high all around, 0 where it is not, and smooth between."""
    sure: Floats = (_least(mask) - np.float32(_LIKELY)) * np.float32(1 / (_SURELY - _LIKELY))
    return sure.clip(0, 1)


def _least(plane: Plane) -> Plane:
    """The least of each pixel and the eight around it."""
    framed = np.pad(plane, 1, mode="edge")
    down = np.minimum(np.minimum(framed[:-2], framed[1:-1]), framed[2:])
    least: Plane = np.minimum(np.minimum(down[:, :-2], down[:, 1:-1]), down[:, 2:])
    return least

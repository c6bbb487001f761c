"""Finer edges by closed-form alpha matting, as rembg does it; the only importer of rembg.

Not part of the normal way: importing rembg takes 1.4 s and 224 MiB with a warm cache of
compiled code (44 s and 522 MiB with an empty one), needs a writable ``NUMBA_CACHE_DIR`` and
does not work under ``MemoryDenyWriteExecute=yes``.  So a lane calls `load` before it confines
itself.  The matting takes seconds and more than a gigabyte per megapixel: what is larger than
`SIDE` is matted at that size.
"""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from nobgd.picture.pixels import Bytes

_FOREGROUND, _BACKGROUND, _ERODE = 240, 10, 10  # rembg's defaults

SIDE = 512  # pixels of the long side


def load(cache_dir: str) -> None:
    """Import rembg and compile what it needs, into ``cache_dir`` the first time."""
    os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(cache_dir, "numba"))
    import rembg.bg  # noqa: F401 - its functions are compiled when they are imported


def refine(pixels: Bytes, mask: Bytes) -> Bytes:
    """A finer alpha, (H, W) uint8, from pixels (H, W, 3) uint8 RGB and a mask (H, W) uint8.

    Where the matting finds nothing to hold on to (no sure subject or no sure background) the
    mask comes back as it is.
    """
    from rembg.bg import alpha_matting_cutout

    image, coarse = Image.fromarray(np.ascontiguousarray(pixels)), Image.fromarray(mask)
    try:
        cutout = alpha_matting_cutout(image, coarse, _FOREGROUND, _BACKGROUND, _ERODE)
    except ValueError:  # pymatting's: an empty foreground or background
        return mask
    return np.asarray(cutout)[..., 3]

"""PNGs whose samples have more or fewer bits than eight, with Pillow's decoder and all bits.

Pillow keeps the upper byte of a 16-bit colour and drops the lower.  Read twice, once as big and
once as little endian, the same file gives both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.ImageFile import ImageFile

from nobgd.picture.deep import Words, canvas
from nobgd.picture.levels import Bytes, opaque, table

_ROWS = 64


def depth(data: bytes) -> tuple[int, int]:
    """Bits of a sample and the colour type (PNG, 3rd edition, 11.2.1)."""
    return data[24], data[25]


def sixteen(
    data: bytes, image: ImageFile, low: ImageFile | None
) -> tuple[Bytes, Bytes | None, Words]:
    """An opened PNG of 16-bit colour or alpha as (H, W, 4) uint8 RGBX, rounded, and its alpha.

    And both as they are, (H, W, 4) uint16.  ``low`` is the same file opened once more, not needed
    for grey with alpha.
    """
    kind = depth(data)[1]
    hidden = image.info.get("transparency")
    if low is None:  # grey and alpha: four bytes of a pixel, of which Pillow would drop two
        image._mode = "RGBA"
        _as(image, "RGBA")
    else:
        _as(low, f"{image.mode};16L")
        low.load()
    image.load()
    wide, high = image.size
    out = np.empty((high, wide, 4), np.uint8)
    deep = canvas(high, wide)
    alpha = np.empty((high, wide), np.uint8) if kind in (4, 6) or hidden is not None else None
    for top in range(0, high, _ROWS):
        box = (0, top, wide, min(top + _ROWS, high))
        samples = _joined(image, low, box)
        here = slice(top, box[3])
        colours = samples[..., :1] if kind == 4 else samples[..., :3]
        out[here, :, :3] = table(16)[colours]
        deep[here, :, :3] = colours
        if alpha is not None and kind in (4, 6):
            alpha[here] = table(16)[samples[..., -1]]
            deep[here, :, 3] = samples[..., -1]
        elif alpha is not None:
            alpha[here] = np.where((samples == np.array(hidden)).all(axis=2), 0, 255)
            deep[here, :, 3] = alpha[here] * np.uint16(257)
    out[..., 3] = 255
    return out, None if alpha is None else opaque(alpha), deep


def _as(image: ImageFile, raw: str) -> None:
    image.tile = [tile._replace(args=raw) for tile in image.tile]


def _joined(
    image: ImageFile, low: ImageFile | None, box: tuple[int, int, int, int]
) -> npt.NDArray[Any]:
    shape = (box[3] - box[1], box[2], -1)
    upper = np.frombuffer(image.crop(box).tobytes(), np.uint8).reshape(shape)
    if low is None:
        return upper.view(">u2").astype(np.uint16)
    lower = np.frombuffer(low.crop(box).tobytes(), np.uint8).reshape(shape)
    return upper.astype(np.uint16) << 8 | lower


def stretched(value: int, bits: int) -> int:
    """A sample of a grey PNG of 1, 2 or 4 bits as Pillow gives its pixels: of 8."""
    return int(value * 255 // ((1 << bits) - 1)) if bits < 8 else value

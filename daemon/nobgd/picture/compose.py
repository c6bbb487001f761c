"""Pixels and a mask to a cut-out with straight alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nobgd.picture.pixels import Bytes


def compose(pixels: Bytes, mask: Bytes, own_alpha: Bytes | None) -> Bytes:
    """First version: whole picture at once."""
    height, width = pixels.shape[:2]
    alpha = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.LANCZOS))
    if own_alpha is not None:
        alpha = ((alpha.astype(np.uint16) * own_alpha + 127) // 255).astype(np.uint8)
    out = np.empty((height, width, 4), np.uint8)
    out[..., :3] = pixels[..., :3]
    out[..., 3] = alpha
    np.multiply(out.view(np.uint32)[..., 0], alpha != 0, out=out.view(np.uint32)[..., 0])
    return out

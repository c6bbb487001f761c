"""A small picture of a photo or a cut-out, for people who look at many."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from nobgd.fs import publish, tree
from nobgd.lane import cost
from nobgd.picture import decode, source
from nobgd.picture.decode import Picture
from nobgd.values.errands import Preview

_QUALITY = 82  # of colours; alpha is kept as it is
_EFFORT = 2  # of 6 (libwebp, cwebp -m): 1600 pixels in 50 ms instead of 130, for 5 % more bytes


def make(errand: Preview, ask: Callable[[float], int]) -> int:
    """See `Preview`; ``ask`` blocks until so many megapixels fit.  Raises NobgdError, OSError."""
    data = source.read(errand.inbox, errand.relpath, mount=errand.mount).data
    head = decode.look(data)
    threads = ask(cost.megapixels(head, data))
    small, icc = _shown(decode.decode(data, head, threads), errand.what)
    del data
    small.thumbnail((errand.side, errand.side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=_QUALITY, method=_EFFORT, icc_profile=icc)
    with tree.within(errand.folder) as folder:
        publish.write(folder, errand.name, [stream.getbuffer()], replace=True)
    return 0


def _shown(picture: Picture, what: str) -> tuple[Image.Image, bytes]:
    """What is to be seen, in 8 bits, and the profile of its colours."""
    height, width = picture.rgbx.shape[:2]
    if what == "mask":
        alpha = picture.alpha
        grey = np.full((height, width), 255, np.uint8) if alpha is None else alpha
        return Image.fromarray(grey).convert("RGB"), b""
    if what == "in" or picture.alpha is None:
        return Image.fromarray(np.ascontiguousarray(picture.pixels)), picture.icc or b""
    rgba = picture.rgbx.copy()
    rgba[..., 3] = picture.alpha
    return Image.fromarray(rgba, "RGBA"), picture.icc or b""

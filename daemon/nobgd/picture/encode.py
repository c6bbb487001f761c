"""RGBA and metadata to the parts of a PNG file."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from nobgd.picture.pixels import Bytes

_LEVELS = {"fast": 1, "balanced": 6, "small": 9}


def encode(
    rgba: Bytes,
    *,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    exif: bytes | None,
    extra: Sequence[bytes] = (),
    compression: str = "fast",
    threads: int = 1,
) -> list[bytes | memoryview]:
    """First version: Pillow."""
    height, width = rgba.shape[:2]
    image = Image.frombuffer("RGBA", (width, height), rgba.data, "raw", "RGBA", 0, 1)
    out = io.BytesIO()
    kept = {"icc_profile": icc, "dpi": dpi, "exif": exif}
    image.save(
        out, "PNG", compress_level=_LEVELS[compression],
        **{name: value for name, value in kept.items() if value},
    )  # fmt: skip
    whole = out.getbuffer()
    return [whole[:33], *extra, whole[33:]]

"""What a photo takes of memory while it is worked on, in megapixels of an ordinary one.

Measured at 40 megapixels, every pixel opaque, in MB of 10^6 bytes a megapixel, file included: JPEG
and 8-bit PNG 6 to 12; JPEG in CMYK 17; WebP 19; TIFF up to 27 (CMYK).
At 12: PNG of 16 bits 27, with alpha 29; TIFF of 16 bits 24; HEIC of 10 bits 22.  The supervisor
reckons 16 for one (`pool.memory`), so none counts for less than it has.
"""

from __future__ import annotations

from nobgd.picture.header import Header
from nobgd.picture.jpeg_layout import frame
from nobgd.picture.rendering.frame import frame as framed
from nobgd.values import Rendering

_INKS, _DEEP, _WEBP, _TIFF = 18 / 16, 30 / 16, 20 / 16, 28 / 16
_HEIF, _RAW = 26 / 16, 32 / 16
_PNG_DEPTH = 24  # where a PNG says how many bits a sample has


def megapixels(header: Header, data: bytes) -> float:
    """What to ask the supervisor for."""
    return header.megapixels * _factor(header, data)


def page(header: Header, rendering: Rendering) -> float:
    """What a page beside the photo takes: half of what a photo of its size would.

    It is largest where all of the photo is subject, be it upright or not.
    """
    if not rendering.reframes:
        return 0.0
    sides = (header.width, header.height)
    pages = [framed(size, (0, 0, *size), rendering).page for size in (sides, sides[::-1])]
    return max(wide * high for wide, high in pages) / 1e6 / 2


def _factor(header: Header, data: bytes) -> float:
    match header.format:
        case "JPEG":
            found = frame(data)
            return _INKS if found is not None and found.channels > 3 else 1.0
        case "PNG":
            return _DEEP if data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10" else 1.0
        case "WEBP":
            return _WEBP
        case "HEIF" | "AVIF":
            return _HEIF
        case "RAW":
            return _RAW
        case "GIF" | "BMP":
            return _WEBP
        case _:
            return _TIFF

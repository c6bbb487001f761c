"""JPEG pixels from libjpeg-turbo, and its warnings: which mean that something was lost.

libjpeg goes on after damage with grey or repeated pixels and a warning.  `simplejpeg` raises
the first of these; Pillow drops them all.  `jpeg_scan` has taken out what is harmless before.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import simplejpeg

from nobgd.picture.jpeg_scan import EOI, without_metadata
from nobgd.picture.pixels import Bytes
from nobgd.values import Code, NobgdError

_LOST = re.compile(r"corrupt jpeg data|premature end", re.IGNORECASE)
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_HARMLESS = re.compile(
    r"inconsistent progression|unknown adobe|invalid sos parameters", re.IGNORECASE
)
_PROFILE = re.compile(r"bad icc marker", re.IGNORECASE)
_MOST_PADDING = 256  # bytes between the last block and EOI that some cameras leave


def rgbx(data: bytes) -> tuple[Bytes, tuple[str, ...]]:
    """The pixels, (H, W, 4) uint8, and what the decoder complained of without losing any.

    Raises `NobgdError` BROKEN or TRUNCATED for lost data, ValueError for what `simplejpeg`
    cannot decode at all, about which Pillow may be asked.
    """
    try:
        return simplejpeg.decode_jpeg(data, colorspace="RGBA"), ()
    except ValueError as error:
        if _PROFILE.search(str(error)) and (bare := without_metadata(data)):
            return rgbx(bare)[0], (str(error).strip(),)
        said = _judge(data, error)
    return simplejpeg.decode_jpeg(data, colorspace="RGBA", strict=False), (said,)


def check(data: bytes) -> tuple[str, ...]:
    """The same complaints and errors for a picture that another decodes.

    It is decoded at an eighth of its size, which reads all of its data.
    """
    try:
        simplejpeg.decode_jpeg(data, colorspace=_space(data), min_factor=8)
    except ValueError as error:
        if _PROFILE.search(str(error)) and (bare := without_metadata(data)):
            return (str(error).strip(), *check(bare))
        if _LOST.search(str(error)) or _HARMLESS.search(str(error)):
            return (_judge(data, error),)
    return ()


def _judge(data: bytes, error: ValueError) -> str:
    """A harmless warning as a complaint; raises `NobgdError` for lost data, or `error`."""
    said = str(error).strip()
    if _HARMLESS.search(said):
        return said
    left = _LEFT_OVER.search(said)
    if left and _padding(data, int(left[1])):
        return said
    if _LOST.search(said):
        raise NobgdError(
            Code.BROKEN, f"the picture is damaged ({said}); copy or export the original again"
        ) from error
    raise error


def _padding(data: bytes, count: int) -> bool:
    """Whether the ``count`` bytes before EOI (some more may be unread) are no part of the picture.

    They are not when they are all the same, or few and what was used before them ends as an
    encoder ends it: the rest of the last byte filled with ones (T.81, F.1.2.3).  Data whose
    blocks have shifted ends so by chance only, in one case of four.
    """
    end = data.rindex(EOI)
    rest = data[end - count : end]
    if len(set(rest)) <= 1:
        return True
    if count > _MOST_PADDING:
        return False
    while _whole(data[: end - count - 1]) and count < _MOST_PADDING + 16:
        count += 1
    used = bytearray(data[: end - count])
    if used.endswith(b"\xff\0"):
        return True
    last = used[-1]
    ones = (~last & (last + 1)).bit_length() - 1
    used[-1] = last | 1 << ones  # another value for the bit before these ones
    other = _forgiving(bytes(used) + (b"\0" if used[-1] == 0xFF else b"") + EOI)
    return other is None or not np.array_equal(other, _forgiving(data[: end - count] + EOI))


def _whole(body: bytes) -> bool:
    """Whether the data without its end still has every block."""
    try:
        simplejpeg.decode_jpeg(body + EOI, colorspace="GRAY", min_factor=8)
    except ValueError as error:
        return _LEFT_OVER.search(str(error)) is not None
    return True


def _forgiving(data: bytes) -> Any:
    try:
        return simplejpeg.decode_jpeg(data, colorspace=_space(data), strict=False)
    except ValueError:
        return None


def _space(data: bytes) -> str:
    """One in which no component is left out."""
    stored = simplejpeg.decode_jpeg_header(data)[2]
    return "CMYK" if stored in ("CMYK", "YCCK") else "RGB"

"""Is what decides the pixels whole?  What the formats' own structure tells before decoding."""

from __future__ import annotations

from nobgd.picture import jpeg_scan, png_chunks
from nobgd.picture.header import Header
from nobgd.values import Code, NobgdError


def sound(data: bytes, header: Header, complaints: list[str]) -> bytes:
    """The bytes to decode: ``data``, or a repaired copy where only harmless things are wrong.

    What was repaired is added to ``complaints``.  Raises `NobgdError` BROKEN for damage,
    TRUNCATED where the end is missing and nothing could show that it does not matter.
    """
    damage = None
    if header.format in ("TIFF", "WEBP") and len(data) < header.needs:
        raise NobgdError(Code.TRUNCATED, "the file ends too early; copy the original again")
    if header.format == "JPEG":
        found = jpeg_scan.survey(data)
        data, damage = found.data, found.damage
        complaints += found.complaints
    elif header.format == "PNG":
        damage = png_chunks.survey(data).damage
    if damage:
        raise NobgdError(
            Code.BROKEN, f"the picture is damaged ({damage}); copy or export the original again"
        )
    return data

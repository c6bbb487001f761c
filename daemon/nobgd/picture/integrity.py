"""Is what decides the pixels whole?  What the formats' own structure tells before decoding."""

from __future__ import annotations

import io

from PIL.WebPImagePlugin import WebPImageFile

from nobgd.picture import boxes, camera, jpeg_scan, png_chunks, webp_chunks
from nobgd.picture.header import Header
from nobgd.values import Code, NobgdError


def sound(data: bytes, header: Header, complaints: list[str]) -> bytes:
    """The bytes to decode: ``data``, or a repaired copy where only harmless things are wrong.

    What was repaired is added to ``complaints``.  Raises `NobgdError` BROKEN for damage,
    TRUNCATED where the end is missing and nothing could show that it does not matter.
    """
    damage = None
    if header.format in ("TIFF", "HEIF", "AVIF", "BMP") and len(data) < header.needs:
        raise _ends()
    if header.format in ("HEIF", "AVIF") and boxes.of(data).unfilled(data):
        damage = "zeros where pixels should be"
    if header.format == "RAW" and len(data) < header.needs:
        complaints.append(camera.CUT)
    if header.format == "JPEG":
        found = header.survey_of(data) or jpeg_scan.survey(data)
        data, damage = found.data, found.damage
        complaints += found.complaints
    elif header.format == "PNG":
        damage = (header.survey_of(data) or png_chunks.survey(data)).damage
    elif header.format == "WEBP":
        webp = webp_chunks.survey(data)
        if webp.cut:
            raise _ends()
        data = webp.data
        complaints += webp.complaints
        if any(map(_decodes, webp_chunks.shorter(webp, header.width, header.height))):
            damage = "it is full before its data end"
    if damage:
        raise NobgdError(
            Code.BROKEN, f"the picture is damaged ({damage}); copy or export the original again"
        )
    return data


def _ends() -> NobgdError:
    return NobgdError(Code.TRUNCATED, "the file ends too early; copy the original again")


def _decodes(webp: bytes) -> bool:
    try:
        with WebPImageFile(io.BytesIO(webp)) as image:
            image.load()
    except OSError:
        return False
    return True

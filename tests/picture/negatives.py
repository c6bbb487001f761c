"""Raw photos made here: a mosaic of a sensor with the tags of a DNG, and a preview beside it.

Only what decides is there; LibRaw reads them as it reads a camera's.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

_SHORT, _LONG, _BYTE, _ASCII, _RATIONAL, _SIGNED = 3, 4, 1, 2, 5, 10
_CODES = {_SHORT: "H", _LONG: "I", _BYTE: "B", _ASCII: "B", _RATIONAL: "I", _SIGNED: "i"}
_SRGB_OF_XYZ = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)


def ball(height: int = 360, width: int = 480) -> np.ndarray:
    """A red ball on grey, (H, W, 3) uint8; the left is darker, so that its way up can be told."""
    y, x = np.mgrid[0:height, 0:width]
    inside = np.hypot(x - width / 2, y - height / 2)[..., None] < min(height, width) / 3
    picture = np.where(inside, (230, 40, 30), (150, 152, 155))
    picture = np.where((x < width / 10)[..., None], (20, 20, 20), picture)
    return picture.astype(np.uint8)


def jpeg(pixels: np.ndarray, **more: object) -> bytes:
    """A JPEG of them."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=92, **more)
    return out.getvalue()


def dng(
    pixels: np.ndarray, preview: bytes | None = None, *, orientation: int = 1,
    preview_size: tuple[int, int] | None = None, digital: bool = True,
) -> bytes:  # fmt: skip
    """A raw photo of ``pixels``, in linear light behind a Bayer filter, 14 bits.

    ``preview`` is a JPEG of ``preview_size`` (width, height).  Without ``digital`` it is laid out
    as Nikon's are: a preview comes first, the sensor's samples below it, and no DNG's tags.
    """
    height, width = pixels.shape[:2]
    light = (pixels / 255.0) ** 2.2
    mosaic = np.empty((height, width), "<u2")
    for top, left, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[top::2, left::2] = light[top::2, left::2, channel] * 16000
    sensor = [
        (254, _LONG, (0,)), (256, _LONG, (width,)), (257, _LONG, (height,)), (258, _SHORT, (16,)),
        (259, _SHORT, (1,)), (262, _SHORT, (32803,)), (273, _LONG, ("sensor",)),
        (277, _SHORT, (1,)), (278, _LONG, (height,)), (279, _LONG, (mosaic.nbytes,)),
        (33421, _SHORT, (2, 2)), (33422, _BYTE, (0, 1, 1, 2)),
    ]  # fmt: skip
    camera = [
        (271, _ASCII, b"Nobody\0"), (272, _ASCII, b"Nothing\0"), (274, _SHORT, (orientation,)),
    ]  # fmt: skip
    negative = [
        (50706, _BYTE, (1, 4, 0, 0)), (50708, _ASCII, b"Nobody Nothing\0"),
        (50714, _SHORT, (0,)), (50717, _LONG, (16000,)),
        (50721, _SIGNED, [part for each in _SRGB_OF_XYZ for part in (round(each * 10000), 10000)]),
        (50728, _RATIONAL, (1, 1, 1, 1, 1, 1)), (50778, _SHORT, (21,)),
    ]  # fmt: skip
    small = []
    if preview is not None:
        wide, high = preview_size or (width, height)
        small = [
            (254, _LONG, (1,)), (256, _LONG, (wide,)), (257, _LONG, (high,)),
            (258, _SHORT, (8, 8, 8)), (259, _SHORT, (7,)), (262, _SHORT, (6,)),
            (273, _LONG, ("preview",)), (277, _SHORT, (3,)), (278, _LONG, (high,)),
            (279, _LONG, (len(preview),)),
        ]  # fmt: skip
    first, second = (sensor, small) if digital else (small, sensor)
    tags = [*first, *camera, *(negative if digital else [])]
    if second:
        tags.append((330, _LONG, ("below",)))
    return _tiff(tags, second, {"preview": preview or b"", "sensor": mosaic.tobytes()})


def _tiff(first: list[Any], second: list[Any], blocks: dict[str, bytes]) -> bytes:
    places: dict[str, int] = dict.fromkeys([*blocks, "below"], 0)
    for _ in range(2):  # the first time for the lengths alone
        one = _directory(first, 8, places)
        places["below"] = 8 + len(one)
        two = _directory(second, places["below"], places) if second else b""
        at = places["below"] + len(two)
        for name, block in blocks.items():
            places[name], at = at, at + len(block)
    return b"II*\0" + struct.pack("<I", 8) + one + two + b"".join(blocks.values())


def _directory(tags: list[Any], at: int, places: dict[str, int]) -> bytes:
    tags = sorted(tags, key=lambda each: each[0])
    table, beside = struct.pack("<H", len(tags)), b""
    begin = at + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        values = [places.get(each, each) for each in values]
        body = struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
        count = len(values) // (2 if kind in (_RATIONAL, _SIGNED) else 1)
        if len(body) > 4:
            where = struct.pack("<I", begin + len(beside))
            beside += body + bytes(len(body) % 2)
        else:
            where = body.ljust(4, b"\0")
        table += struct.pack("<HHI", tag, kind, count) + where
    return table + bytes(4) + beside

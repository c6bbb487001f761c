"""What a BMP's header says: its size, how its pixels lie, and which of these are known.

Source: Microsoft, Bitmap Storage, and the OS/2 1.x header of 12 bytes.  Pillow decodes what is
accepted here; its pictures were compared with those that were written.
"""

from __future__ import annotations

import struct

from nobgd.picture.directory import Cut

_RGB, _RLE8, _RLE4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_BITS = {_RGB: (1, 4, 8, 16, 24, 32), _RLE8: (8,), _RLE4: (4,), _MASKS: (16, 32), _ALPHA_MASKS: ()}
_CALLED = {4: "a JPEG in it", 5: "a PNG in it", _ALPHA_MASKS: "masks of Windows CE"}
_OLD = 12  # bytes of OS/2's header


def refusal(data: bytes) -> str | None:
    """What this BMP is called if it is not known to be decoded right; else None."""
    _, _, bits, compression = _header(data)
    if compression not in _BITS:
        return f"a BMP with {_CALLED.get(compression, f'compression {compression}')}"
    if bits not in _BITS[compression]:
        return f"a BMP of {bits} bits a pixel"
    return None


def size(data: bytes) -> tuple[int, int, int]:
    """Width and height in pixels, and how many bytes the file must have (0 where untold)."""
    width, height, bits, compression = _header(data)
    if compression not in (_RGB, _MASKS):
        return width, height, 0
    begin = int.from_bytes(data[10:14], "little")
    row = (width * bits + 31) // 32 * 4
    return width, height, begin + row * height


def _header(data: bytes) -> tuple[int, int, int, int]:
    if len(data) < 14 + 4 or len(data) < 14 + min(40, int.from_bytes(data[14:18], "little")):
        raise Cut("the file ends inside its header")
    if int.from_bytes(data[14:18], "little") == _OLD:
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
        return width, height, bits, _RGB
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    return abs(width), abs(height), bits, compression

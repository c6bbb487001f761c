"""A TIFF's strips and tiles to samples, whatever their bits, planes, byte order and predictor.

Libtiff (through Pillow) only undoes the compression: each stretch of rows is shown to it as a
plain grey picture of bytes, so that none of Pillow's guesses about modes is involved.  What
the bytes are is unpacked here, by the header and nothing else.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.TiffImagePlugin import TiffImageFile

from nobgd.picture import strips
from nobgd.picture.directory import Directory
from nobgd.picture.layout import FAX_3, FAX_4, FAX_RLE, FLOAT, JPEG, NONE, SIGNED, YCBCR, Layout
from nobgd.values import Code, NobgdError

Samples = npt.NDArray[Any]  # (rows, width, samples of a pixel)
_FAX = (FAX_RLE, FAX_3, FAX_4)
_PIECE_BYTES = 8 << 20  # unpacked at once
_MIRRORED = np.packbits(np.unpackbits(np.arange(256, dtype="u1")[:, None], axis=1)[:, ::-1], axis=1)


def rows(directory: Directory, layout: Layout) -> Iterator[tuple[int, Samples]]:
    """Stretches of rows from the top: the first's number and (n, W, S) samples.

    Whole numbers come as unsigned (signed) integers of 8, 16 or 32 bits, as they are in the
    file.  Raises `NobgdError`, or what Pillow raises for damaged data.
    """
    down, across = _grid(layout)
    planes = layout.samples if layout.planes else 1
    offsets, sizes = _places(directory, layout, down * across * planes)
    together = 1 if layout.planes else layout.samples
    width = layout.block[1]
    line = (width * together * layout.bits + 7) // 8  # bytes of a row of one strip or tile
    if layout.compression == JPEG:
        yield 0, _unpack_jpeg(directory, layout, offsets, sizes)
        return
    step = max(1, _PIECE_BYTES // max(1, line * across * layout.block[0] * planes))
    for first in range(0, down, step):
        last = min(first + step, down)
        parts = []
        for plane in range(planes):
            here = slice((plane * down + first) * across, (plane * down + last) * across)
            count = min(last * layout.block[0], layout.height) - first * layout.block[0]
            packed = _bytes(directory, layout, offsets[here], sizes[here], line, count)
            parts.append(_samples(packed, layout, together))
        whole = np.concatenate(parts, axis=2) if planes > 1 else parts[0]
        yield first * layout.block[0], whole


def _grid(layout: Layout) -> tuple[int, int]:
    """How many strips or tiles there are, down and across."""
    high, wide = layout.block
    if high < 1 or wide < 1:
        raise NobgdError(Code.BROKEN, "strips or tiles without a size; export the original again")
    return math.ceil(layout.height / high), math.ceil(layout.width / wide)


def _places(
    directory: Directory, layout: Layout, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    offsets, sizes = directory.blocks
    if len(sizes) < len(offsets) and layout.compression == NONE and len(offsets) == 1:
        sizes = np.array([len(directory.data) - offsets[0]])  # as old programs leave it
    if min(len(offsets), len(sizes)) < count or (offsets[:count] == 0).any():
        raise NobgdError(
            Code.BROKEN, "strips or tiles are missing in the header; export the original again"
        )
    if (offsets[:count] + sizes[:count] > len(directory.data)).any():
        raise NobgdError(Code.TRUNCATED, "the picture ends too early; copy the original again")
    return offsets[:count], sizes[:count]


def _bytes(
    directory: Directory, layout: Layout, offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64], line: int, count: int,
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Unpacked bytes of whole rows of strips or tiles: (rows, blocks across, line)."""
    high = layout.block[0]
    across = math.ceil(layout.width / layout.block[1])
    ours = layout.compression in strips.OURS and not layout.reversed_bits
    if layout.compression != NONE and not ours:
        return _inflated(directory, layout, offsets, sizes, line, count).reshape(count, across, -1)
    parts = []
    for number, (at, size) in enumerate(zip(offsets.tolist(), sizes.tolist(), strict=True)):
        left = high if layout.tiled else min(high, count - number * high)
        if ours:
            body = directory.data[at : at + size]
            plain = strips.unpacked(body, layout.compression, left * line)
            parts.append(np.frombuffer(plain, np.uint8).reshape(left, line))
            continue
        if size < left * line:
            raise NobgdError(Code.BROKEN, "a strip is too short; export the original again")
        parts.append(np.frombuffer(directory.data, np.uint8, left * line, at).reshape(left, line))
    if layout.tiled:
        tiles = np.stack(parts).reshape(-1, across, high, line)
        whole = tiles.transpose(0, 2, 1, 3).reshape(-1, across, line)[:count]
    else:
        whole = (parts[0] if len(parts) == 1 else np.concatenate(parts))[:, None]
    return _MIRRORED[whole, 0] if layout.reversed_bits else whole


def _inflated(
    directory: Directory, layout: Layout, offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64], line: int, count: int,
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """The same by libtiff, which is shown a grey picture: (rows, blocks across × line)."""
    fax = layout.compression in _FAX
    across = math.ceil(layout.width / layout.block[1])
    wide = layout.block[1] if fax else line
    tags = {258: 1 if fax else 8, 262: 1, 277: 1}
    if layout.reversed_bits:
        tags[266] = 2
    for tag in (292, 293):  # how Group 3 and 4 were used
        if fax and tag in directory.entries:
            tags[tag] = directory.number(tag, 0)
    shape = (count, wide * across)
    with strips.heard(), _picture(directory, layout, offsets, sizes, tags, shape, wide) as image:
        if not fax:
            return _grey(image, count, wide * across)
        bits = np.asarray(image.convert("L")) > 127
        packed = [np.packbits(bits[:, n * wide : (n + 1) * wide], axis=1) for n in range(across)]
        return np.stack(packed, axis=1)


def _grey(image: TiffImageFile, high: int, wide: int) -> npt.NDArray[np.uint8]:
    """(high, wide) bytes of a grey picture, never twice in memory."""
    image.load()
    out = np.empty((high, wide), np.uint8)
    for top in range(0, high, 64):
        part = image.crop((0, top, wide, min(top + 64, high))).tobytes()
        out[top : top + 64] = np.frombuffer(part, np.uint8).reshape(-1, wide)
    return out


def _unpack_jpeg(
    directory: Directory, layout: Layout, offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> Samples:  # fmt: skip
    """All of a picture whose strips or tiles are JPEGs: (H, W, S), YCbCr as RGB."""
    tags: dict[int, Any] = {258: (8,) * layout.samples, 262: layout.photometric}
    tags[277] = layout.samples
    if tables := directory.block(347):
        tags[347] = tables
    for at, size in zip(offsets.tolist(), sizes.tolist(), strict=True):
        strips.check_jpeg(directory.data[at : at + size], tables)
    if layout.photometric == YCBCR:
        tags[530] = directory.numbers(530, (2, 2))
    whole = (layout.height, layout.width)
    with _picture(directory, layout, offsets, sizes, tags, whole, layout.block[1]) as image:
        return np.asarray(image).reshape(layout.height, layout.width, layout.samples)


def _picture(
    directory: Directory, layout: Layout, offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64], tags: dict[int, Any], size: tuple[int, int], wide: int,
) -> TiffImageFile:  # fmt: skip
    """A TIFF of these strips or tiles alone, (rows, columns) large, opened."""
    spare = bytes(4) if layout.compression in _FAX else b""  # libtiff wants bits behind the last
    counts = sizes + len(spare)
    ends = np.cumsum(counts)
    places = (8 + np.concatenate(([0], ends[:-1]))).tolist()
    tags = {**tags, 256: size[1], 257: size[0], 259: layout.compression, 284: 1}
    if layout.tiled:
        tags |= {322: wide, 323: layout.block[0], 324: tuple(places), 325: tuple(counts.tolist())}
    else:
        tags |= {278: layout.block[0], 273: tuple(places), 279: tuple(counts.tolist())}
    pairs = zip(offsets.tolist(), sizes.tolist(), strict=True)
    body = [directory.data[at : at + count] + spare for at, count in pairs]
    at = 8 + int(ends[-1])
    head = struct.pack("<2sHI", b"II", 42, at + at % 2)
    file = io.BytesIO(b"".join([head, *body, b"\0" * (at % 2), _directory(tags, at + at % 2)]))
    return TiffImageFile(file)


def _directory(tags: dict[int, Any], at: int) -> bytes:
    """A classic little-endian directory that lies at ``at``, and its values behind it."""
    entries, after = b"", b""
    end = at + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        if isinstance(value, bytes):
            kind, count, body = 7, len(value), value
        else:
            values = value if isinstance(value, tuple) else (value,)
            short = tag in (258, 259, 262, 266, 277, 284, 530)
            kind, count = (3 if short else 4), len(values)
            body = struct.pack(f"<{count}{'H' if short else 'I'}", *values)
        if len(body) > 4:
            place = struct.pack("<I", end + len(after))
            after += body + b"\0" * (len(body) % 2)
        else:
            place = body.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, count) + place
    return struct.pack("<H", len(tags)) + entries + bytes(4) + after


def _samples(packed: npt.NDArray[np.uint8], layout: Layout, together: int) -> Samples:
    """(rows, blocks across, line) bytes as (rows, W, together) samples."""
    high, across, line = packed.shape
    count = layout.block[1] * together
    flat = np.ascontiguousarray(packed).reshape(high * across, line)
    if layout.predictor == 3:
        values = _unpredicted_floats(flat, layout, together)
    else:
        values = _unpacked(flat, layout, count)
        if layout.predictor == 2:
            steps = values.reshape(high * across, -1, together)
            values = np.cumsum(steps, axis=1, dtype=values.dtype)
    return values.reshape(high, across * layout.block[1], together)[:, : layout.width]


def _unpacked(flat: npt.NDArray[np.uint8], layout: Layout, count: int) -> npt.NDArray[Any]:
    """(n, line) bytes as (n, count) numbers in this machine's byte order."""
    bits = layout.bits
    if bits == 8:
        return flat.view(np.int8) if layout.format == SIGNED else flat
    if bits in (16, 32, 64):
        letter = {FLOAT: "f", SIGNED: "i"}.get(layout.format, "u")
        values = flat.view(np.dtype(f"{layout.order}{letter}{bits // 8}"))
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    if bits == 1:
        return np.unpackbits(flat, axis=1)[:, :count]
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.float32)
    out = np.empty((len(flat), count), np.uint16)
    for top in range(0, len(flat), 16):
        part = np.unpackbits(flat[top : top + 16], axis=1)[:, : count * bits]
        out[top : top + 16] = part.reshape(-1, count, bits).astype(np.float32) @ weights
    return out


def _unpredicted_floats(
    flat: npt.NDArray[np.uint8], layout: Layout, together: int
) -> npt.NDArray[Any]:
    """Floats whose bytes were parted by rank and stored as differences (Adobe's tech note 3)."""
    size = layout.bits // 8
    steps = flat.reshape(len(flat), -1, together)
    ranks = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(len(flat), size, -1)
    values = np.ascontiguousarray(ranks.transpose(0, 2, 1)).view(f">f{size}")[..., 0]
    return values.astype(values.dtype.newbyteorder("="))

"""Small pictures of every kind that nobgd reads, and seeded ways to damage them."""

from __future__ import annotations

import functools
import io
import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from picture.negatives import dng, jpeg

pillow_heif.register_heif_opener()
_MAGICS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"RIFF", b"GIF89a", b"BM",
    b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8L", b"RIFF\x40\0\0\0WEBPVP8X", b"8BPS",
)  # fmt: skip
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@functools.cache
def corpus() -> tuple[tuple[str, bytes], ...]:
    """(kind, bytes) of every variety, 64 by 48 pixels."""
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 60, (48, 64, 4), dtype=np.uint8)
    noise[10:40, 16:50, :3] += 150
    noise[..., 3] = 255
    noise[:, :8, 3] = 90
    rgba = Image.fromarray(noise, "RGBA")
    rgb = rgba.convert("RGB")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Nobody"
    sixteen = Image.fromarray(noise[..., 0].astype(np.uint16) << 7)
    made = [
        _save("JPEG", rgb, quality=85, exif=exif),
        _save("JPEG", rgb, quality=70, progressive=True, dpi=(300, 300)),
        _save("JPEG", rgb.convert("L")),
        _save("JPEG", rgb.convert("CMYK")),
        _save("JPEG", rgb, subsampling=0, restart_marker_blocks=2),
        _save("PNG", rgb, exif=exif),
        _save("PNG", rgba, dpi=(72, 72)),
        _save("PNG", rgba.convert("LA")),
        _save("PNG", rgb.convert("P"), transparency=3),
        _save("PNG", rgb.convert("1")),
        _save("PNG", sixteen),
        _save("WEBP", rgb, quality=80, exif=exif),
        _save("WEBP", rgba, quality=60),
        _save("WEBP", rgba, lossless=True),
        _save("WEBP", rgb, save_all=True, append_images=[rgb.rotate(90)]),
        _save("TIFF", rgb),
        _save("TIFF", rgba, compression="tiff_lzw"),
        _save("TIFF", rgb, compression="tiff_deflate"),
        _save("TIFF", rgb, compression="packbits"),
        _save("TIFF", rgb, compression="jpeg"),
        _save("TIFF", sixteen),
        _save("TIFF", rgb.convert("CMYK"), compression="tiff_lzw"),
        _save("TIFF", rgb.convert("1"), compression="group4"),
        _save("TIFF", rgb, big_tiff=True),
        _save("GIF", rgb),
        _save("GIF", rgb.convert("P"), transparency=3, save_all=True, append_images=[rgb]),
        _save("BMP", rgb),
        _save("BMP", rgb.convert("P")),
        _save("AVIF", rgb, quality=80, exif=exif),
        _save("AVIF", rgba, quality=60),
        _save("HEIF", rgb, quality=80, exif=exif),
        _save("HEIF", rgba, save_all=True, append_images=[rgb]),
        ("RAW", dng(noise[..., :3], jpeg(noise[..., :3]))),
        ("RAW", dng(noise[..., :3], jpeg(noise[..., :3]), digital=False, orientation=6)),
        ("RAW", dng(noise[..., :3])),
    ]
    return tuple(made)


def _save(kind: str, image: Image.Image, **options: object) -> tuple[str, bytes]:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return kind, out.getvalue()


def valid(number: int, *, side: int = 48) -> bytes:
    """A JPEG that can be done, unlike that of any other number."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 80, (side, side, 3), dtype=np.uint8)
    pixels[side // 4 : -side // 4, side // 4 : -side // 4] += 150
    return _save("JPEG", Image.fromarray(pixels), quality=80)[1]


def commented(jpeg: bytes, number: int) -> bytes:
    """The same picture, unlike those of all other numbers by a comment in the file."""
    comment = f"number {number:09}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def drop(folder: Path, name: str, data: bytes) -> None:
    """A whole file, all at once, in the place of what has that name."""
    temp = folder / f".{name}.part"
    temp.write_bytes(data)
    os.rename(temp, folder / name)


def subject(number: int) -> bytes:
    """A JPEG in which a subject is found, a ball on grey, unlike that of any other number."""
    y, x = np.mgrid[0:240, 0:320]
    ball = (np.hypot(x - 160, y - 120) < 80)[..., None]
    colour = np.random.default_rng(number).integers((170, 20, 10), (230, 80, 70))
    pixels = np.where(ball, colour, (150, 152, 155)).astype(np.uint8)
    return _save("JPEG", Image.fromarray(pixels), quality=90)[1]


def mutated(seed: int, number: int) -> tuple[str, bytes]:
    """(how, bytes): the picture of this number, the same on every machine."""
    rng = random.Random(f"{seed}/{number}")
    kind, original = corpus()[number % len(corpus())]
    data = bytearray(original)
    ways = (_flip, _flip, _cut, _shuffle, _edge, _edge, _splice, _repeat, _garbage, _length)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        way = rng.choice(ways)
        data = way(rng, data) or bytearray(b"\0")
        done.append(way.__name__.strip("_"))
    if kind == "PNG" and rng.random() < 0.7:
        data = _crcs(data)
    return f"{kind} {'+'.join(done)}", bytes(data)


def _flip(rng: random.Random, data: bytearray) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return data


def _cut(rng: random.Random, data: bytearray) -> bytearray:
    return data[: rng.choice((len(data) - 2, len(data) // 2, rng.randrange(len(data))))]


def _shuffle(rng: random.Random, data: bytearray) -> bytearray:
    """Pieces, of a PNG its chunks, in another order."""
    if data[:4] == b"\x89PNG":
        at, pieces = 8, []
        while at + 12 <= len(data):
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            pieces.append(data[at:end])
            at = end
        head = data[:8]
    else:
        cuts = sorted(rng.randrange(2, max(3, len(data))) for _ in range(4))
        head = data[: cuts[0]]
        pieces = [data[a:b] for a, b in zip(cuts, [*cuts[1:], len(data)], strict=True)]
    rng.shuffle(pieces)
    return head + b"".join(pieces)


def _edge(rng: random.Random, data: bytearray) -> bytearray:
    """A number at a limit, somewhere in the first bytes."""
    size, order = rng.choice((1, 2, 4)), rng.choice((">", "<"))
    at = rng.randrange(min(len(data), rng.choice((40, 200, len(data)))))
    value = rng.choice(_EDGES) & (256**size - 1)
    data[at : at + size] = struct.pack(order + {1: "B", 2: "H", 4: "I"}[size], value)
    return data


def _splice(rng: random.Random, data: bytearray) -> bytearray:
    """A part of another picture."""
    other = rng.choice(corpus())[1]
    a, b = rng.randrange(len(data)), rng.randrange(len(other))
    return data[:a] + other[b : b + rng.randrange(1, 400)] + data[a + rng.randrange(0, 200) :]


def _repeat(rng: random.Random, data: bytearray) -> bytearray:
    a = rng.randrange(len(data))
    part = data[a : a + rng.randrange(1, 200)]
    return data[:a] + part * rng.randrange(2, 20) + data[a:]


def _garbage(rng: random.Random, data: bytearray) -> bytearray:  # noqa: ARG001
    return bytearray(rng.choice(_MAGICS) + rng.randbytes(rng.randrange(0, 4000)))


def _length(rng: random.Random, data: bytearray) -> bytearray:
    """Zeros or noise at the end."""
    return data + (bytes if rng.random() < 0.5 else rng.randbytes)(rng.randrange(1, 2000))


def _crcs(data: bytearray) -> bytearray:
    """The chunks of a PNG with right checksums, so that more than these are tested."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return data

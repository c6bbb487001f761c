"""Pictures of every format and variety, ways to damage their pixels' data, and odd whole files."""

from __future__ import annotations

import functools
import io
import random
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage
from PIL import Image

from nobgd.picture import directory, jpeg_scan, png_chunks, webp_chunks
from nobgd.picture.provenance import frame


@dataclass(frozen=True, slots=True)
class Sample:
    """One whole file and where its pixels' data lie."""

    kind: str  # what it is told under
    data: bytes
    start: int
    end: int


def scenes() -> dict[str, Image.Image]:
    """A photo, a thing on a white wall, noise."""
    with Image.open(Path(skimage.__file__).parent / "data/chelsea.png") as image:
        photo = image.convert("RGB").crop((60, 20, 380, 260))
    y, x = np.mgrid[0:240, 0:320]
    ball = (np.hypot(x - 150, y - 110) < 70)[..., None]
    red = np.dstack([230 - y // 4, y // 6, np.full(y.shape, 30)])
    thing = np.where(ball, red, 255).astype(np.uint8)
    noise = np.random.default_rng(4).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    return {"photo": photo, "thing": Image.fromarray(thing), "noise": Image.fromarray(noise)}


def _saved(image: Image.Image, kind: str, mode: str = "", **options: object) -> bytes:
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, kind, **options)
    return out.getvalue()


_PILLOW: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG baseline": ("JPEG", "", {"quality": 85}),
    "JPEG 4:4:4": ("JPEG", "", {"quality": 92, "subsampling": 0}),
    "JPEG optimised": ("JPEG", "", {"quality": 75, "optimize": True}),
    "JPEG progressive": ("JPEG", "", {"quality": 85, "progressive": True}),
    "JPEG with restarts": ("JPEG", "", {"quality": 85, "restart_marker_rows": 1}),
    "JPEG grey": ("JPEG", "L", {"quality": 85}),
    "JPEG CMYK": ("JPEG", "CMYK", {"quality": 85}),
    "PNG RGB": ("PNG", "", {}),
    "PNG RGBA": ("PNG", "RGBA", {}),
    "PNG grey": ("PNG", "L", {}),
    "PNG palette": ("PNG", "P", {}),
    "PNG bits": ("PNG", "1", {}),
    "WebP lossy": ("WEBP", "", {"quality": 80}),
    "WebP lossless": ("WEBP", "", {"lossless": True}),
    "WebP with alpha": ("WEBP", "RGBA", {"quality": 80}),
    "TIFF plain": ("TIFF", "", {}),
    "TIFF LZW": ("TIFF", "", {"compression": "tiff_lzw"}),
    "TIFF Deflate": ("TIFF", "", {"compression": "tiff_adobe_deflate"}),
    "TIFF PackBits": ("TIFF", "", {"compression": "packbits"}),
    "TIFF JPEG": ("TIFF", "", {"compression": "jpeg"}),
    "TIFF Zstandard": ("TIFF", "", {"compression": "zstd"}),
    "TIFF LZMA": ("TIFF", "", {"compression": "lzma"}),
    "TIFF Group 4": ("TIFF", "1", {"compression": "group4"}),
}
_TOOLS: dict[str, tuple[str, list[list[str]]]] = {  # suffix; words with {in} and {out}
    "cjpeg": (".jpg", [
        ["cjpeg", *words, "-outfile", "{out}", "{ppm}"]
        for words in (
            ["-quality", "80"], ["-quality", "95", "-sample", "1x1"], ["-arithmetic"],
            ["-arithmetic", "-progressive"], ["-restart", "3"], ["-restart", "5B", "-progressive"],
            ["-sample", "2x1", "-optimize"], ["-sample", "1x2"], ["-grayscale"], ["-rgb"],
            ["-quality", "5"], ["-dct", "float", "-smooth", "20"], ["-sample", "4x1"],
        )
    ]),
    "cwebp": (".webp", [
        ["cwebp", "-quiet", *words, "{png}", "-o", "{out}"]
        for words in (
            ["-q", "60", "-segments", "4"], ["-q", "90", "-partition_limit", "60"], ["-z", "9"],
            ["-size", "3000"], ["-near_lossless", "40"], ["-jpeg_like"], ["-mt", "-m", "6"],
            ["-q", "1"], ["-lossless", "-m", "0"], ["-sharp_yuv"], ["-strong", "-f", "90"],
        )
    ]),
    "vips": (".tif", [
        ["vips", "tiffsave", "{png}", "{out}", *words]
        for words in (
            ["--compression", "deflate", "--predictor", "horizontal"], ["--compression", "lzw"],
            ["--tile", "--compression", "deflate"], ["--tile", "--tile-width", "64",
             "--tile-height", "64"], ["--compression", "packbits"], ["--bigtiff"],
            ["--compression", "jpeg", "--Q", "90"], ["--pyramid", "--tile"],
            ["--compression", "zstd", "--predictor", "horizontal"], ["--miniswhite"],
        )
    ]),
    "convert": (".png", [
        ["convert", "{png}", *words, "PNG:{out}"]
        for words in (
            ["-interlace", "PNG"], ["-depth", "16"], ["-colors", "13"], ["-colorspace", "gray"],
            ["-alpha", "set", "-channel", "A", "-evaluate", "set", "60%"], ["-quality", "05"],
            ["-density", "300", "-comment", "hello"], ["-monochrome"], ["-quality", "97"],
        )
    ]),
}  # fmt: skip


def _sample(kind: str, data: bytes) -> Sample:
    if kind.startswith("JPEG"):
        start, end = jpeg_scan.survey(data).scan or 0, len(data) - 2
    elif kind.startswith("PNG"):
        pixels = png_chunks.survey(data).pixels
        start, end = pixels[0][0], pixels[-1][1]
    elif kind.startswith("WebP"):
        chunks = webp_chunks.survey(data).chunks
        places = [(a, b) for name, a, b in chunks if name in (b"VP8 ", b"VP8L", b"ALPH")]
        start, end = places[0][0] + 10, places[-1][1]
    else:
        offsets, sizes = directory.page(data).blocks
        start, end = int(offsets.min()), int((offsets + sizes).max())
    return Sample(kind, data, start, end)


@functools.cache
def samples() -> tuple[Sample, ...]:
    """Every variety of every scene, by Pillow; arithmetic JPEGs where there is a cjpeg."""
    made = [
        _sample(kind, _saved(image, name, mode, **options))
        for image in scenes().values()
        for kind, (name, mode, options) in _PILLOW.items()
    ]
    return (*made, *(_sample("JPEG arithmetic", d) for n, d in by_tools() if "-arithmetic" in n))


@functools.cache
def by_tools() -> tuple[tuple[str, bytes], ...]:
    """(how, file) by every program that is installed here."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        places = {name: f"{folder}/in.{name}" for name in ("png", "ppm")}
        for scene, image in scenes().items():
            for place in places.values():
                image.save(place)
            for tool, (suffix, commands) in _TOOLS.items():
                for words in commands if shutil.which(tool) else []:
                    out = f"{folder}/out{suffix}"
                    line = [word.format(out=out, **places) for word in words]
                    run = subprocess.run(line, capture_output=True, timeout=60, check=False)
                    if run.returncode == 0:
                        made.append((f"{scene}: {' '.join(words)}", Path(out).read_bytes()))
    return tuple(made)


WAYS = ("flipped", "zeroed", "cut", "exchanged")


def damaged(rng: random.Random, sample: Sample, way: str) -> bytes:
    """The file with some of its pixels' data flipped, zeroed, cut out or exchanged."""
    data, room = sample.data, sample.end - sample.start
    if way == "flipped":
        bad = bytearray(data)
        bad[rng.randrange(sample.start, sample.end)] ^= 1 << rng.randrange(8)
        return bytes(bad)
    size = max(1, min(room // 4, rng.choice((16, 64, 512, 2048))))
    at = rng.randrange(sample.start, sample.end - 2 * size)
    if way == "zeroed":
        return data[:at] + bytes(size) + data[at + size :]
    if way == "cut":
        return data[:at] + data[at + size :]
    other = rng.randrange(at + size, sample.end - size + 1)
    middle = data[at + size : other]
    return (
        data[:at]
        + data[other : other + size]
        + middle
        + data[at : at + size]
        + (data[other + size :])
    )


def odd(rng: random.Random) -> tuple[str, bytes, bytes]:
    """(how, an odd but whole file, the same picture without the oddity)."""
    made = by_tools()
    if made and rng.random() < 0.3:
        how, data = rng.choice(made)
        return how, data, data
    sample = rng.choice(samples())
    oddities = _ODDITIES[sample.kind.split()[0]]
    if sample.kind == "JPEG arithmetic":  # its coder leaves zeros out: what fills up is data
        oddities = tuple(each for each in oddities if each is not _filled)
    oddity = rng.choice(oddities)
    return f"{sample.kind}, {oddity.__name__}", oddity(rng, sample.data), sample.data


def _behind(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice((bytes, rng.randbytes))(rng.choice((1, 7, 700, 70_000)))


def _between(rng: random.Random, data: bytes) -> bytes:
    at = data.index(rng.choice((b"\xff\xdb", b"\xff\xda")))
    return data[:at] + rng.randbytes(rng.choice((1, 9, 200))).replace(b"\xff", b"\0") + data[at:]


def _segment(rng: random.Random, data: bytes) -> bytes:
    body = rng.choice((b"", b"Exif\0\0", b"JFIF\0", b"MPF\0", b"ICC_PROFILE\0\1\1", b"http://"))
    body += rng.randbytes(rng.choice((0, 1, 60, 6000)))
    marker = rng.choice((0xE0, 0xE1, 0xE2, 0xE3, 0xED, 0xEF, 0xFE))
    return data[:2] + struct.pack(">BBH", 255, marker, len(body) + 2) + body + data[2:]


def _endless(rng: random.Random, data: bytes) -> bytes:
    return data[:-2] + bytes(rng.choice((0, 0, 3, 3000)))


def _filled(rng: random.Random, data: bytes) -> bytes:
    return data[:-2] + bytes([rng.choice((0, 0xAA, 0xFF))]) * rng.choice((2, 50, 900)) + data[-2:]


def _chunk(rng: random.Random, data: bytes) -> bytes:
    kind = rng.choice((b"tEXt", b"iTXt", b"zTXt", b"pHYs", b"tIME", b"iCCP", b"gAMA", b"prVt"))
    body = frame(kind, rng.randbytes(rng.choice((0, 4, 9, 400))))
    if rng.random() < 0.5 or kind == b"gAMA":
        body = body[:-4] + struct.pack(">I", zlib.crc32(body) & 0xFFFFFFFE)
    at = rng.choice((33, len(data) - 12))
    return data[:at] + body + data[at:]


def _pieces(rng: random.Random, data: bytes) -> bytes:
    found = png_chunks.survey(data)
    step = rng.choice((100, 1000, 8192))
    stream = b"".join(data[a:b] for a, b in found.pixels)
    chunks = [frame(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step)]
    start, end = found.pixels[0][0] - 8, found.pixels[-1][1] + 4
    return data[:start] + b"".join(chunks) + data[end:]


def _unended(_: random.Random, data: bytes) -> bytes:
    return data[:-12]


def _length(rng: random.Random, data: bytes) -> bytes:
    size = rng.choice((len(data), len(data) - 9, 0xFFFFFFF0, len(data) + 4096))
    return data[:4] + struct.pack("<I", size) + data[8:]


def _last(rng: random.Random, data: bytes) -> bytes:
    body = rng.choice((b"EXIF", b"XMP ")) + struct.pack("<I", 3000) + bytes(3000)
    return data[:4] + struct.pack("<I", len(data) - 8 + len(body)) + data[8:] + body


_ODDITIES: dict[str, tuple[Callable[[random.Random, bytes], bytes], ...]] = {
    "JPEG": (_behind, _between, _segment, _endless, _filled),
    "PNG": (_behind, _chunk, _pieces, _unended),
    "WebP": (_behind, _length, _last),
    "TIFF": (_behind,),
}


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """What a lane would make of it, alpha included; raises as `decode` does."""
    from nobgd.picture import decode

    picture = decode.decode(data, decode.look(data))
    if picture.alpha is None:
        return picture.rgbx
    return np.dstack([picture.rgbx[..., :3], picture.alpha])

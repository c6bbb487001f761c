"""Pictures in every layout, each with the pixels that it holds: what a decoder must give.

``made(seed, number)`` is the file of that number.  Truth is what was written, computed here
with plain arithmetic and without any of nobgd's.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

Array = np.ndarray[Any, Any]


@dataclass
class Made:
    """One file, and what it shows."""

    name: str  # of its layout
    suffix: str
    data: bytes
    rgb: Array | None = None  # (H, W, 3) of 0 … 255, not rounded, upright
    alpha: Array | None = None  # (H, W)
    tolerance: float = 0.51  # of 255: half a level, and what floats lose
    mean: float = 0.5
    raw: str = ""  # "cmyk", "lab": colours that decoders turn into RGB in ways of their own
    frames: bool = False  # there are more than one
    shape: tuple[int, int] = (0, 0)  # height and width, upright


def made(seed: int, number: int) -> Made:
    """The file of this number."""
    rng = random.Random(f"{seed}/layout/{number}")
    makers = {_tiff: 55, _png: 25, _jpeg: 14, _webp: 6}
    (maker,) = rng.choices(list(makers), list(makers.values()))
    return maker(rng)


def _size(rng: random.Random) -> tuple[int, int]:
    return rng.choice((1, 2, 7, 16, 17, 33, 48)), rng.choice((1, 3, 8, 15, 16, 31, 40, 65))


def _values(rng: random.Random, high: int, wide: int, channels: int, white: int) -> Array:
    """(H, W, C) of 0 … white: ramps, noise, and both ends."""
    noise = np.random.default_rng(rng.getrandbits(32))
    y, x = np.mgrid[0:high, 0:wide]
    parts = []
    for channel in range(channels):
        ramp = (x * (channel + 1) / max(wide, 2) + y * (3 - channel % 3) / max(high, 2)) / 4
        parts.append(ramp + noise.normal(0, 0.1, (high, wide)))
    values = np.dstack(parts).clip(0, 1)
    values[noise.random((high, wide)) < 0.05] = rng.choice((0, 1))
    levels: Array = np.rint(values * white).astype(np.uint64)
    return levels


def turned(array: Array, orientation: int) -> Array:
    """As viewers show it (Exif 2.32, 4.6.4 A)."""
    if orientation in (5, 6, 7, 8):
        array = np.swapaxes(array, 0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


_GREY = ("minisblack", "miniswhite")
_CODECS = (None, None, "lzw", "zlib", "packbits", "zstd", "lzma", "adobe_deflate")
_OTHER_CODECS = ("lerc", "jpeg2000", "jpegxl", "webp", "png")


def _tiff(rng: random.Random) -> Made:
    photometric: str = rng.choice(
        ("minisblack", "minisblack", "miniswhite", "rgb", "rgb", "rgb", "palette", "separated",
         "cielab", "ycbcr", "jpeg", "fax", "other")
    )  # fmt: skip
    if photometric in ("jpeg", "fax", "ycbcr", "other"):
        return {"jpeg": _tiff_jpeg, "fax": _tiff_fax, "ycbcr": _tiff_ycbcr, "other": _tiff_other}[
            photometric
        ](rng)
    channels = {"rgb": 3, "separated": 4, "cielab": 3}.get(photometric, 1)
    bits = rng.choice({
        "minisblack": (1, 2, 4, 8, 8, 10, 12, 14, 16, 16, 32), "miniswhite": (1, 4, 8, 16),
        "rgb": (8, 8, 16, 16, 32, 10, 12), "palette": (2, 4, 8), "separated": (8, 16),
        "cielab": (8, 16),
    }[photometric])  # fmt: skip
    high, wide = _size(rng)
    whole = bits in (8, 16, 32)
    extra = rng.choice((None, None, None, "unassalpha", "assocalpha", "unspecified"))
    if not whole or photometric in ("palette", "cielab"):
        extra = None
    white = (1 << bits) - 1
    values = _values(rng, high, wide, channels + (extra is not None), white)
    if photometric == "separated":
        values[..., :3] //= 2  # ink that a printer can lay down
    if extra == "assocalpha":
        share = values[..., -1:] / white
        held = values[..., :channels]
        if photometric == "miniswhite":
            held = white - np.rint((white - held) * share)
        else:
            held = np.rint(held * share)
        values[..., :channels] = held
    planes = channels > 1 and whole and rng.random() < 0.4
    codec = rng.choice(_CODECS)
    if codec == "adobe_deflate":
        codec = "deflate"
    predictor = whole and codec not in (None, "packbits") and rng.random() < 0.5
    options: dict[str, Any] = {
        "photometric": photometric, "compression": codec, "predictor": predictor,
        "byteorder": rng.choice("<>"), "bigtiff": rng.random() < 0.25,
        "planarconfig": ("separate" if planes else "contig") if channels > 1 or extra else None,
    }  # fmt: skip
    if extra:
        options["extrasamples"] = [extra]
    if whole and rng.random() < 0.35:
        options["tile"] = (rng.choice((16, 32)), rng.choice((16, 48)))
    else:
        options["rowsperstrip"] = rng.choice((1, 5, 16, high))
    orientation = rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 7, 8))
    tags: list[Any] = [(274, "H", 1, orientation, True)]
    if photometric == "palette":
        map_ = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (3, 1 << bits)) * (
            rng.choice((257, 256))
        )
        options["colormap"] = map_.astype(np.uint16)
    dtype: Any = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    if not whole and bits != 1:
        options["bitspersample"] = bits
    array = values.astype(dtype)
    if bits == 1:
        array = array.astype(bool)
        options["predictor"] = False
    if planes:
        array = np.ascontiguousarray(array.transpose(2, 0, 1))
    elif array.shape[2] == 1:
        array = array[..., 0]
    out = io.BytesIO()
    if bits in (2, 4, 10, 12, 14):
        data = _packed(rng, array, photometric, channels, bits, tags, options)
    else:
        tifffile.imwrite(out, array, extratags=tags, metadata=None, **options)
        data = out.getvalue()
    order = "big" if options["byteorder"] == ">" else "little"
    name = f"TIFF {photometric} {bits} {codec} {'planes' if planes else 'pixels'} {order}"
    name += f"{' big' if options['bigtiff'] else ''}{' predictor' if options['predictor'] else ''}"
    name += f" {extra}" if extra else ""
    rgb, alpha = _shown(values, photometric, white, extra, options.get("colormap"))
    raw = {"separated": "cmyk", "cielab": "lab"}.get(photometric, "")
    return Made(
        name, ".tif", data, None if rgb is None else turned(rgb, orientation),
        None if alpha is None else turned(alpha, orientation), raw=raw,
        tolerance=1.01 if photometric == "palette" or extra == "assocalpha" else 0.51,
    )  # fmt: skip


def _shown(
    values: Array, photometric: str, white: int, extra: str | None, colours: Array | None
) -> tuple[Array | None, Array | None]:
    alpha = values[..., -1] / white * 255 if extra in ("unassalpha", "assocalpha") else None
    if photometric == "palette":
        assert colours is not None
        step = 257 if (colours % 257 == 0).all() else 256
        return (colours / step).T[values[..., 0].astype(int)], None
    if photometric in ("separated", "cielab"):
        return None, alpha
    shares = values[..., : 3 if photometric == "rgb" else 1] / white
    if photometric == "miniswhite":
        shares = 1 - shares
    if extra == "assocalpha":
        shares = np.minimum(shares / np.maximum(values[..., -1:], 1) * white, 1)
    return np.broadcast_to(shares * 255, (*shares.shape[:2], 3)), alpha


def _packed(
    rng: random.Random, array: Array, photometric: str, channels: int, bits: int, tags: Any,
    options: dict[str, Any],
) -> bytes:  # fmt: skip
    """A classic TIFF of samples of any bits in one strip, written here; sometimes mirrored bits."""
    order = options["byteorder"]
    mirrored = rng.random() < 0.3
    flat = array.reshape(len(array), -1)
    ones = (flat[..., None] >> np.arange(bits - 1, -1, -1, dtype=flat.dtype)) & 1
    body = np.packbits(ones.reshape(len(array), -1).astype(np.uint8), axis=1)
    if mirrored:
        body = np.packbits(np.unpackbits(body[..., None], axis=2)[..., ::-1], axis=2)[..., 0]
    codec = options["compression"]
    raw = body.tobytes()
    number = {None: 1, "lzw": 5, "zlib": 8, "deflate": 32946, "packbits": 32773, "zstd": 50000,
              "lzma": 34925}[codec]  # fmt: skip
    if mirrored or codec in ("lzma", "zstd"):
        codec, number = None, 1
    if codec == "lzw":
        raw = bytes(imagecodecs.lzw_encode(raw))
    elif codec in ("zlib", "deflate"):
        raw = zlib.compress(raw)
    elif codec == "packbits":
        raw = b"".join(imagecodecs.packbits_encode(line.tobytes()) for line in body)
    photo = {"miniswhite": 0, "minisblack": 1, "rgb": 2, "palette": 3}[photometric]
    shorts = {256: array.shape[1], 257: array.shape[0], 258: [bits] * channels, 259: number,
              262: photo, 266: 2 if mirrored else 1, 274: tags[0][3], 277: channels,
              278: array.shape[0], 284: 1}  # fmt: skip
    if photometric == "palette":
        shorts[320] = options["colormap"].ravel().tolist()
    options |= {"compression": codec, "predictor": False, "bigtiff": False}
    return written(order, shorts, raw)


def written(order: str, shorts: dict[int, Any], raw: bytes) -> bytes:
    """A classic TIFF with one strip and tags of 16 bits."""
    longs = {273: 8, 279: len(raw)}
    body = raw + b"\0" * (len(raw) % 2)
    at, entries, after = 8 + len(body), b"", b""
    tags = sorted({**shorts, **longs})
    end = at + 2 + 12 * len(tags) + 4
    for tag in tags:
        if tag in longs:
            entries += struct.pack(order + "HHII", tag, 4, 1, longs[tag])
            continue
        values = shorts[tag] if isinstance(shorts[tag], list) else [shorts[tag]]
        packed = struct.pack(f"{order}{len(values)}H", *values)
        if len(packed) > 4:
            entries += struct.pack(order + "HHII", tag, 3, len(values), end + len(after))
            after += packed
        else:
            entries += struct.pack(order + "HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4) + after


def _smooth(rng: random.Random, channels: int) -> Array:
    high, wide = rng.choice((16, 33, 48)), rng.choice((16, 40, 65))
    y, x = np.mgrid[0:high, 0:wide]
    phase = [rng.random() * 6 for _ in range(channels)]
    waves = [np.sin(x / 11 + p) * np.cos(y / 9 + p) for p in phase]
    levels: Array = np.rint((np.dstack(waves) + 1) * 110 + 15).astype(np.uint8)
    return levels


def _tiff_jpeg(rng: random.Random) -> Made:
    kind = rng.choice(("minisblack", "rgb", "ycbcr"))
    values = _smooth(rng, 1 if kind == "minisblack" else 3)
    out = io.BytesIO()
    tile = rng.random() < 0.5
    options: dict[str, Any] = {"tile": (16, 16)} if tile else {"rowsperstrip": 16}
    options |= {"compressionargs": {"level": 95}, "byteorder": rng.choice("<>")}
    if kind == "rgb":
        options["compressionargs"]["outcolorspace"] = "rgb"
    if kind == "ycbcr":  # as tifffile stores RGB
        options["subsampling"] = rng.choice(((1, 1), (2, 1), (2, 2)))
    array = values[..., 0] if kind == "minisblack" else values
    photo = "minisblack" if kind == "minisblack" else "rgb"
    tifffile.imwrite(out, array, photometric=photo, compression="jpeg", metadata=None, **options)
    rgb = np.broadcast_to(values.astype(float), (*values.shape[:2], 3))
    return Made(
        f"TIFF JPEG {kind} {'tiles' if tile else 'strips'}", ".tif", out.getvalue(), rgb,
        tolerance=90, mean=5.0,
    )  # fmt: skip


def _tiff_fax(rng: random.Random) -> Made:
    image = Image.fromarray(_values(rng, *_size(rng), 1, 1)[..., 0].astype(bool))
    codec = rng.choice(("tiff_ccitt", "group3", "group4"))
    out = io.BytesIO()
    image.save(out, "TIFF", compression=codec)
    rgb = np.asarray(image.convert("RGB")).astype(float)
    return Made(f"TIFF {codec}", ".tif", out.getvalue(), rgb)


def _tiff_ycbcr(rng: random.Random) -> Made:
    image = Image.fromarray(_smooth(rng, 3))
    out = io.BytesIO()
    image.convert("YCbCr").save(out, "TIFF", compression=rng.choice((None, "tiff_lzw")))
    return Made("TIFF ycbcr", ".tif", out.getvalue(), np.asarray(image).astype(float), None, 4, 2)


def _tiff_other(rng: random.Random) -> Made:
    """Layouts that scientists use."""
    kind = rng.choice(("float", "half", "double", "signed", "float rgb", "complex", "codec", "u64"))
    values = _values(rng, *_size(rng), 3 if "rgb" in kind else 1, 255) / 255.0
    values.flat[0], values.flat[-1] = 1.0, 0.0
    array: Array = values if "rgb" in kind else values[..., 0]
    options: dict[str, Any] = {"photometric": "rgb" if "rgb" in kind else "minisblack"}
    if kind == "codec":
        codec = rng.choice(_OTHER_CODECS)
        options |= {"compression": codec, "photometric": "rgb"}
        array = _smooth(rng, 3)
        kind = codec
        values = array / 255.0
    elif kind == "signed":
        array = np.rint(array * 65535).astype(np.int32)
        array.flat[0] = 65535
    else:
        types = {"half": "f2", "double": "f8", "complex": "c8", "u64": "u8"}
        array = (array * (1e15 if kind == "u64" else 1)).astype(types.get(kind, "f4"))
        options["compression"] = rng.choice((None, "zlib", "lzw"))
        if kind in ("float", "half", "double") and options["compression"]:
            options["predictor"] = rng.random() < 0.5
    out = io.BytesIO()
    options["byteorder"] = rng.choice("<>")
    tifffile.imwrite(out, array, metadata=None, **options)
    rgb = np.broadcast_to(values * 255, (*values.shape[:2], 3))
    return Made(f"TIFF {kind}", ".tif", out.getvalue(), rgb, tolerance=0.6)


_PNG_KINDS = ((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4),
              (3, 8), (4, 8), (4, 16), (6, 8), (6, 16))  # fmt: skip
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
           (1, 0, 2, 1))  # fmt: skip


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(rng: random.Random) -> Made:
    kind, bits = rng.choice(_PNG_KINDS)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    high, wide = _size(rng)
    white = (1 << bits) - 1
    values = _values(rng, high, wide, channels, white)
    interlaced = rng.random() < 0.4
    chunks = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, bits, kind, 0, 0, interlaced))
    alpha = None
    scaled = values / white * 255
    if kind == 3:
        palette = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (1 << bits, 3))
        chunks += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        rgb = palette[values[..., 0].astype(int)].astype(float)
    else:
        rgb = np.broadcast_to(scaled[..., : 3 if kind in (2, 6) else 1], (high, wide, 3))
    if kind in (4, 6):
        alpha = scaled[..., -1]
    elif rng.random() < 0.5:
        if kind == 3:
            table = np.array([rng.randrange(256) for _ in range(rng.randint(1, 1 << bits))])
            chunks += chunk(b"tRNS", table.astype(np.uint8).tobytes())
            full = np.append(table, np.full((1 << bits) - len(table), 255))
            alpha = full[values[..., 0].astype(int)].astype(float)
        else:
            hidden = values[high // 2, wide // 2]
            if bits == 16 and rng.random() < 0.5:  # one that differs in its lower byte alone
                values[0, 0] = hidden ^ np.uint64(1)
                rgb = np.broadcast_to(values / white * 255, (high, wide, 3))
            chunks += chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in hidden))
            alpha = np.where((values == hidden).all(axis=2), 0.0, 255.0)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    raw = b"".join(_filtered(rng, values[y::dy, x::dx], bits) for y, x, dy, dx in passes)
    data = b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    hidden_name = " tRNS" if alpha is not None and kind in (0, 2, 3) else ""
    name = f"PNG type {kind} {bits} bits{' interlaced' if interlaced else ''}{hidden_name}"
    return Made(name, ".png", data, rgb, alpha)


def _filtered(rng: random.Random, values: Array, bits: int) -> bytes:
    """Rows of one pass with a filter each: none, left, above (PNG, 3rd edition, 9.2)."""
    if not values.size:
        return b""
    flat = values.reshape(len(values), -1)
    if bits == 16:
        lines = flat.astype(">u2").view(np.uint8).reshape(len(flat), -1)
    elif bits == 8:
        lines = flat.astype(np.uint8)
    else:
        ones = (flat[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
        lines = np.packbits(ones.reshape(len(flat), -1).astype(np.uint8), axis=1)
    step = max(1, values.shape[2] * bits // 8)
    out, before = b"", np.zeros(lines.shape[1], np.uint8)
    for line in lines:
        kind = rng.choice((0, 1, 2))
        left = np.concatenate([np.zeros(step, np.uint8), line])[: len(line)]
        out += bytes([kind]) + (line - (0, left, before)[kind]).astype(np.uint8).tobytes()
        before = line
    return out


def _jpeg(rng: random.Random) -> Made:
    kind = rng.choice(("ycbcr", "ycbcr", "rgb", "grey", "cmyk", "ycck", "plain cmyk", "lossless",
                       "12 bits"))  # fmt: skip
    channels = {"grey": 1, "cmyk": 4, "ycck": 4, "plain cmyk": 4}.get(kind, 3)
    values = _smooth(rng, channels)
    array = values[..., 0] if channels == 1 else values
    options: dict[str, Any] = {"level": rng.choice((90, 100))}
    if kind in ("ycbcr", "ycck"):
        options["subsampling"] = rng.choice(("444", "422", "420", "411", "440"))
    if kind in ("lossless", "12 bits"):
        deep = array.astype(np.uint16) * 16 if kind == "12 bits" else array
        extra = {"lossless": True} if kind == "lossless" else {"bitspersample": 12}
        data = bytes(imagecodecs.jpeg_encode(deep, **extra))
        return Made(f"JPEG {kind}", ".jpg", data, array.astype(float), None, 60, 5)
    spaces = {
        "ycbcr": ("rgb", "ycbcr"), "rgb": ("rgb", "rgb"), "grey": ("grayscale", "grayscale"),
        "cmyk": ("cmyk", "cmyk"), "ycck": ("cmyk", "ycck"), "plain cmyk": ("cmyk", "cmyk"),
    }  # fmt: skip
    inside, stored = spaces[kind]
    held = 255 - array if channels == 4 else array
    data = bytes(
        imagecodecs.jpeg_encode(
            np.ascontiguousarray(held), colorspace=inside, outcolorspace=stored, **options
        )
    )
    if kind == "plain cmyk":
        at = data.find(b"\xff\xee")
        if at > 0:
            data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    name = f"JPEG {kind} {options.get('subsampling', '')}".strip()
    rgb = None if channels == 4 else np.broadcast_to(values.astype(float), (*values.shape[:2], 3))
    return Made(name, ".jpg", data, rgb, None, 60, 6.0, raw="cmyk" if channels == 4 else "")


def _webp(rng: random.Random) -> Made:
    lossless, clear = rng.random() < 0.6, rng.random() < 0.5
    values = _smooth(rng, 4)
    if lossless:
        high, wide = values.shape[:2]
        values = _values(rng, high, wide, 4, 255).astype(np.uint8)
    image = Image.fromarray(values if clear else np.ascontiguousarray(values[..., :3]))
    out = io.BytesIO()
    frames = rng.random() < 0.3
    second = Image.new(image.mode, image.size)
    more: dict[str, Any] = {"save_all": True, "append_images": [second]} if frames else {}
    image.save(out, "WEBP", lossless=lossless, exact=True, quality=95, **more)
    rgb = np.asarray(image.convert("RGB")).astype(float)
    alpha = values[..., 3].astype(float) if clear else None
    name = f"WebP {'lossless' if lossless else 'lossy'}{' alpha' if clear else ''}"
    loose: dict[str, Any] = {} if lossless else {"tolerance": 90, "mean": 8.0}
    name += " frames" if frames else ""
    return Made(name, ".webp", out.getvalue(), rgb, alpha, frames=frames, **loose)

"""Layouts are decoded right, or refused by their name; never a guess."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from nobgd.picture import levels
from nobgd.picture.decode import Picture, decode, look
from nobgd.values import Code, NobgdError

y, x = np.mgrid[0:36, 0:48]
BALL = np.hypot(x - 24, y - 18)[..., None] < 12
PHOTO = np.where(BALL, (230, 40, 30), (150, 152, 155)).astype(np.uint8)


def opened(data: bytes) -> Picture:
    return decode(data, look(data))


def tiff(array: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, metadata=None, **options)
    return out.getvalue()


def saved(array: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(array: np.ndarray, kind: int, bits: int, extra: bytes = b"") -> bytes:
    """A PNG without filters, of 8 or 16 bits or of packed rows."""
    high, wide = array.shape[:2]
    rows = array.reshape(high, -1).astype(">u2" if bits == 16 else np.uint8)
    head = struct.pack(">IIBBBBB", wide, high, bits, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("codec", [None, "lzw", "deflate"])
@pytest.mark.parametrize("big", [False, True])
def test_sixteen_bit_planes(order: str, codec: str | None, big: bool) -> None:
    """Photoshop's "per channel", at any depth, byte order and compression: the photo itself."""
    planes = (PHOTO.astype(np.uint16) * 257).transpose(2, 0, 1).copy()
    data = tiff(planes, photometric="rgb", planarconfig="separate", byteorder=order,
                compression=codec, bigtiff=big)  # fmt: skip
    np.testing.assert_array_equal(opened(data).pixels, PHOTO)


def test_grey_of_thirty_two_bits_is_unsigned() -> None:
    """Bright grey is not taken for a negative number."""
    data = tiff(PHOTO[..., 0].astype(np.uint32) * 16843009, photometric="minisblack")
    np.testing.assert_array_equal(opened(data).pixels[..., 1], PHOTO[..., 0])


def test_big_endian_bigtiff() -> None:
    """A byte order that Pillow does not know for BigTIFF."""
    data = tiff(PHOTO, photometric="rgb", bigtiff=True, byteorder=">")
    np.testing.assert_array_equal(opened(data).pixels, PHOTO)


def test_a_smaller_version_that_comes_first_is_not_the_picture() -> None:
    """The page whose subfile type is 0 is."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(PHOTO[::4, ::4].copy(), photometric="rgb", subfiletype=1, metadata=None)
        file.write(PHOTO, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(opened(out.getvalue()).pixels, PHOTO)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"compression": "lerc"}, "LERC"),
        ({"compression": "webp"}, "WebP"),
        ({"compression": "jpegxl"}, "JPEG XL"),
        ({"compression": "jpeg2000"}, "JPEG 2000"),
        ({"compression": "lerc", "bigtiff": True, "byteorder": ">"}, "big-endian BigTIFF"),
    ],
)
def test_a_compression_that_is_not_known_is_named(options: dict[str, Any], name: str) -> None:
    """Unsupported, never damaged, and the sentence says what it is."""
    pytest.importorskip("imagecodecs")
    with pytest.raises(NobgdError) as refused:
        look(tiff(PHOTO, photometric="rgb", **options))
    assert refused.value.code is Code.UNSUPPORTED
    assert name in refused.value.reason


@pytest.mark.parametrize(
    ("dtype", "photometric", "name"),
    [(np.float32, "rgb", "float RGB"), (np.int8, "rgb", "signed RGB"),
     (np.complex64, "minisblack", "complex"), (np.uint64, "minisblack", "64-bit")],
)  # fmt: skip
def test_samples_without_one_meaning_are_named(
    dtype: type[np.generic], photometric: str, name: str
) -> None:
    """Whether floats are linear, and where black is, no program knows."""
    array = PHOTO.astype(dtype) if photometric == "rgb" else PHOTO[..., 0].astype(dtype)
    with pytest.raises(NobgdError) as refused:
        look(tiff(array, photometric=photometric))
    assert refused.value.code is Code.UNSUPPORTED
    assert name in refused.value.reason


def test_a_palette_of_other_channels_is_no_damage() -> None:
    """A photometric number that nobody knows is unsupported by its number."""
    data = bytearray(tiff(PHOTO, photometric="rgb"))
    at = data.index(struct.pack("<HHIH", 262, 3, 1, 2))
    data[at + 8 : at + 10] = struct.pack("<H", 4711)
    with pytest.raises(NobgdError) as refused:
        look(bytes(data))
    assert refused.value.code is Code.UNSUPPORTED
    assert "4711" in refused.value.reason


def test_sixteen_bits_are_rounded() -> None:
    """Every one of the 65,536 values is v / 257 to the nearest, in grey and colour."""
    ramp = np.arange(65536).reshape(256, 256)
    wanted = np.rint(ramp / 257)
    np.testing.assert_array_equal(levels.table(16)[ramp], wanted)
    colour = np.dstack([ramp, ramp[::-1], ramp.T])
    for data in (png(colour, 2, 16), tiff(colour.astype(np.uint16), photometric="rgb")):
        np.testing.assert_array_equal(opened(data).pixels, np.rint(colour / 257))
    np.testing.assert_array_equal(opened(png(ramp[..., None], 0, 16)).pixels[..., 0], wanted)
    for kind, channels in ((4, 2), (6, 4)):
        picture = opened(png(np.dstack([ramp] * channels), kind, 16))
        np.testing.assert_array_equal(picture.pixels[..., 0], wanted)
        np.testing.assert_array_equal(picture.alpha, wanted)


def test_a_transparent_colour_of_sixteen_bits_is_compared_in_full() -> None:
    """A neighbour that differs in its lower byte alone is opaque."""
    colour = np.full((4, 4, 3), 0x1234)
    colour[0, 0] = 0x1235
    data = png(colour, 2, 16, chunk(b"tRNS", struct.pack(">3H", *[0x1235] * 3)))
    alpha = opened(data).alpha
    assert alpha is not None
    assert alpha[0, 0] == 0
    assert (alpha.ravel()[1:] == 255).all()


@pytest.mark.parametrize(("bits", "value"), [(1, 1), (2, 2), (4, 5)])
def test_a_transparent_grey_of_few_bits(bits: int, value: int) -> None:
    """Its number is one of the file's, not one of 0 … 255."""
    row = np.arange(8) % (1 << bits)
    ones = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(ones.astype(np.uint8).ravel())
    head = struct.pack(">IIBBBBB", 8, 2, bits, 0, 0, 0, 0)
    body = zlib.compress((b"\0" + packed.tobytes()) * 2)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    data += chunk(b"tRNS", struct.pack(">H", value)) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    alpha = opened(data).alpha
    assert alpha is not None
    np.testing.assert_array_equal(alpha[0] == 0, row == value)


def test_the_last_run_of_a_fax_is_there() -> None:
    """Libtiff loses it where nothing follows in the strip; small random pictures show it."""
    random = np.random.default_rng(7)
    for _ in range(150):
        shape = random.integers(1, 9, 2)
        bits = random.integers(0, 2, shape).astype(bool)
        for codec in ("tiff_ccitt", "group3", "group4"):
            data = saved(bits, "TIFF", compression=codec)
            np.testing.assert_array_equal(opened(data).pixels[..., 0], bits * 255)


def test_ink_without_adobes_marker_is_not_guessed() -> None:
    """Some programs invert CMYK then and some do not."""
    codecs = pytest.importorskip("imagecodecs")
    data = codecs.jpeg_encode(np.dstack([PHOTO, PHOTO[..., :1]]), colorspace="cmyk",
                              outcolorspace="cmyk")  # fmt: skip
    at = data.find(b"\xff\xee")
    if at > 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    with pytest.raises(NobgdError) as refused:
        look(data)
    assert refused.value.code is Code.UNSUPPORTED
    assert "Adobe" in refused.value.reason


@pytest.mark.parametrize(("options", "name"), [({"bitspersample": 12}, "12 bits"),
                                               ({"lossless": True}, "lossless")])  # fmt: skip
def test_jpegs_of_other_kinds_are_named(options: dict[str, Any], name: str) -> None:
    """Unsupported by name."""
    codecs = pytest.importorskip("imagecodecs")
    array = PHOTO.astype(np.uint16) if "bitspersample" in options else PHOTO
    with pytest.raises(NobgdError) as refused:
        look(codecs.jpeg_encode(array, **options))
    assert refused.value.code is Code.UNSUPPORTED
    assert name in refused.value.reason

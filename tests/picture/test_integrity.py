"""Damage of what decides pixels is seen; damage of anything else is taken and said."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nobgd.picture import jpeg_scan, png_chunks
from nobgd.picture.decode import Picture, decode, finished, look
from nobgd.picture.provenance import SIGNATURE, frame
from nobgd.values import Code, NobgdError

BOMB = zlib.compress(bytes(40 << 20))
RNG = np.random.default_rng(3)
Y, X = np.mgrid[0:360, 0:480]
BALL = np.hypot(X - 240, Y - 180)[..., None] < 120
PLAIN = np.where(BALL, (230, 40, 30), (150, 152, 155)).astype(np.uint8)
BUSY = (PLAIN // 2 + RNG.integers(0, 90, PLAIN.shape)).astype(np.uint8)
JPEGS = {
    "baseline": {}, "progressive": {"progressive": True}, "4:4:4": {"subsampling": 0},
    "restarts": {"restart_marker_rows": 1}, "optimised": {"optimize": True},
}  # fmt: skip


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(out, kind, **options)
    return out.getvalue()


def picture(data: bytes) -> Picture:
    return decode(data, look(data))


def refused(data: bytes) -> Code:
    with pytest.raises(NobgdError) as caught:
        picture(data)
    assert "again" in caught.value.reason
    return caught.value.code


def same(data: bytes, whole: bytes) -> tuple[str, ...]:
    """What `data` is complained of, which has all the pixels of `whole`."""
    found = picture(data)
    np.testing.assert_array_equal(found.rgbx, picture(whole).rgbx)
    return found.complaints


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    at, found = 8, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def png(*parts: tuple[bytes, bytes]) -> bytes:
    return SIGNATURE + b"".join(frame(kind, body) for kind, body in parts)


def wrong(kind: bytes, body: bytes) -> bytes:
    """A chunk whose checksum does not fit."""
    return frame(kind, body)[:-4] + b"\0\0\0\1"


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_zeros_within_a_jpegs_scan_are_damage(mode: str, options: dict[str, Any]) -> None:
    """Two kilobytes that the disk or the network never delivered, whatever the decoder says."""
    data = encoded(BUSY, "JPEG", mode, quality=92, **options)
    middle = len(data) // 2
    assert refused(data[:middle] + bytes(2048) + data[middle + 2048 :]) is Code.BROKEN


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_blocks_missing_from_a_jpegs_scan_are_damage(mode: str, options: dict[str, Any]) -> None:
    """A quarter of the data is gone; Pillow shows grey without a word."""
    data = encoded(BUSY, "JPEG", mode, quality=92, **options)
    third = len(data) // 3
    assert refused(data[:third] + data[third + len(data) // 4 :]) is Code.BROKEN


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_flat_jpeg_may_be_full_of_zeros(options: dict[str, Any]) -> None:
    """With tables made for it, a white wall is zeros for kilobytes; so nothing is wrong."""
    wall = np.full((2000, 3000, 3), 255, np.uint8)
    wall[100:300, 100:300] = (3, 40, 200)
    assert picture(encoded(wall, "JPEG", quality=90, **options)).complaints == ()
    assert picture(encoded(wall, "JPEG", "L", quality=90, **options)).complaints == ()


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_without_its_end_marker_is_taken_if_all_blocks_are_there(
    options: dict[str, Any],
) -> None:
    """It is said, so that nobody deletes the original; without its last blocks it is truncated."""
    whole = encoded(BUSY, "JPEG", **options)
    assert not finished(whole[:-2], look(whole))
    assert same(whole[:-2], whole) == (jpeg_scan.NO_END,)
    assert same(whole[:-1], whole) == (jpeg_scan.NO_END,)
    assert same(whole[:-2] + bytes(900), whole) == (jpeg_scan.NO_END,)
    for cut in (3, 40, 900):
        assert refused(whole[:-cut]) is Code.TRUNCATED
        assert refused(whole[:-cut] + bytes(cut)) is Code.TRUNCATED


@pytest.mark.parametrize("junk", [b"\0" * 40, b"\0\1\2" * 5, bytes(range(1, 200))])
def test_bytes_between_the_segments_of_a_jpeg_do_no_harm(junk: bytes) -> None:
    """The decoder steps over them, Pillow's header reader did not."""
    whole = encoded(PLAIN, "JPEG")
    for marker in (b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda"):
        at = whole.index(marker)
        assert same(whole[:at] + junk + whole[at:], whole)


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xe0\0\2", b"\xff\xe1\0\4\1\2", b"\xff\xe1\0\x10Exif\0\0MM\0*\xff\xff\xff\xff",
        b"\xff\xe2\0\x0cICC_PROFI\0", b"\xff\xe2\0\x10ICC_PROFILE\0\0\0",
        b"\xff\xe2\0\x0aMPF\0abcd",
        b"\xff\xed\0\x1aPhotoshop 3.0\x008BIM\4\4\4\4\xff\xff", b"\xff\xee\0\x07Adobe",
        b"\xff\xe9\0\x21" + bytes(31), b"\xff\xe0\0\x10JFIF\0\1\2\0\0\1\0\1\0\0" * 2,
    ],
    ids=repr,
)  # fmt: skip
def test_odd_application_segments_do_no_harm(segment: bytes) -> None:
    """Whatever a program put there: pixels do not depend on it."""
    whole = encoded(PLAIN, "JPEG")
    same(whole[:2] + segment + whole[2:], whole)
    grey = encoded(PLAIN, "JPEG", "L")
    same(grey[:2] + segment + grey[2:], grey)


@pytest.mark.parametrize("junk", [bytes(600), b"\xaa" * 7, b"\x12\x34\x56", bytes(range(1, 120))])
def test_padding_before_the_end_marker_does_no_harm(junk: bytes) -> None:
    """Some cameras leave bytes there; so few that the decoder had them at hand go unsaid."""
    whole = encoded(PLAIN, "JPEG")
    said = same(whole[:-2] + junk + whole[-2:], whole)
    assert len(said) == 1 or len(junk) < 8


def test_a_sequential_scan_may_carry_odd_parameters() -> None:
    """Some cameras write an end of the spectrum of 0; it has no meaning there."""
    whole = encoded(PLAIN, "JPEG")
    at = whole.index(b"\xff\xda")
    end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
    assert same(whole[: end - 3] + b"\0\0\0" + whole[end:], whole)


def test_the_order_of_restart_markers_is_that_of_the_rows() -> None:
    """Two stretches of rows in each other's place."""
    data = encoded(BUSY, "JPEG", restart_marker_rows=1, quality=92)
    at = [n for n in range(len(data) - 1) if data[n] == 0xFF and 0xD0 <= data[n + 1] <= 0xD7]
    a, b, c, d = at[3], at[4], at[8], at[9]
    mixed = data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
    assert refused(mixed) is Code.BROKEN


def test_too_many_scans_are_refused_before_decoding() -> None:
    """Each costs a pass over all blocks: 2,000 of them a minute."""
    data = encoded(PLAIN, "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    many = data[:at] + data[at:-2] * 2000 + data[-2:]
    with pytest.raises(NobgdError) as caught:
        look(many)
    assert caught.value.code is Code.UNSUPPORTED
    assert "scans" in caught.value.reason


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {}), ("RGBA", {}), ("L", {}), ("P", {"transparency": 1}), ("1", {}), ("LA", {})],
)
def test_a_wrong_checksum_of_pixels_is_damage(mode: str, options: dict[str, Any]) -> None:
    """Whatever inflate makes of them."""
    data = encoded(BUSY, "PNG", mode, **options)
    for kind in {kind for kind, _ in chunks(data)} & {b"IDAT", b"PLTE", b"tRNS"}:
        at = data.index(kind)
        size = int.from_bytes(data[at - 4 : at], "big")
        bad = bytearray(data)
        bad[at + 4 + size] ^= 1
        assert refused(bytes(bad)) is Code.BROKEN, kind
    middle = len(data) // 2
    assert refused(data[:middle] + bytes(400) + data[middle + 400 :]) is Code.BROKEN


def test_the_stream_of_a_png_is_read_to_its_check() -> None:
    """A wrong Adler-32 under right CRCs, and a stream that is too short."""
    head, body = (dict(chunks(encoded(BUSY, "PNG"))).get(kind, b"") for kind in (b"IHDR", b"IDAT"))
    raw = zlib.decompress(b"".join(b for k, b in chunks(encoded(BUSY, "PNG")) if k == b"IDAT"))
    assert body
    whole = zlib.compress(raw)
    for stream in (whole[:-1] + bytes([whole[-1] ^ 1]), zlib.compress(raw[:-1])):
        assert refused(png((b"IHDR", head), (b"IDAT", stream), (b"IEND", b""))) is Code.BROKEN
    good = png((b"IHDR", head), (b"IDAT", whole), (b"IEND", b""))
    assert same(good, encoded(BUSY, "PNG")) == ()
    for stream in (zlib.compress(raw + bytes(300_000)), whole + b"rest", whole[:-4]):
        same(png((b"IHDR", head), (b"IDAT", stream), (b"IEND", b"")), good)
    pieces = [(b"IDAT", whole[at : at + 7]) for at in range(0, len(whole), 7)]
    assert same(png((b"IHDR", head), *pieces, (b"IDAT", b""), (b"IEND", b"")), good) == ()


@pytest.mark.parametrize(
    "chunk",
    [
        wrong(b"tEXt", b"Comment\0hi"), wrong(b"pHYs", bytes(9)), wrong(b"eXIf", b"MM\0*"),
        wrong(b"iCCP", b"x\0\0abc"), wrong(b"gAMA", bytes(4)), wrong(b"prVt", b"theirs"),
        frame(b"zTXt", b"Comment\0\0" + BOMB),
        frame(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
        frame(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
        frame(b"iCCP", b"x\0\0" + BOMB), frame(b"iCCP", b"x\0\0junk"),
        frame(b"iCCP", b"no end of the name"), frame(b"gAMA", b"\0"), frame(b"cHRM", b"\0" * 3),
        frame(b"pHYs", b""), frame(b"tIME", b"1"), frame(b"iTXt", b""), frame(b"zTXt", b"a"),
        frame(b"acTL", b""), frame(b"fcTL", b"x"), frame(b"eXIf", b"nonsense"), frame(b"sRGB", b""),
        frame(b"bKGD", bytes(77)), frame(b"hIST", b"1"), frame(b"sPLT", b"\0"),
    ],
    ids=lambda chunk: chunk[4:8].decode() + str(len(chunk)),
)  # fmt: skip
def test_damaged_or_large_chunks_that_are_no_pixels_are_left_out(chunk: bytes) -> None:
    """Before the pixels or after them."""
    whole = encoded(PLAIN, "PNG")
    for at in (33, len(whole) - 12):
        same(whole[:at] + chunk + whole[at:], whole)


def test_a_wrong_checksum_of_a_comment_is_said() -> None:
    """The original of such a photo is not to be deleted."""
    whole = encoded(PLAIN, "PNG")
    assert same(whole[:33] + wrong(b"tEXt", b"a\0b") + whole[33:], whole) == (
        "tEXt has a wrong checksum",
    )


def test_what_follows_a_png_does_no_harm() -> None:
    """Zeros and garbage after the end; no end chunk at all."""
    whole = encoded(PLAIN, "PNG")
    assert same(whole + bytes(5000), whole) == ()
    assert same(whole + b"garbage", whole) == ()
    assert same(whole[:-12], whole) == ("no end chunk",)
    assert refused(whole[:-300]) is Code.TRUNCATED


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (17, 9)])
@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (2, 3), (4, 0), (8, 2), (16, 6), (8, 4)])
def test_the_length_of_the_rows_is_known_for_every_type(
    interlace: int, size: tuple[int, int], depth: int, colour: int
) -> None:
    """Bytes of filtered rows: what libpng and Pillow take, not one more or less."""
    width, height = size
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    count = png_chunks.raw_size(head)
    palette = [(b"PLTE", bytes(range(12)))] if colour == 3 else []

    def made(rows: bytes) -> bytes:
        return png((b"IHDR", head), *palette, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))

    Image.open(io.BytesIO(made(bytes(count)))).load()
    assert picture(made(bytes(count))).complaints == ()
    assert refused(made(bytes(count - 1))) is Code.BROKEN


def test_a_chunk_that_no_picture_can_do_without_is_named() -> None:
    """Xcode's PNGs are another format under this name."""
    parts = chunks(encoded(PLAIN, "PNG"))
    with pytest.raises(NobgdError) as caught:
        look(png((b"CgBI", b"\x50\0\x20\2"), *parts))
    assert caught.value.code is Code.UNSUPPORTED
    assert "CgBI" in caught.value.reason


def test_too_many_chunks_are_refused_before_decoding() -> None:
    """A million empty ones."""
    whole = encoded(PLAIN, "PNG")
    with pytest.raises(NobgdError) as caught:
        look(whole[:33] + frame(b"prVt", b"") * 1_000_000 + whole[33:])
    assert caught.value.code is Code.UNSUPPORTED
    assert "chunks" in caught.value.reason


WEBPS = {
    "lossy": {"quality": 80}, "lossless": {"lossless": True}, "poor": {"quality": 10, "method": 0},
}  # fmt: skip


@pytest.mark.parametrize("options", WEBPS.values(), ids=WEBPS)
def test_damage_within_a_webp_is_seen_by_where_its_picture_ends(options: dict[str, Any]) -> None:
    """Zeros, an exchange, a cut that is filled up: libwebp shows something and says nothing."""
    data = encoded(BUSY, "WEBP", **options)
    third, part = len(data) // 3, len(data) // 8
    for bad in (
        data[:third] + bytes(part) + data[third + part :],
        data[:third] + data[2 * third : 2 * third + part] + data[third + part :],
        data[:third] + data[third + part :] + data[-part:],
        data[:-part] + bytes(part),
    ):
        assert refused(bad) in (Code.BROKEN, Code.TRUNCATED)
    assert refused(data[:-40]) is Code.TRUNCATED


def test_damage_of_a_webps_alpha_is_seen() -> None:
    """It lies in a chunk of its own."""
    image = Image.fromarray(BUSY).convert("RGBA")
    image.putalpha(Image.fromarray(BUSY[..., 1]))
    out = io.BytesIO()
    image.save(out, "WEBP", quality=70)
    data = out.getvalue()
    at = data.index(b"ALPH") + 8
    size = int.from_bytes(data[at - 4 : at], "little")
    assert picture(data).complaints == ()
    assert refused(data[: at + size // 2] + bytes(4000) + data[at + size // 2 + 4000 :]) is (
        Code.BROKEN
    )


@pytest.mark.parametrize("options", [*WEBPS.values(), {"lossless": True, "method": 0}], ids=repr)
@pytest.mark.parametrize("side", [40, 2000])
def test_a_flat_webp_may_be_full_of_zeros(options: dict[str, Any], side: int) -> None:
    """A white wall ends in more than a thousand of them, and so it may."""
    wall = np.full((side, side * 2, 3), 255, np.uint8)
    assert picture(encoded(wall, "WEBP", **options)).complaints == ()
    wall[:20, :20] = (230, 40, 30)
    assert picture(encoded(wall, "WEBP", **options)).complaints == ()


def test_what_lies_around_a_webps_picture_does_no_harm() -> None:
    """EXIF of zeros, bytes behind, a length that is off, a strange chunk, a missing pad byte."""
    for options in ({"quality": 80}, {"lossless": True}):
        whole = encoded(BUSY, "WEBP", **options)
        zeros = encoded(BUSY, "WEBP", exif=b"MM\0*\0\0\0\x08\0\0" + bytes(4000), **options)
        assert same(zeros, whole) == ()
        assert same(whole + bytes(3000), whole) == ()
        assert same(whole + b"garbage" * 99, whole) == ()
        for size in (4, len(whole) - 100, len(whole) + 1, len(whole) + 10_000, 0xFFFFFFFF):
            assert same(whole[:4] + size.to_bytes(4, "little") + whole[8:], whole)
        strange = b"OURS\5\0\0\0hello\0"
        larger = (len(whole) - 8 + len(strange)).to_bytes(4, "little")
        assert same(whole[:4] + larger + whole[8:] + strange, whole) == ()
        assert "a chunk ends beyond the file" in same(zeros[:-900], whole)


@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_adobe_deflate", "zstd", "jpeg"])
def test_damage_within_a_compressed_tiff_is_seen(compression: str) -> None:
    """Libtiff stops when a strip is full, and leaves zeros where its stream breaks off."""
    data = encoded(BUSY, "TIFF", compression=compression)
    good = picture(data).rgbx
    seen, changed = 0, 0
    for at in range(2000, len(data) - 6000, len(data) // 40):
        try:
            found = picture(data[:at] + bytes(300) + data[at + 300 :]).rgbx
            changed += not np.array_equal(found, good)
        except NobgdError as error:
            assert error.code is Code.BROKEN  # noqa: PT017
            seen += 1
    if compression != "zstd":  # which has no check of its bytes unless asked for one
        assert changed == 0
    assert seen > 25

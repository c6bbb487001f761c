"""HEIC, AVIF, GIF, BMP and raw photos: what becomes of their pixels, colours and metadata."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from nobgd.picture import boxes, camera, extent, heif, kinds, nclx
from nobgd.picture.colour import ToSrgb
from nobgd.picture.container import Container, Item
from nobgd.picture.decode import decode, finished, look
from nobgd.picture.exif import says_adobe_rgb
from nobgd.values import Code, NobgdError
from picture.negatives import ball, dng, jpeg

pillow_heif.register_heif_opener()
BALL = ball()
RED, GREY, DARK = (230, 40, 30), (150, 152, 155), (20, 20, 20)


def saved(kind: str, pixels: Any = BALL, **more: Any) -> bytes:
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, kind, **more)
    return out.getvalue()


def shown(data: bytes, **more: Any) -> Any:
    return decode(data, look(data), **more)


def near(pixel: Any, wanted: tuple[int, ...], by: int = 6) -> bool:
    return bool(np.abs(np.asarray(pixel[:3], int) - wanted).max() <= by)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "GIF", "BMP"])
def test_each_is_known_by_its_content_and_decoded(kind: str) -> None:
    """Its size comes from the header, its pixels are what was written."""
    data = saved(kind)
    assert kinds.kind_of(data[:4096]) == kind
    header = look(data)
    assert (header.format, header.width, header.height) == (kind, 480, 360)
    picture = decode(data, header)
    assert near(picture.rgbx[180, 240], RED)
    assert near(picture.rgbx[10, 200], GREY)
    assert near(picture.rgbx[180, 5], DARK)
    assert picture.alpha is None
    assert picture.complaints == ()
    assert finished(data, header)
    assert extent.more(data, kind) is None


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "GIF", "BMP"])
def test_one_that_ends_too_early_is_no_picture(kind: str) -> None:
    """Wherever it ends: it may still be on its way, so it is truncated."""
    data = saved(kind)
    for end in (len(data) // 2, len(data) - 20, 70, 20):
        with pytest.raises(NobgdError) as caught:
            shown(data[:end])
        assert caught.value.code in (Code.TRUNCATED, Code.NOT_A_PICTURE)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_zeros_where_pixels_should_be_are_seen(kind: str) -> None:
    """A file that was given its size before its content; decoders make a picture of it."""
    rng = np.random.default_rng(1)
    data = saved(kind, rng.integers(0, 255, (360, 480, 3), dtype=np.uint8))
    cut = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    hole = data[:9000] + bytes(1024) + data[10024:]
    for damaged in (cut, hole):
        with pytest.raises(NobgdError) as caught:
            shown(damaged)
        assert caught.value.code is Code.BROKEN
    assert not finished(cut, look(cut))


def test_a_heic_is_turned_once() -> None:
    """Libheif turns it as its boxes say; the orientation in its EXIF is the same one again."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Nobody"
    data = _turned(saved("HEIF", exif=exif), 3)
    found = boxes.of(data)
    assert found.turned
    picture = shown(data)
    assert picture.rgbx.shape[:2] == (480, 360)
    assert near(picture.rgbx[5, 180], DARK)  # what was left is above
    kept = Image.Exif()
    kept.load(picture.exif)
    assert (kept[0x0112], kept[0x010F]) == (1, "Nobody")


def test_an_avif_is_turned_once() -> None:
    """Pillow writes the EXIF orientation as rotation, too."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = shown(saved("AVIF", exif=exif))
    assert picture.rgbx.shape[:2] == (480, 360)
    assert near(picture.rgbx[5, 180], DARK)


def _turned(data: bytes, quarters: int) -> bytes:
    """The HEIC with a rotation added to its picture's properties."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    def grown(body: bytes) -> bytes:
        out, at = b"", 0
        while at < len(body):
            size, kind = struct.unpack(">I4s", body[at : at + 8])
            inner = body[at + 8 : at + size]
            if kind == b"meta":
                inner = inner[:4] + grown(inner[4:])
            elif kind == b"iprp":
                inner = grown(inner)
            elif kind == b"ipco":
                inner += box(b"irot", bytes([quarters]))
            elif kind == b"ipma":
                count = inner[4 + 4 + 2]
                number = 1 + max(each & 0x7F for each in inner[11 : 11 + count])
                inner = inner[:10] + bytes([count + 1]) + inner[11:] + bytes([0x80 | number])
            elif kind == b"iloc":
                inner = moved(inner, 10)
            out += box(kind, inner)
            at += size
        return out

    def moved(body: bytes, by: int) -> bytes:
        """Offsets of all items, for what the description has grown."""
        assert (body[0], body[4:6]) == (0, b"\x44\x40")  # a base of four bytes for each item
        at, out = 8, bytearray(body)
        for _ in range(int.from_bytes(body[6:8], "big")):
            base = int.from_bytes(body[at + 4 : at + 8], "big") + by
            out[at + 4 : at + 8] = base.to_bytes(4, "big")
            at += 10 + 8 * int.from_bytes(body[at + 8 : at + 10], "big")
        return bytes(out)

    return grown(data)


def test_a_profile_is_kept() -> None:
    """Display P3 is what telephones write."""
    icc, _ = nclx.meaning(12, 13)
    assert icc is not None
    for kind in ("HEIF", "AVIF"):
        assert shown(saved(kind, icc_profile=icc)).icc == icc


def test_numbers_for_colours_become_a_profile() -> None:
    """Display P3's red is further out than sRGB's; sRGB's own numbers need none."""
    data = saved("AVIF").replace(b"nclx\0\1\0\x0d", b"nclx\0\x0c\0\x0d")
    icc = shown(data).icc
    assert icc is not None
    assert "P3" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    greens = np.array([[[100, 200, 100], [128, 128, 128]]], np.uint8)
    seen = ToSrgb(icc, "RGB")(greens)[0]
    assert np.abs(seen[0].astype(int) - (44, 203, 86)).max() <= 2  # by CSS Color 4's matrices
    assert np.abs(seen[1].astype(int) - 128).max() <= 1
    for kind in ("HEIF", "AVIF"):
        assert shown(saved(kind)).icc is None
    assert nclx.meaning(2, 2) == nclx.meaning(1, 1) == (None, {})


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_hdr_goes_on_as_numbers(kind: str) -> None:
    """PQ has no profile: the output says so as PNG does; the model is shown what it looks like."""
    data = saved(kind).replace(b"nclx\0\1\0\x0d", b"nclx\0\x09\0\x10")
    picture = shown(data)
    assert picture.icc is None
    assert picture.spoken == {b"cICP": bytes([9, 16, 0, 1])}
    assert picture.seen is not None


def test_ten_bits_are_rounded() -> None:
    """Not cut: 1023 is 255, and half a step up is up."""
    levels = np.tile(np.arange(0, 1024, 4, dtype=np.uint16), (64, 1))
    image = pillow_heif.from_bytes("L;16", (256, 64), (levels << 6).tobytes())
    out = io.BytesIO()
    image.save(out, quality=-1)
    data = out.getvalue()
    assert boxes.of(data).bits in (10, 12)
    row = shown(data).rgbx[32, :, 0].astype(int)
    assert np.abs(row - np.rint(levels[0] * (255 / 1023))).max() <= 1
    assert row[-1] >= 254


def test_grey_and_transparent_heics() -> None:
    """One channel, and an alpha beside the colours."""
    grey = shown(saved("HEIF", Image.fromarray(BALL).convert("L")))
    assert near(grey.rgbx[10, 200], (152, 152, 152))
    clear = np.dstack([BALL, np.where(np.arange(480) < 100, 0, 255) * np.ones((360, 1))])
    for kind in ("HEIF", "AVIF"):
        picture = shown(saved(kind, Image.fromarray(clear.astype(np.uint8), "RGBA"), quality=95))
        assert picture.alpha is not None
        assert picture.alpha[100, 50] < 10 < 245 < picture.alpha[100, 200]


def test_further_pictures_are_counted_and_helpers_are_not() -> None:
    """A burst's other pictures keep the original; its thumbnail is no picture."""
    other = Image.fromarray(BALL[::-1].copy())
    two = saved("HEIF", save_all=True, append_images=[other], primary_index=0)
    assert extent.more(two, "HEIF") == (
        Code.MORE_PICTURES, "it holds 2 pictures, of which one was cut out",
    )  # fmt: skip
    assert near(shown(two).rgbx[180, 240], RED)
    found = boxes.of(two)
    found.references.append((b"thmb", max(found.items), (found.primary,)))
    assert found.pictures() == 1
    film = saved("HEIF") + struct.pack(">I4s", 5008, b"mpvd") + bytes(5000)
    assert extent.more(film, "HEIF") == (
        Code.MORE_DATA, "the film of a motion photo is in its file",
    )  # fmt: skip
    frames = saved("AVIF", save_all=True, append_images=[other], duration=100)
    assert extent.more(frames, "AVIF") is not None
    films = saved("GIF", save_all=True, append_images=[other], duration=100)
    assert extent.more(films, "GIF") == (
        Code.MORE_PICTURES, "it holds 2 frames, of which one was cut out",
    )  # fmt: skip
    assert extent.more(saved("BMP") + bytes(range(256)) * 20, "BMP") is not None


def test_boxes_within_boxes_are_followed_as_far_as_a_film_has_them() -> None:
    """A film's frames are counted; a thousand tracks, each in another, are no depth of ours."""

    def within(kinds: list[bytes]) -> Container:
        body = struct.pack(">I4s4xII", 20, b"stsz", 0, 7)
        for kind in reversed(kinds):
            body = struct.pack(">I4s", 8 + len(body), kind) + body
        return boxes.of(body)

    assert within([b"moov", b"trak", b"mdia", b"minf", b"stbl"]).frames == 7
    assert within([b"moov", *[b"trak"] * 2000]).frames == 0


def test_a_gain_map_is_left_out_and_said() -> None:
    """Apple's is an auxiliary picture, the standard's a derived one."""
    found = Container(1, {1: Item(b"hvc1", False), 2: Item(b"hvc1", False)})
    found.references.append((b"auxl", 2, (1,)))
    name = bytes(4) + b"urn:com:apple:photo:2020:aux:hdrgainmap\0"
    found.items[2].properties.append((b"auxC", name))
    assert (found.pictures(), heif.notes(found)) == (1, ("gain_map_left_out",))
    coded = {1: b"grid", 2: b"hvc1", 3: b"tmap"}
    found = Container(1, {n: Item(kind, False) for n, kind in coded.items()})
    found.references.append((b"dimg", 3, (1, 2)))
    assert (found.pictures(), heif.notes(found)) == (1, ("gain_map_left_out",))
    assert heif.notes(boxes.of(saved("HEIF"))) == ()


def test_only_known_codecs_are_let_in() -> None:
    """A JPEG in HEIF's boxes has another decoder, which is not asked."""
    for kind, codec, name in (("HEIF", b"hvc1", "HEIF"), ("AVIF", b"av01", "AVIF")):
        with pytest.raises(NobgdError, match=f"{name} picture coded as H.266") as caught:
            look(saved(kind).replace(b"\0\0" + codec, b"\0\0vvc1"))
        assert caught.value.code is Code.UNSUPPORTED


def test_bitmaps_are_refused_by_name_where_they_are_odd() -> None:
    """A JPEG in a BMP's clothes; 2 bits a pixel, which no standard has."""
    data = bytearray(saved("BMP"))
    data[30] = 4
    with pytest.raises(NobgdError, match="a BMP with a JPEG in it"):
        look(bytes(data))
    data[30], data[28] = 0, 2
    with pytest.raises(NobgdError, match="a BMP of 2 bits"):
        look(bytes(data))


def test_a_raw_photos_preview_is_taken() -> None:
    """The camera's own picture, with the orientation and the EXIF of the raw photo."""
    for data in (dng(BALL, jpeg(BALL)), dng(BALL, jpeg(BALL), digital=False)):
        header = look(data)
        assert (header.format, header.width, header.height) == ("RAW", 480, 360)
        picture = decode(data, header)
        assert near(picture.rgbx[180, 240], RED)
        assert near(picture.rgbx[180, 5], DARK)
        assert picture.assumed == picture.complaints == ()
        kept = Image.Exif()
        assert picture.exif is not None
        kept.load(picture.exif)
        assert (kept[0x010F], kept[0x0110], kept.get(0x0112, 1)) == ("Nobody", "Nothing", 1)
        more = extent.more(data, "RAW")
        assert more is not None
        assert more[0] is Code.MORE_DATA
    turned = shown(dng(BALL, jpeg(BALL), orientation=6))
    assert turned.rgbx.shape[:2] == (480, 360)
    assert near(turned.rgbx[5, 180], DARK)


def test_a_preview_that_stands_upright_is_not_turned_again() -> None:
    """It is higher than wide though the sensor is wider than high."""
    upright = np.ascontiguousarray(np.rot90(BALL, -1))
    data = dng(BALL, jpeg(upright), orientation=6, preview_size=(360, 480))
    picture = shown(data)
    assert picture.rgbx.shape[:2] == (480, 360)
    assert near(picture.rgbx[5, 180], DARK)


def test_without_a_full_size_preview_a_raw_photo_is_developed() -> None:
    """And when that is asked for: from the sensor, upright, and said."""
    small = jpeg(BALL[::4, ::4].copy())
    for data, develop in (
        (dng(BALL), False), (dng(BALL, small, preview_size=(120, 90)), False),
        (dng(BALL, jpeg(BALL)), True),
    ):  # fmt: skip
        picture = shown(data, develop=develop)
        assert picture.rgbx.shape[:2] == (360, 480)
        assert picture.assumed == (camera.DEVELOPED,)
        red, grey = picture.rgbx[180, 240], picture.rgbx[10, 200]
        assert red[0] > 200 > 60 > red[1]
        assert int(grey[:3].max()) - int(grey[:3].min()) <= 12
    turned = shown(dng(BALL, jpeg(BALL), orientation=6), develop=True)
    assert turned.rgbx.shape[:2] == (480, 360)
    assert turned.rgbx[5, 180, :3].max() < 60


def test_a_raw_photo_that_ends_too_early() -> None:
    """Where its preview is there it is said; where its sensor is wanted it is truncated."""
    data = dng(BALL, jpeg(BALL))
    cut = data[:-1000]
    assert not finished(cut, look(cut))
    assert shown(cut).complaints == ("the raw data end too early",)
    for damaged, develop in ((cut, True), (data[:1200], False), (data[:300], False)):
        with pytest.raises(NobgdError) as caught:
            shown(damaged, develop=develop)
        assert caught.value.code is Code.TRUNCATED


def test_a_missing_decoder_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence names the package."""
    import sys

    heic, raw = saved("HEIF"), dng(BALL, jpeg(BALL))
    for name, data in (("pillow_heif", heic), ("rawpy", raw)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(NobgdError, match=f"pip install {name.replace('_', '-')}") as caught:
            shown(data)
        assert caught.value.code is Code.UNSUPPORTED


def test_adobe_rgb_is_not_seen_where_it_is_not_said() -> None:
    """A raw photo without EXIF of colours."""
    assert not says_adobe_rgb(dng(BALL, jpeg(BALL)))

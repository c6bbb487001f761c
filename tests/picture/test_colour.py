"""Colours are what the file says, however it says it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from nobgd.picture import colour
from nobgd.picture.encode import encode
from picture import coated
from picture.test_layouts import PHOTO, chunk, opened, png, saved, tiff

SPOKEN = {
    b"gAMA": struct.pack(">I", 100000),
    b"cHRM": struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000),
    b"cICP": bytes([9, 16, 0, 1]),
    b"mDCV": bytes(range(24)),
    b"cLLI": bytes(range(8)),
}


def adobe_exif(space: int = 65535, index: bytes = b"R03\0") -> bytes:
    """An Exif block that says Adobe RGB as DCF wants it (and a size, to be turned)."""
    block = b"MM\0*\0\0\0\x08" + struct.pack(">H", 1) + struct.pack(">HHII", 0x8769, 4, 1, 26)
    block += bytes(4) + struct.pack(">H", 2) + struct.pack(">HHIHH", 0xA001, 3, 1, space, 0)
    block += struct.pack(">HHII", 0xA005, 4, 1, 56) + bytes(4)
    return block + struct.pack(">H", 1) + struct.pack(">HHI4s", 1, 2, 4, index) + bytes(4)


def tiff_with_exif(orientation: int) -> bytes:
    """A TIFF whose Exif directory says Adobe RGB and a size of 48 by 36."""
    tags = [(65000, "I", 1, 0, True), (274, "H", 1, orientation, True)]
    data = tiff(PHOTO, photometric="rgb", byteorder="<", extratags=tags, resolution=(300, 72))
    at = len(data) + len(data) % 2
    entries = struct.pack("<HHIHH", 0xA001, 3, 1, 65535, 0) + struct.pack("<HHII", 0xA002, 4, 1, 48)
    entries += struct.pack("<HHII", 0xA003, 4, 1, 36) + struct.pack("<HHII", 0xA005, 4, 1, at + 54)
    block = struct.pack("<H", 4) + entries + bytes(4)
    block += struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 4, b"R03\0") + bytes(4)
    old, new = struct.pack("<HHII", 65000, 4, 1, 0), struct.pack("<HHII", 34665, 4, 1, at)
    return data.replace(old, new).ljust(at, b"\0") + block


def test_what_a_png_says_of_its_colours_goes_along() -> None:
    """gAMA, cHRM, cICP, mDCV and cLLI are in the output as they were, before its pixels."""
    extra = b"".join(chunk(kind, body) for kind, body in SPOKEN.items())
    picture = opened(png(PHOTO, 2, 8, extra))
    assert picture.spoken == SPOKEN
    data = b"".join(encode(picture.rgbx, spoken=picture.spoken))
    for kind, body in SPOKEN.items():
        assert 0 < data.index(chunk(kind, body)) < data.index(b"IDAT")


def test_srgb_goes_along_unless_there_is_a_profile() -> None:
    """The format allows only one of the two."""
    intent = chunk(b"sRGB", b"\0")
    assert opened(png(PHOTO, 2, 8, intent)).spoken == {b"sRGB": b"\0"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(PHOTO, "PNG", icc_profile=profile)
    at = data.index(b"iCCP") - 4
    picture = opened(data[:at] + intent + data[at:])
    assert picture.icc == profile
    assert picture.spoken == {}


def test_a_chunk_that_is_damaged_says_nothing() -> None:
    """A wrong checksum or size: left out."""
    bad = chunk(b"gAMA", SPOKEN[b"gAMA"])[:-1] + b"x"
    assert opened(png(PHOTO, 2, 8, bad + chunk(b"cICP", b"abc"))).spoken == {}


def test_where_a_profile_was_applied_the_rest_is_past() -> None:
    """Grey with a profile is sRGB afterwards: its gamma must not be applied once more."""
    grey = np.dstack([PHOTO[..., 0]])
    data = saved(grey[..., 0], "PNG", icc_profile=grey_profile())
    at = data.index(b"iCCP") - 4
    picture = opened(data[:at] + chunk(b"gAMA", SPOKEN[b"gAMA"]) + data[at:])
    assert picture.spoken == {}
    assert picture.icc is None


def grey_profile() -> bytes:
    """Grey with a gamma of 1.8."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, 461)
    return colour.profile(b"mntr", b"GRAY", b"XYZ ", {
        b"desc": colour.described("grey"), b"cprt": b"text\0\0\0\0\0",
        b"wtpt": colour.xyz_tag(np.array([0.9642, 1.0, 0.8249])), b"kTRC": curve,
    })  # fmt: skip


def lab(array: np.ndarray, icc: bytes | None) -> np.ndarray:
    """CIELAB by LittleCMS, relative colorimetric, of RGB or CMYK."""
    mode = "CMYK" if array.shape[2] == 4 else "RGB"
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("sRGB")
    image = Image.fromarray(np.ascontiguousarray(array), mode)
    out = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.createProfile("LAB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="LAB",
    )
    values = np.asarray(out)
    pair = values[..., 1:].copy().view(np.int8)
    return np.dstack([values[..., 0].astype(float) * 100 / 255, pair.astype(float)])


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_adobe_rgb_that_only_exif_tells_gets_a_profile(kind: str) -> None:
    """A camera set to Adobe RGB writes no profile, but index R03."""
    if kind == "TIFF":
        data = tiff_with_exif(1)
    else:
        data = saved(PHOTO, kind, exif=b"Exif\0\0" + adobe_exif())
    assert opened(data).icc == colour.adobe_rgb()


@pytest.mark.parametrize(("space", "index"), [(1, b"R98\0"), (65535, b"R98\0"), (1, b"R03\0")])
def test_other_words_of_exif_give_none(space: int, index: bytes) -> None:
    """sRGB, and a space that is not told."""
    assert opened(saved(PHOTO, "JPEG", exif=b"Exif\0\0" + adobe_exif(space, index))).icc is None


def adobe_lab(values: np.ndarray) -> np.ndarray:
    """CIELAB of Adobe RGB (1998), by its definition and Bradford's adaptation to D50."""
    primaries = np.array([[0.64, 0.33, 0.03], [0.21, 0.71, 0.08], [0.15, 0.06, 0.79]]).T
    white = np.array([0.3127, 0.3290, 0.3583]) / 0.3290
    matrix = primaries * np.linalg.solve(primaries, white)
    xyz = (values / 255) ** (563 / 256) @ matrix.T / white
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367],
                     [0.0389, -0.0685, 1.0296]])  # fmt: skip
    d50 = np.array([0.9642, 1, 0.8249])
    adapt = np.linalg.inv(cone) @ np.diag(cone @ d50 / (cone @ white)) @ cone
    relative = (xyz * white) @ adapt.T / d50
    return coated.lab(relative.reshape(-1, 3)).reshape(values.shape)


def test_the_adobe_rgb_profile_is_its_definition() -> None:
    """Colours by the published primaries, white and gamma, computed apart, within 0.3 of dE00."""
    ciede2000 = pytest.importorskip("skimage.color").deltaE_ciede2000
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    truth = adobe_lab(values)
    assert ciede2000(truth, lab(values, colour.adobe_rgb())).mean() < 0.3


def test_the_coated_profile_is_what_was_measured() -> None:
    """The bundled file is what its maker makes, and gives the patches' colours back."""
    assert colour.coated() == coated.build()
    ciede2000 = pytest.importorskip("skimage.color").deltaE_ciede2000
    inks, values = coated.patches()
    given = lab(np.rint(inks * 2.55).astype(np.uint8)[None], colour.coated())[0]
    difference = ciede2000(values, given)
    assert difference.mean() < 0.4
    assert difference.max() < 1.5


def test_black_ink_is_black() -> None:
    """Black point compensation: the darkest that paper bears is black on a screen."""
    ink = np.full((8, 8, 4), 255, np.uint8)
    assert opened(tiff(ink, photometric="separated")).pixels.max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_and_resolutions_turn_with_the_picture(orientation: int) -> None:
    """What belonged to a column belongs to a row afterwards, in pHYs and in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0100], exif[0x0101] = 48, 36
    exif[0x011A], exif[0x011B] = 300.0, 72.0
    inner = exif.get_ifd(0x8769)
    inner[0xA002], inner[0xA003] = 48, 36
    for kind in ("JPEG", "TIFF"):
        jpeg = kind == "JPEG"
        picture = opened(
            saved(PHOTO, kind, exif=exif, dpi=(300, 72)) if jpeg else tiff_with_exif(orientation)
        )
        turned = orientation > 4
        assert picture.rgbx.shape[:2] == ((48, 36) if turned else (36, 48))
        assert picture.dpi == pytest.approx((72, 300) if turned else (300, 72), rel=0.01)
        kept = Image.Exif()
        kept.load(picture.exif or b"")
        size = kept.get_ifd(0x8769)
        assert (size[0xA002], size[0xA003]) == ((36, 48) if turned else (48, 36)), kind
        if kind == "JPEG":
            assert (kept[0x0100], kept[0x0101]) == ((36, 48) if turned else (48, 36))
            assert (kept[0x011A], kept[0x011B]) == ((72, 300) if turned else (300, 72))

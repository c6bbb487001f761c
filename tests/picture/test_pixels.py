"""Every mode that the four formats yield gives a right picture."""

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from nobgd.picture.decode import Picture, decode, look
from picture.conftest import Save


def opened(data: bytes) -> Picture:
    return decode(data, look(data))


def rgb_of(picture: Picture) -> np.ndarray:
    assert picture.rgbx.flags.c_contiguous
    assert picture.rgbx.dtype == np.uint8
    assert (picture.rgbx[..., 3] == 255).all()
    return picture.pixels


def assert_same(picture: Picture, image: Image.Image) -> None:
    np.testing.assert_array_equal(rgb_of(picture), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_opaque_modes(photo: Image.Image, save: Save, mode: str, kind: str) -> None:
    """Black and white, grey, colour and palette are what Pillow shows, and opaque."""
    image = photo.convert(mode)
    picture = opened(save(image, kind))
    assert_same(picture, image)
    assert picture.alpha is None


@pytest.mark.parametrize(("mode", "kind"), [("LA", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"),
                                            ("RGBA", "TIFF"), ("LA", "TIFF")])  # fmt: skip
def test_modes_with_alpha_keep_colour_and_alpha_apart(
    photo: Image.Image, save: Save, mode: str, kind: str
) -> None:
    """The colour under half transparency is not touched."""
    alpha = Image.fromarray(np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1)))
    image = photo.convert(mode[:-1])
    image.putalpha(alpha)
    picture = opened(
        save(image, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    )
    assert_same(picture, image.convert("RGBA"))
    np.testing.assert_array_equal(picture.alpha, np.asarray(alpha))


def test_an_alpha_that_hides_nothing_is_none(photo: Image.Image, save: Save) -> None:
    """RGBA with 255 everywhere costs no multiplication later."""
    assert opened(save(photo.convert("RGBA"), "PNG")).alpha is None


def test_a_palette_with_one_transparent_colour(photo: Image.Image, save: Save) -> None:
    """A tRNS of a palette as one index."""
    image = photo.convert("P")
    index = image.getpixel((0, 0))
    picture = opened(save(image, "PNG", transparency=index))
    np.testing.assert_array_equal(picture.alpha == 0, np.asarray(image) == index)
    assert_same(picture, image)


def test_a_palette_with_an_alpha_table(photo: Image.Image, save: Save) -> None:
    """A tRNS of a palette as bytes."""
    image = photo.convert("P")
    table = bytes(range(256))
    picture = opened(save(image, "PNG", transparency=table))
    np.testing.assert_array_equal(picture.alpha, np.asarray(image))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_colour_declared_transparent(photo: Image.Image, save: Save, mode: str) -> None:
    """A tRNS of grey and colour pictures."""
    image = photo.convert(mode)
    colour = image.getpixel((3, 3))
    picture = opened(save(image, "PNG", transparency=colour))
    same = np.asarray(image) == colour
    np.testing.assert_array_equal(picture.alpha == 0, same if mode == "L" else same.all(axis=2))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_ink_on_coated_paper(save: Save, kind: str) -> None:
    """Adobe's inverted CMYK JPEG and plain CMYK TIFF, without a profile, are one colour."""
    ink = np.zeros((40, 60, 4), np.uint8)
    ink[..., 1] = ink[..., 2] = 255
    picture = opened(save(Image.fromarray(ink, "CMYK"), kind, quality=100))
    difference = rgb_of(picture)[20, 30].astype(int) - (228, 5, 20)  # process red, as printed
    assert np.abs(difference).max() <= 8
    assert picture.assumed == ("cmyk_profile_assumed",)


def test_ycbcr_in_a_tiff(photo: Image.Image, save: Save) -> None:
    """YCbCr comes out as colour."""
    data = save(photo.convert("YCbCr"), "TIFF")
    difference = np.abs(rgb_of(opened(data)).astype(int) - np.asarray(photo))
    assert difference.max() <= 4


def test_lab_in_a_tiff(photo: Image.Image, save: Save) -> None:
    """CIELAB, which Pillow itself cannot convert, comes out as sRGB."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    data = save(ImageCms.profileToProfile(photo, srgb, lab, outputMode="LAB"), "TIFF")
    difference = np.abs(rgb_of(opened(data)).astype(int) - np.asarray(photo))
    assert difference.mean() <= 3  # 8-bit CIELAB is coarse


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(save: Save, kind: str) -> None:
    """0 … 65535 becomes 0 … 255, where Pillow's own conversion makes it white."""
    ramp = np.tile(np.linspace(0, 65535, 256).round().astype(np.uint16), (20, 1))
    picture = opened(save(Image.fromarray(ramp), kind))
    np.testing.assert_array_equal(rgb_of(picture)[..., 1], np.tile(np.arange(256), (20, 1)))


def test_big_endian_sixteen_bit_grey(save: Save) -> None:
    """The byte order of the file does not matter."""
    ramp = np.tile(np.linspace(0, 65535, 256).round().astype(">u2"), (20, 1))
    image = Image.frombytes("I;16B", (256, 20), ramp.tobytes())
    picture = opened(save(image, "TIFF"))
    np.testing.assert_array_equal(rgb_of(picture)[..., 0], np.tile(np.arange(256), (20, 1)))


def test_sixteen_bit_grey_with_a_transparent_value(save: Save) -> None:
    """A tRNS of a 16-bit grey PNG."""
    values = np.zeros((8, 8), np.uint16)
    values[2:4, 2:4] = 40_000
    picture = opened(save(Image.fromarray(values), "PNG", transparency=40_000))
    np.testing.assert_array_equal(picture.alpha == 0, values == 40_000)


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.linspace(0, 1, 256, dtype=np.float32), 1),
        (np.linspace(0, 255, 256, dtype=np.float32), 255),
        (np.linspace(0, 65535, 256).astype(np.int32), 65535),
        (np.linspace(-500, 70_000, 256).astype(np.int32), None),
    ],
)
def test_integers_and_floats_take_their_range_from_the_values(
    save: Save, values: np.ndarray, white: int | None
) -> None:
    """TIFF with 32 bits: 0 … 1, 0 … 255, 0 … 65535, else what occurs."""
    picture = opened(save(Image.fromarray(np.tile(values, (4, 1))), "TIFF"))
    grey = rgb_of(picture)[0, :, 0].astype(int)
    assert (np.abs(grey - np.arange(256)) <= 1).all(), white


def test_not_a_number_is_black(save: Save) -> None:
    """NaN and infinity in a float TIFF do not spoil the rest."""
    values = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (4, 1))
    values[0, 0], values[0, 1] = np.nan, np.inf
    grey = rgb_of(opened(save(Image.fromarray(values), "TIFF")))[..., 0]
    assert grey[0, 0] == 0
    assert grey[0, 1] == 255
    assert grey[1, 63] == 255


def test_white_is_zero(photo: Image.Image, save: Save) -> None:
    """A TIFF whose zero is white is not shown as a negative."""
    grey = photo.convert("L")
    inverted = Image.fromarray(255 - np.asarray(grey))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0
    data = bytearray(save(inverted, "TIFF"))
    at = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")
    data[at + 8] = 0
    assert_same(opened(bytes(data)), grey)


def test_only_the_first_frame_counts(photo: Image.Image, save: Save) -> None:
    """A second page is not looked at."""
    other = Image.new("RGB", photo.size, "red")
    for kind, options in (("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("MPO", {})):
        data = save(photo, kind, save_all=True, append_images=[other], **options)
        difference = np.abs(rgb_of(opened(data)).astype(int) - np.asarray(photo))
        assert difference.mean() < 6, kind

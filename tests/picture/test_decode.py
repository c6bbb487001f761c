"""Bytes to an upright picture, strictly, with the metadata worth keeping."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from nobgd.picture.decode import decode, look
from nobgd.values import Code, NobgdError
from picture.conftest import Save

ORIENTATION = 0x0112


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_space(space: bytes) -> bytes:
    profile = srgb_profile()
    return profile[:16] + space + profile[20:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(
    photo: Image.Image, save: Save, kind: str, orientation: int
) -> None:
    """The picture is what Pillow's exif_transpose shows, and its EXIF says 1."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = save(photo, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    picture = decode(data, look(data))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    np.testing.assert_array_equal(picture.pixels, np.asarray(expected))
    if picture.exif is not None:
        kept = Image.Exif()
        kept.load(picture.exif)
        assert kept.get(ORIENTATION, 1) == 1


def test_the_alpha_turns_with_the_picture(photo: Image.Image, save: Save) -> None:
    """Transparency stays where it belongs."""
    image = photo.convert("RGBA")
    image.putalpha(photo.getchannel("R"))
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    data = save(image, "PNG", exif=exif)
    picture = decode(data, look(data))
    np.testing.assert_array_equal(picture.alpha, picture.pixels[..., 0])


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_none(
    photo: Image.Image, save: Save, orientation: int
) -> None:
    """Nonsense leaves the picture as it is."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = save(photo, "PNG", exif=exif)
    assert decode(data, look(data)).rgbx.shape == (40, 60, 4)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpegs_pixels_are_exactly_pillows(
    save: Save, subsampling: int, progressive: bool
) -> None:
    """The faster decoder gives the same bits."""
    noise = Image.merge("RGB", [Image.effect_noise((203, 117), 80) for _ in "RGB"])
    data = save(noise, "JPEG", quality=87, subsampling=subsampling, progressive=progressive)
    picture = decode(data, look(data))
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_rgb_profile_is_kept(photo: Image.Image, save: Save, kind: str) -> None:
    """Bit by bit, whatever the format."""
    profile = srgb_profile()  # which says the second that it was made in
    data = save(photo, kind, icc_profile=profile)
    assert decode(data, look(data)).icc == profile


def test_a_profile_that_cannot_be_used_is_as_none(photo: Image.Image, save: Save) -> None:
    """CMYK with a damaged CMYK profile: ink on coated paper, as without one."""
    cmyk = photo.convert("CMYK")
    data = save(cmyk, "JPEG", icc_profile=with_space(b"CMYK"))
    picture = decode(data, look(data))
    assert picture.icc is None
    assert picture.assumed == ("cmyk_profile_assumed",)
    plain = save(cmyk, "JPEG")
    np.testing.assert_array_equal(picture.pixels, decode(plain, look(plain)).pixels)


@pytest.mark.parametrize("space", [b"GRAY", b"CMYK", b"Lab "])
def test_a_profile_that_contradicts_the_picture_is_dropped(
    photo: Image.Image, save: Save, space: bytes
) -> None:
    """An RGB picture with a profile of something else."""
    data = save(photo, "JPEG", icc_profile=with_space(space))
    assert decode(data, look(data)).icc is None


def test_a_grey_picture_may_carry_an_rgb_profile(photo: Image.Image, save: Save) -> None:
    """Its grey is then meant in that space."""
    data = save(photo.convert("L"), "PNG", icc_profile=srgb_profile())
    assert decode(data, look(data)).icc == srgb_profile()


@pytest.mark.parametrize(("kind", "near"), [("JPEG", 300), ("PNG", 299.9994), ("TIFF", 300)])
def test_resolution_is_kept(photo: Image.Image, save: Save, kind: str, near: float) -> None:
    """Dots per inch as the file says."""
    data = save(photo, kind, dpi=(300, 300))
    assert decode(data, look(data)).dpi == pytest.approx((near, near))


def test_exif_is_kept_from_jpeg_and_tiff(photo: Image.Image, save: Save) -> None:
    """The camera's name goes along."""
    exif = Image.Exif()
    exif[0x010F] = "Nobgd"
    exif[ORIENTATION] = 3
    for kind in ("JPEG", "TIFF", "WEBP"):
        data = save(photo, kind, exif=exif)
        kept = Image.Exif()
        kept.load(decode(data, look(data)).exif or b"")
        assert kept[0x010F] == "Nobgd", kind


def test_damaged_exif_does_not_cost_the_photo(photo: Image.Image, save: Save) -> None:
    """It is dropped."""
    data = save(photo, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    picture = decode(data, look(data))
    assert picture.exif is None
    assert picture.rgbx.shape == (40, 60, 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_half_a_picture_is_not_decoded(save: Save, kind: str) -> None:
    """Missing pixels are an error, never grey."""
    noise = Image.merge("RGB", [Image.effect_noise((200, 200), 80) for _ in "RGB"])
    data = save(noise, kind)
    header = look(data)
    with pytest.raises(NobgdError) as caught:
        decode(data[: len(data) // 2], header)
    assert caught.value.code in (Code.TRUNCATED, Code.BROKEN)
    assert "copy" in caught.value.reason


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_flipped_bytes_end_in_a_picture_or_a_code(save: Save, kind: str) -> None:
    """Whatever is damaged, nothing but a NobgdError leaves `look` and `decode`."""
    noise = Image.merge("RGB", [Image.effect_noise((60, 60), 80) for _ in "RGB"])
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    whole = save(noise, kind, **options)
    random = np.random.default_rng(7)
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for at in random.integers(2, len(data), 4):
            data[at] ^= int(random.integers(1, 256))
        try:
            header = look(bytes(data))
            if header.megapixels < 1:
                decode(bytes(data), header)
            outcomes.add("picture")
        except NobgdError as error:
            outcomes.add(error.code)
    assert len(outcomes) > 1


def test_large_text_in_a_png_does_no_harm(photo: Image.Image, save: Save) -> None:
    """Profiles and XMP of several megabytes are real."""
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "x" * 3_000_000, zip=True)
    data = save(photo, "PNG", pnginfo=info)
    assert decode(data, look(data)).rgbx.shape == (40, 60, 4)

"""How far the output's colours are from the file's, in CIEDE2000, for every way to tell them.

Truth is computed from the definitions in floats; the output is read as a viewer reads it: by
its profile, else its gAMA chunk, else as sRGB.
"""

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from scipy.ndimage import map_coordinates

from nobgd.picture import colour
from picture import coated
from picture.test_colour import adobe_exif, adobe_lab, grey_profile, lab
from picture.test_layouts import chunk, opened, png, saved, tiff

MEAN = 0.5
_SRGB_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip
_D50 = np.array([0.9642, 1.0, 0.8249])


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    skimage = pytest.importorskip("skimage")
    image = Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png")
    return np.asarray(image.convert("RGB").resize((256, 256)))


def light(levels: np.ndarray) -> np.ndarray:
    """sRGB, 0 to 1, as linear light (IEC 61966-2-1)."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def lab_of(linear: np.ndarray) -> np.ndarray:
    """CIELAB of D50 of linear sRGB."""
    return coated.lab((linear @ _SRGB_TO_XYZ.T / _D50).reshape(-1, 3)).reshape(linear.shape)


def mean_error(truth: np.ndarray, given: np.ndarray, where: np.ndarray | None = None) -> float:
    metric = pytest.importorskip("skimage.color").deltaE_ciede2000
    difference = metric(truth, given)
    return float((difference if where is None else difference[where]).mean())


def test_adobe_rgb_told_by_exif(photo: np.ndarray) -> None:
    """1.9 without the profile."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(colour.adobe_rgb()))
    adobe = np.asarray(
        ImageCms.profileToProfile(
            Image.fromarray(photo),
            ImageCms.createProfile("sRGB"),
            profile,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    )
    picture = opened(saved(adobe, "PNG", exif=b"Exif\0\0" + adobe_exif()))
    np.testing.assert_array_equal(picture.pixels, adobe)
    assert mean_error(adobe_lab(adobe), lab(picture.pixels, picture.icc)) <= MEAN


def inks(photo: np.ndarray) -> np.ndarray:
    """The photo as ink, with some black; what colours that is, the profile says."""
    ink = 255 - photo.astype(int)
    black = ink.min(axis=2) // 2
    return np.dstack([ink - black[..., None], black]).astype(np.uint8)


def printed(values: np.ndarray) -> np.ndarray:
    """CIELAB of ink by the bundled profile's own table, in floats: 8-bit Lab is off by 0.4.

    Source: ICC.1:2001-04, 6.5.7, lut16Type.
    """
    icc = colour.coated()
    at = icc.index(b"mft2")
    inputs, outputs, points = icc[at + 8 : at + 11]
    count, _ = struct.unpack_from(">2H", icc, at + 48)
    words = np.frombuffer(icc, ">u2", inputs * count + points**inputs * outputs, at + 52)
    curve = words[:count] / 65535 * (points - 1)
    table = words[inputs * count :].reshape(*[points] * inputs, outputs).astype(float)
    where = np.interp(values.reshape(-1, 4) / 255, np.linspace(0, 1, count), curve).T
    encoded = [map_coordinates(table[..., n], where, order=1) for n in range(outputs)]
    light_, a, b = (each.reshape(values.shape[:2]) for each in encoded)
    return np.dstack([light_ * 100 / 0xFF00, a / 256 - 128, b / 256 - 128])


def compensated(values: np.ndarray) -> np.ndarray:
    """What ink looks like, relative to its paper and its deepest black (ISO 18619)."""
    darkest = printed(np.full((1, 1, 4), 255, np.uint8))[0, 0, 0]
    deep = ((darkest + 16) / 116) ** 3 if darkest > 8 else darkest / 903.3
    seen = printed(values)
    y = (seen[..., 0] + 16) / 116
    f = np.stack([y + seen[..., 1] / 500, y, y - seen[..., 2] / 200], axis=-1)
    relative = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    scaled = (relative - deep) / (1 - deep)
    return coated.lab(scaled.clip(0).reshape(-1, 3)).reshape(seen.shape)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "16 bits"])
@pytest.mark.parametrize("told", [True, False])
def test_ink_with_and_without_a_profile(photo: np.ndarray, kind: str, told: bool) -> None:
    """1.5 by the perceptual intent, 7.1 by subtraction; where sRGB has the colour."""
    values = inks(photo)
    options = {"icc_profile": colour.coated()} if told else {}
    if kind == "16 bits":
        tags = [(34675, 7, len(colour.coated()), colour.coated(), True)] if told else []
        deep = values.astype(np.uint16) * 257
        data = tiff(deep, photometric="separated", extratags=tags)
    elif kind == "TIFF":
        data = cmyk(values, kind, options)
    else:
        data = cmyk(values, kind, {**options, "quality": 100, "subsampling": 0})
    picture = opened(data)
    assert picture.icc is None
    assert picture.assumed == (() if told else ("cmyk_profile_assumed",))
    inside = np.asarray(((picture.pixels > 0) & (picture.pixels < 255)).all(axis=2))
    assert inside.mean() > 0.4
    truth = compensated(values)
    given = lab_of(light(picture.pixels / 255))
    assert mean_error(truth, given, inside) <= MEAN


def cmyk(values: np.ndarray, kind: str, options: Mapping[str, Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values, "CMYK").save(out, kind, **options)
    return out.getvalue()


def test_grey_with_a_profile(photo: np.ndarray) -> None:
    """13.5 if it were ignored."""
    grey = photo[..., 1]
    picture = opened(saved(grey, "PNG", icc_profile=grey_profile()))
    linear = (grey / 255) ** (461 / 256)
    truth = lab_of(np.dstack([linear] * 3))
    assert mean_error(truth, lab(picture.pixels, picture.icc)) <= MEAN


def test_sixteen_bits() -> None:
    """A bias of a third of a level, and up to one level, if they were cut."""
    ramp = np.linspace(6000, 14000, 4096)[None, :, None] + np.array([0, 900, 2100])
    ramp = np.repeat(ramp, 16, 0).astype(np.uint16)
    for data in (png(ramp, 2, 16), tiff(ramp, photometric="rgb")):
        error = opened(data).pixels - ramp / 257
        assert abs(error.mean()) < 0.01
        assert np.abs(error).max() <= 0.5
        assert (
            mean_error(lab_of(light(ramp / 65535)), lab_of(light(opened(data).pixels / 255))) < MEAN
        )


@pytest.mark.parametrize("bits", [8, 16])
def test_linear_light_told_by_gamma(photo: np.ndarray, bits: int) -> None:
    """15 if gAMA were ignored; it goes along, and the model sees it as it looks."""
    white = (1 << bits) - 1
    values = np.rint(light(photo / 255) * white).astype(int)
    picture = opened(png(values, 2, bits, chunk(b"gAMA", struct.pack(">I", 100000))))
    assert picture.spoken[b"gAMA"] == struct.pack(">I", 100000)
    truth = lab_of(values / white if bits == 8 else light(photo / 255))
    read = picture.pixels / 255 if picture.deep is None else picture.deep[..., :3] / 65535
    assert (picture.deep is None) == (bits == 8)
    assert mean_error(truth, lab_of(read)) <= 0.01  # linear, as the chunk says
    shown = picture.shown[..., :3].astype(int)
    assert np.abs(shown - photo).mean() < 4


@pytest.mark.parametrize(
    ("transfer", "converted"), [(13, False), (8, True), (16, True), (18, True)]
)
def test_cicp(photo: np.ndarray, transfer: int, converted: bool) -> None:
    """The chunk goes along; the model sees PQ, HLG and linear light as they look."""
    body = bytes([12, transfer, 0, 1])
    picture = opened(png(photo, 2, 8, chunk(b"cICP", body)))
    assert picture.spoken == {b"cICP": body}
    np.testing.assert_array_equal(picture.pixels, photo)
    assert (picture.seen is not None) == converted


def test_profiles_near_srgb_leave_the_models_view_alone(photo: np.ndarray) -> None:
    """Adobe RGB and the like: the mask is that of the numbers, as rembg's."""
    for icc in (
        colour.adobe_rgb(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ):
        assert opened(saved(photo, "JPEG", icc_profile=icc)).seen is None


@pytest.mark.parametrize("bits", [8, 16])
def test_lab(photo: np.ndarray, bits: int) -> None:
    """CIELAB in a TIFF, to sRGB."""
    truth = lab_of(light(photo / 255))
    scale = np.array([((1 << bits) - 1) / 100, 1 << (bits - 8), 1 << (bits - 8)])
    numbers = np.rint(truth * scale).astype(np.int64) & ((1 << bits) - 1)
    data = tiff(numbers.astype(np.uint8 if bits == 8 else np.uint16), photometric="cielab")
    assert mean_error(truth, lab(opened(data).pixels, None)) <= (0.7 if bits == 8 else MEAN)

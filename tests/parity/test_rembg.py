"""The alpha channel equals rembg's own mask: same weights, same photos.

rembg's numba is interpreted, not compiled: compiling takes most of a minute with an empty cache,
and the arithmetic is the same.
"""

import io
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # read when numba is imported

import numpy as np
import pytest
from PIL import Image, ImageOps

from nobgd import models
from nobgd.inference import local
from nobgd.picture import cutting, decode, matting
from nobgd.picture.segment import Segmenter

MEAN, P99 = 1.0, 16.0  # of 255


@pytest.fixture(scope="module")
def photos() -> dict[str, Image.Image]:
    """Photos with a subject that scikit-image brings along."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    return {name: opened(folder / name) for name in ("astronaut.png", "chelsea.png", "coffee.png")}


def opened(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        photo.load()
        return photo


def saved(photo: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    photo.save(out, kind, **options)
    return out.getvalue()


def variants(photo: Image.Image) -> dict[str, bytes]:
    """The photo as the kinds of file that go wrong in other tools."""
    rgb = photo.convert("RGB")
    ramp = np.tile(np.linspace(0, 255, rgb.width).astype(np.uint8), (rgb.height, 1))
    transparent = rgb.copy()
    transparent.putalpha(Image.fromarray(ramp))
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "jpeg": saved(rgb, "JPEG", quality=92),
        "png": saved(rgb, "PNG"),
        "alpha": saved(transparent, "PNG"),
        "grey": saved(rgb.convert("L"), "JPEG"),
        "cmyk": saved(rgb.convert("CMYK"), "JPEG", quality=92),
        "turned": saved(rgb.rotate(90, expand=True), "JPEG", exif=turned),
        "large": saved(rgb.resize((rgb.width * 5, rgb.height * 5)), "JPEG", quality=90),
    }


@pytest.fixture(scope="module", params=["u2netp", "u2net"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Segmenter, Any]:
    """Our segmenter and rembg's session on one weights file."""
    try:
        found = models.find(request.param)
    except models.ModelError as error:
        pytest.skip(str(error))
    home = tmp_path_factory.mktemp("u2net_home")
    os.symlink(found.path, home / found.spec.file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("U2NET_HOME", str(home))
        import rembg

        session = rembg.new_session(request.param)
    cache = tmp_path_factory.mktemp("cache")
    return local.segmenter(str(found.path), found.spec, threads=2, cache_dir=str(cache)), session


def ours(data: bytes, segmenter: Segmenter) -> np.ndarray:
    picture = decode.decode(data, decode.look(data))
    found = cutting.find(picture, segmenter, 2)
    assert found.confidence > 0.5
    return cutting.finish(picture, found)[..., 3]


def theirs(data: bytes, session: Any) -> np.ndarray:
    import rembg

    image = Image.open(io.BytesIO(data))
    mask = np.asarray(rembg.remove(image, session=session, only_mask=True), float)
    if image.mode == "RGBA":
        mask = mask * np.asarray(ImageOps.exif_transpose(image).getchannel("A")) / 255
    return mask


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("jpeg", "chelsea.png"),
        ("png", "astronaut.png"),
        ("alpha", "coffee.png"),
        ("grey", "chelsea.png"),
        ("cmyk", "astronaut.png"),
        ("turned", "coffee.png"),
        ("large", "chelsea.png"),
    ],
)
def test_the_alpha_is_rembgs_mask(
    pair: tuple[Segmenter, Any], photos: dict[str, Image.Image], kind: str, name: str
) -> None:
    """Mean difference ≤ 1/255, p99 ≤ 16/255, whatever the kind of file."""
    segmenter, session = pair
    data = variants(photos[name])[kind]
    difference = np.abs(ours(data, segmenter) - theirs(data, session))
    assert difference.mean() <= MEAN
    assert np.percentile(difference, 99) <= P99


@pytest.mark.parametrize("pair", ["u2netp"], indirect=True)
def test_matting_is_rembgs(pair: tuple[Segmenter, Any], photos: dict[str, Image.Image]) -> None:
    """For those who enable it: the alpha that rembg computes from the same mask."""
    import rembg

    _, session = pair
    photo = photos["astronaut.png"].convert("RGB").resize((48, 48))
    mask = rembg.remove(photo, session=session, only_mask=True)
    expected = rembg.remove(photo, session=session, alpha_matting=True).getchannel("A")
    alpha = matting.refine(np.asarray(photo), np.asarray(mask))
    np.testing.assert_array_equal(alpha, np.asarray(expected))


def test_matting_without_a_subject_gives_the_mask_back() -> None:
    """Nothing to hold on to: no exception."""
    empty = np.zeros((32, 32), np.uint8)
    np.testing.assert_array_equal(matting.refine(np.zeros((32, 32, 3), np.uint8), empty), empty)


@pytest.mark.parametrize("pair", ["u2netp"], indirect=True)
def test_matting_of_a_large_photo_is_done_small_and_brought_up(
    pair: tuple[Segmenter, Any], photos: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its alpha, seen small, is about what the matting found there, and neither is the mask's."""
    segmenter, _ = pair
    monkeypatch.setattr(matting, "SIDE", 48)  # interpreted it is slow
    picture = decode.decode(data := saved(photos["astronaut.png"], "PNG"), decode.look(data))
    small = photos["astronaut.png"].convert("RGB").resize((48, 48), Image.Resampling.BOX)
    found = cutting.find(picture, segmenter, 2)
    assert found.mask is not None
    mask = Image.fromarray(found.mask).resize((48, 48), Image.Resampling.LANCZOS)
    matted = matting.refine(np.asarray(small), np.asarray(mask))
    cut = cutting.finish(picture, refined := cutting.refine(picture, found, "matting"))
    cutting.finish_edge(cut, refined)
    alpha = Image.fromarray(cut[..., 3].copy()).resize((48, 48), Image.Resampling.BOX)
    off = np.abs(np.asarray(alpha, float) - matted).mean()
    assert off < 0.7 * np.abs(np.asarray(mask, float) - matted).mean()

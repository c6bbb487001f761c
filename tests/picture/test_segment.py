"""Pixels to a mask with the small model, loaded as a lane loads it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nobgd import models
from nobgd.inference import local
from nobgd.picture import known, lanczos
from nobgd.picture.segment import Segmenter, prepare, stretch
from nobgd.values import Blame, Code, NobgdError

U2NETP = models.shipped_directory() / "u2netp.onnx"
SPEC = models.load_manifest()["u2netp"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def segmenter(cache: Path) -> Segmenter:
    return local.segmenter(str(U2NETP), SPEC, threads=1, cache_dir=str(cache))


def test_a_subject_is_found_with_confidence(segmenter: Segmenter, subject: np.ndarray) -> None:
    """The middle is subject, the corners are not."""
    mask, confidence = segmenter.mask(subject)
    assert mask.shape == (320, 320)
    assert mask.dtype == np.uint8
    assert mask[160, 160] > 240
    assert mask[:20].max() < 20
    assert 0.9 < confidence <= 1


def test_three_and_four_channels_mean_the_same(segmenter: Segmenter, subject: np.ndarray) -> None:
    """A view of RGBX and a copy of its RGB give one mask."""
    ours = segmenter.mask(subject[..., :3])[0]
    copied = segmenter.mask(subject[..., :3].copy())[0]
    np.testing.assert_array_equal(ours, segmenter.mask(subject)[0])
    np.testing.assert_array_equal(ours, copied)


def test_the_input_is_rembgs(subject: np.ndarray) -> None:
    """Lanczos, divided by the largest value, then mean and deviation of each channel."""
    rgb = Image.fromarray(subject[..., :3].copy())
    small = np.asarray(rgb.resize((320, 320), Image.Resampling.LANCZOS))
    expected = (small / small.max() - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    got = prepare(subject, SPEC)
    assert got.shape == (1, 3, 320, 320)
    assert got.dtype == np.float32
    difference = np.abs(got[0].transpose(1, 2, 0) - expected)
    assert difference.max() <= 2.5 / 255 / 0.224  # one step of 255 in the pixel or the divisor


def test_a_black_photo_is_no_division_by_zero(segmenter: Segmenter) -> None:
    """Nothing there: some mask, no warning, a number as confidence."""
    mask, confidence = segmenter.mask(np.zeros((50, 40, 4), np.uint8))
    assert mask.shape == (320, 320)
    assert 0 <= confidence <= 1


def test_the_stretch_is_truncated_and_remembers_the_peak() -> None:
    """0.5 of the range becomes 127; the largest raw value is the confidence."""
    mask, confidence = stretch(np.array([[0.1, 0.2], [0.3, 0.3]], np.float32))
    assert mask.tolist() == [[0, 127], [255, 255]]
    assert confidence == pytest.approx(0.3)


def test_a_flat_mask_is_clear() -> None:
    """Without a range there is no subject."""
    mask, _ = stretch(np.full((2, 2), 0.4, np.float32))
    assert not mask.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [np.s_[0, 0], np.s_[1], np.s_[:]])
def test_numbers_that_are_none_are_no_mask(value: float, where: Any) -> None:
    """They end the photo with a code of ours and are never published as a cut-out."""
    raw = np.array([[0.1, 0.9], [0.3, 0.3]], np.float32)
    raw[where] = value
    with pytest.raises(NobgdError) as caught:
        stretch(raw)
    assert caught.value.code is Code.INTERNAL
    assert caught.value.code.blame is Blame.OURS


def test_a_machine_that_computes_rubbish_opens_no_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known picture is shrunk before any photo comes; what an emulated processor made was NaN."""
    known.check()
    real = np.matmul

    def wrong(*args: Any, **options: Any) -> Any:
        out = real(*args, **options)
        out.flat[::97] = np.nan
        return out

    def weights(begin: int, end: int, size: int, sources: int) -> tuple[int, Any]:
        first, dense = lanczos_matrix(begin, end, size, sources)
        return first, wrong(dense, np.eye(dense.shape[1], dtype=np.float32))

    lanczos_matrix = lanczos.matrix
    monkeypatch.setattr(lanczos, "matrix", weights)
    with pytest.raises(known.Rubbish, match="computes wrongly"), np.errstate(all="ignore"):
        known.check()

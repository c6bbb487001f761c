"""The bar: what passes and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nobgd.quantize.judge import Floats, Net, Verdict, compare, iou

GOOD = Verdict(12, 0.98, 0.90, 0.01, 0.05, 2.0)


def net(shift: int, height: float = 1.0) -> Net:
    """A model that sees a square, so many columns too far to the right."""

    def run(each: Floats) -> Floats:
        raw = np.zeros(each.shape[2:], np.float32)
        raw[100:200, 100 + shift : 200 + shift] = height
        return raw

    return run


PHOTOS = [np.zeros((1, 3, 320, 320), np.float32)] * 5


def test_the_bar_itself_is_good_enough() -> None:
    """At the bar is not below it."""
    assert GOOD.good
    assert GOOD.short == []


@pytest.mark.parametrize(
    ("worse", "word"),
    [
        ({"iou_median": 0.979}, "median IoU"),
        ({"iou_worst": 0.899}, "worst IoU"),
        ({"difference_mean": 0.0101}, "mean difference"),
        ({"difference_mean": float("nan")}, "mean difference"),
        ({"photos": 3}, "only 3 photos"),
    ],
)
def test_one_figure_below_the_bar_is_enough(worse: dict[str, Any], word: str) -> None:
    """And it is named."""
    verdict = replace(GOOD, **worse)
    assert not verdict.good
    assert word in verdict.short[0]


def test_equal_masks_are_perfect() -> None:
    """IoU 1, difference 0."""
    verdict = compare(net(0), net(0), PHOTOS)
    assert (verdict.photos, verdict.iou_median, verdict.iou_worst) == (5, 1.0, 1.0)
    assert (verdict.difference_mean, verdict.difference_worst) == (0.0, 0.0)
    assert verdict.speed > 0


def test_a_shifted_mask_has_the_figures_of_geometry() -> None:
    """Ten of 100 columns off: 90 shared of 110, and 20 of 320 x 320 differ."""
    verdict = compare(net(0), net(10), PHOTOS)
    assert verdict.iou_worst == pytest.approx(90 / 110)
    assert verdict.difference_mean == pytest.approx(20 * 100 / 320**2)
    assert not verdict.good


def test_photos_without_a_subject_say_nothing_about_the_mask() -> None:
    """Where fp32 sees nothing, the stretched mask is noise."""
    verdict = compare(net(0, height=0.15), net(10), PHOTOS)
    assert verdict.photos == 0
    assert not verdict.good


def test_two_empty_masks_agree() -> None:
    """Nothing equals nothing."""
    empty = np.zeros((4, 4), np.uint8)
    assert iou(empty, empty) == 1.0
    assert iou(empty, empty + np.uint8(200)) == 0.0

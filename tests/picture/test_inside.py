"""What of a mask is surely inside."""

from __future__ import annotations

import numpy as np

from nobgd.picture import inside


def test_what_is_high_all_around_is_opaque_and_the_rim_is_not() -> None:
    """Nor is a single high pixel, or one beside a hole."""
    mask = np.zeros((12, 12), np.uint8)
    mask[1:8, 1:8] = 230
    mask[4, 6] = 100
    mask[10, 10] = 240
    found = inside.decided(mask)
    assert (found[2:7, 2:5] == 255).all()
    assert (found[1, 1:8] == 230).all()
    assert (found[4, 5], found[4, 6], found[10, 10]) == (230, 100, 240)


def test_what_is_all_but_sure_is_sure() -> None:
    """By itself, without what is around it."""
    mask = np.array([[250, 249, 128], [6, 5, 0]], np.uint8)
    assert inside.decided(mask).tolist() == [[255, 249, 128], [6, 0, 0]]


def test_how_surely_is_the_least_near() -> None:
    """From 0.8 to 0.95; the border of the picture takes nothing away."""
    mask = np.full((5, 5), 0.875, np.float32)
    mask[0, 0] = 0.3
    sure = inside.surely(mask)
    assert sure[1, 1] == 0
    np.testing.assert_allclose(sure[2:, 2:], 0.5, atol=1e-6)
    assert (inside.surely(np.ones((4, 4), np.float32)) == 1).all()

"""Outputs of the same bytes are told from others."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from faults.outputs import apart


def png(array: np.ndarray, **more: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG", **more)
    return out.getvalue()


def test_rounding_is_no_other_picture_and_everything_else_is() -> None:
    """One step in a few values passes; two steps, many values, another size, other words do not."""
    one = np.full((40, 50, 4), 100, np.uint8)
    step, two, many = one.copy(), one.copy(), one.copy()
    step[3, 4, 3] += 1
    two[3, 4, 3] += 2
    many[:4] += 1
    assert apart(png(one), png(one)) is None
    assert apart(png(one), png(step)) is None
    assert "by 2 at most" in (apart(png(one), png(two)) or "")
    assert "800 values" in (apart(png(one), png(many)) or "")
    assert "size" in (apart(png(one), png(one[:39])) or "")
    assert "not the picture" in (apart(png(one), png(one) + b"x") or "")


def test_how_the_same_picture_was_deflated_is_no_difference() -> None:
    """What lies beside its pixels is one."""
    one = np.random.default_rng(1).integers(0, 5, (40, 50, 4)).astype(np.uint8)
    assert png(one) != png(one, compress_level=1)
    assert apart(png(one), png(one, compress_level=1)) is None
    assert "not the picture" in (apart(png(one), png(one, dpi=(72, 72))) or "")
    assert "not the picture" in (apart(png(one), png(one, icc_profile=b"x" * 200)) or "")

"""What is in int8 and what is not, in the small model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nobgd import models
from nobgd.quantize import build, keep

INPUT = np.linspace(-2, 2, 3 * 320 * 320, dtype=np.float32).reshape(1, 3, 320, 320)


@pytest.mark.parametrize("name", ["u2net", "u2netp"])
def test_fifteen_of_119_convolutions_stay_in_float(name: str, tmp_path: Path) -> None:
    """The first, seven of one channel, one at the end of De_2, six inside De_1."""
    model = build.plain(str(models.find(name).path), str(tmp_path))
    assert not list(tmp_path.iterdir())
    assert sum(node.op_type == "Conv" for node in model.graph.node) == 119
    kept = keep.in_float(model)
    assert len(kept) == len(set(kept)) == 15


def test_ranges_hold_every_photo(tmp_path: Path) -> None:
    """The least and the largest of all, not of one."""
    model = build.plain(str(models.find("u2netp").path), str(tmp_path))
    told: list[int] = []
    both = build.ranges(model, [INPUT, INPUT * 2], str(tmp_path), told.append)
    one = build.ranges(model, [INPUT], str(tmp_path), told.append)
    assert told == [1, 2, 1]
    assert both[model.graph.input[0].name] == (-4.0, 4.0)
    assert all(low <= one[name][0] <= one[name][1] <= high for name, (low, high) in both.items())


def test_what_is_in_float_is_not_touched(tmp_path: Path) -> None:
    """Each other convolution reads a quantized input and int8 weights."""
    model = build.plain(str(models.find("u2netp").path), str(tmp_path))
    kept = set(keep.in_float(model))
    known = build.ranges(model, [INPUT], str(tmp_path), lambda _: None)
    made = build.quantized(model, known, kept)
    makers = {output: node.op_type for node in made.graph.node for output in node.output}
    for node in made.graph.node:
        if node.op_type == "Conv":
            quantized = makers.get(node.input[1]) == "DequantizeLinear"
            assert quantized == (node.name not in kept)

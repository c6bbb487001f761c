"""Each model's row in the manifest does what rembg's own session of that name does.

The weights of the larger ones are not here, so a small network of the same input stands in for
them: what comes before and after it is compared, and that is what a row says.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import skimage
from onnx import TensorProto, helper
from PIL import Image

from nobgd import models
from nobgd.inference import local
from nobgd.models import load_manifest
from nobgd.picture import segment
from parity import test_rembg  # numba is interpreted, not compiled

assert test_rembg


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    with Image.open(Path(skimage.__file__).parent / "data/chelsea.png") as picture:
        return picture.convert("RGB")


def network(path: Path, side: int) -> Path:
    """Weights whose answer, -4 to 4, bends: so it shows how the input was normalised."""
    weigh = helper.make_tensor("w", TensorProto.FLOAT, (1, 3, 1, 1), [2.0, -1.5, 0.8])
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "w"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["bent"]),
            helper.make_node("Mul", ["bent", "four"], ["answer"]),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, side, side))],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, (1, 1, side, side))],
        [weigh, helper.make_tensor("four", TensorProto.FLOAT, (1,), [4.0])],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, str(path))
    return path


def _session(name: str) -> Any:
    from rembg.sessions import sessions_class

    return next(each for each in sessions_class if each.name() == name)


@pytest.mark.parametrize("name", sorted(set(load_manifest()) - {"u2net", "u2netp"}))
def test_a_row_does_what_rembgs_session_does(
    name: str, photo: Image.Image, tmp_path: Path
) -> None:  # fmt: skip
    """Input, normalisation, sigmoid or none, and stretching: the same mask, but for rounding."""
    spec = load_manifest()[name]
    weights = network(tmp_path / "small.onnx", spec.input_size)
    theirs = _session(name).__new__(_session(name))
    theirs.inner_session = ort.InferenceSession(str(weights))
    shown = photo.resize((spec.input_size,) * 2)  # so that nothing is resized after it
    expected = np.asarray(theirs.predict(shown)[0]).astype(int)

    def off(row: models.ModelSpec) -> float:
        small = replace(row, sha256="0" * 64)
        ours = local.segmenter(str(weights), small, 1, str(tmp_path / "cache"))
        mask, _ = ours.mask(np.asarray(shown))
        return float(np.abs(mask - expected).mean())

    assert off(spec) <= 0.01
    for wrong in (
        replace(spec, mean=(0.3, 0.3, 0.3)), replace(spec, std=(0.6, 0.6, 0.6)),
        replace(spec, logits=not spec.logits),
    ):  # fmt: skip
        assert off(wrong) > 2


def test_a_sigmoid_takes_any_number() -> None:
    """Also those whose power is beyond what a float holds."""
    found = segment.sigmoid(np.array([-1e4, 0.0, 1e4], np.float32))
    assert found.tolist() == [0.0, 0.5, 1.0]


def test_what_forbids_commercial_use_is_said() -> None:
    """And nothing else asks for anything."""
    asks = [name for name, spec in models.load_manifest().items() if spec.forbids()]
    assert asks == ["bria-rmbg"]

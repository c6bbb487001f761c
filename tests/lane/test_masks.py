"""An adaptive model: int8 first, and fp32 again where the first mask is unsure."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import numpy as np
import pytest

from nobgd.fs import shared_memory
from nobgd.lane.masks import Masks
from nobgd.picture.adaptive import unsure
from nobgd.picture.segment import Floats
from nobgd.values import Recipe, wire

SIDE = 32
INT8 = wire.Weights(
    "/int8", "1", "u2net", "int8", SIDE, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), "openvino"
)
FP32 = replace(INT8, path="/fp32", sha256="2", precision="fp32", engine="onnxruntime")
ADAPTIVE = Recipe("u2net", "1", "adaptive")
PICTURE = np.full((SIDE, SIDE, 3), 90, np.uint8)


def square(inside: float, rim: float) -> Floats:
    """A raw mask: a subject with a broad rim about it."""
    raw = np.zeros((SIDE, SIDE), np.float32)
    raw[6:26, 6:26] = rim
    raw[8:24, 8:24] = inside
    return raw


SURE, UNSURE = square(1.0, 0.05), square(1.0, 0.45)


class Home:
    """The supervisor's end: a mask for each question, and what was asked."""

    def __init__(self, line: Connection, descriptor: int, first: Floats) -> None:
        self.asked: list[str] = []
        self._line, self._first = line, first
        self._memory = shared_memory.mapped(descriptor, wire.tensor_bytes([INT8]))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                said = json.loads(self._line.recv_bytes())
            except EOFError:
                return
            self.asked.append(said["infer"])
            raw = SURE if said["infer"] == "closer" else self._first
            self._memory[INT8.input_bytes : INT8.input_bytes + raw.nbytes] = raw.tobytes()
            told = {"ran": 2, "waited_s": 0.25, "confidence": None}
            self._line.send_bytes(json.dumps(told).encode())


@pytest.mark.parametrize(
    ("first", "asked", "engine"),
    [(SURE, ["first"], "openvino"), (UNSURE, ["first", "closer"], "onnxruntime")],
)
def test_what_is_unsure_is_asked_again(first: Floats, asked: list[str], engine: str) -> None:
    """The closer mask is the one that counts; time spent waiting for others adds up."""
    ours, theirs = Pipe()
    descriptor = shared_memory.create(wire.tensor_bytes([INT8]))
    setup = wire.Setup(
        0, 1, "", ((ADAPTIVE, INT8),), closer=((ADAPTIVE, FP32),), tensors=descriptor
    )
    home = Home(ours, descriptor, first)
    segmenter = Masks(theirs, setup).of(ADAPTIVE)
    mask, confidence = segmenter.mask(PICTURE)
    assert home.asked == asked
    assert np.array_equal(mask, (SURE * 255).astype(np.uint8))
    assert confidence == pytest.approx(1.0)
    assert (segmenter.engine, segmenter.ran) == (engine, 2)
    assert segmenter.waited_s == pytest.approx(0.25 * len(asked))
    theirs.close()


def test_another_model_is_asked_once() -> None:
    """However unsure: the user wants int8."""
    ours, theirs = Pipe()
    descriptor = shared_memory.create(wire.tensor_bytes([INT8]))
    recipe = Recipe("u2net", "1", "int8")
    setup = wire.Setup(0, 1, "", ((recipe, INT8),), tensors=descriptor)
    home = Home(ours, descriptor, UNSURE)
    Masks(theirs, setup).of(recipe).mask(PICTURE)
    assert home.asked == ["first"]
    theirs.close()


def test_a_picture_without_a_subject_is_not_asked_for_again() -> None:
    """It is doubtful by its confidence, whatever the arithmetic."""
    mask = (UNSURE * 255).astype(np.uint8)
    assert unsure(mask, 0.98)
    assert not unsure(mask, 0.3)
    assert not unsure(np.zeros((SIDE, SIDE), np.uint8), 1.0)

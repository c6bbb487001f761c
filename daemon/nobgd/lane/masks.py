"""The models as a lane has them: a tensor out through shared memory, a raw mask back."""

from __future__ import annotations

import json
import mmap
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np

from nobgd.fs import shared_memory
from nobgd.picture import segment
from nobgd.picture.adaptive import unsure
from nobgd.picture.pixels import Bytes
from nobgd.picture.segment import Floats, Segmenter
from nobgd.values import Code, NobgdError, Recipe, wire

_ANSWER = 1 << 16  # bytes


class Masks:
    """A segmenter for each model of the configuration; the model process runs them."""

    def __init__(self, line: Connection, setup: wire.Setup) -> None:
        self._line = line
        self._known = {recipe.weights: weights for recipe, weights in setup.weights}
        self._closer = {recipe.weights: weights for recipe, weights in setup.closer}
        self._memory: mmap.mmap | None = None
        if self._known:
            size = wire.tensor_bytes(self._known.values())
            self._memory = shared_memory.mapped(setup.tensors, size)

    def of(self, recipe: Recipe) -> Segmenter:
        """The segmenter for ``recipe``.  Raises KeyError for one that is not configured."""
        weights = self._known[recipe.weights]

        def infer(feed: Floats, _: int) -> segment.Raw | segment.Finished:
            """By as many threads as the supervisor says."""
            assert segmenter.shown is not None  # noqa: S101 - it has just been made
            found = self._infer(weights, feed, segmenter.shown)
            closer = self._closer.get(recipe.weights)
            if closer is None:
                return found
            first = segment.whole(found, weights)
            if not unsure(first.mask, first.confidence):
                return first
            segmenter.engine = closer.engine
            second = self._infer(closer, feed, segmenter.shown, again=True)
            return replace(second, waited_s=first.waited_s + second.waited_s)

        segmenter = Segmenter(weights, infer, weights.engine)
        return segmenter

    def _infer(
        self, weights: wire.Weights, feed: Floats, shown: Bytes, *, again: bool = False
    ) -> segment.Raw | segment.Finished:
        memory = self._memory
        assert memory is not None  # noqa: S101 - there is a model
        memory[: weights.input_bytes] = feed.tobytes()
        memory[weights.shown_at : weights.shown_at + weights.shown_bytes] = shown.tobytes()
        self._line.send_bytes(wire.encode({"infer": "closer" if again else "first"}))
        answer = json.loads(self._line.recv_bytes(_ANSWER))
        if (refused := answer.get("refused")) is not None:
            raise NobgdError(Code(refused["code"]), refused["reason"])
        side, begin = weights.input_size, weights.input_bytes
        ran, waited_s = int(answer["ran"]), float(answer["waited_s"])
        if (confidence := answer["confidence"]) is not None:
            mask = np.frombuffer(memory[begin : begin + weights.mask_bytes], np.uint8)
            own = mask.reshape(side, side).copy()
            return segment.Finished(own, ran, waited_s, float(confidence))
        raw = np.frombuffer(memory[begin : begin + weights.output_bytes], np.float32)
        return segment.Raw(raw.reshape(side, side), ran, waited_s)

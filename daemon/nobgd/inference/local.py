"""A model in this very process, for what is no lane: measuring, comparing."""

from __future__ import annotations

from typing import Protocol

from nobgd.inference.models import Models
from nobgd.picture import segment
from nobgd.values import wire


class Spec(segment.Spec, Protocol):
    """What a model wants, and its checksum."""

    @property
    def name(self) -> str:
        """As in the manifest."""

    @property
    def logits(self) -> bool:
        """Whether its answer goes through a sigmoid."""

    @property
    def sha256(self) -> str:
        """Of the weights, lower-case hex."""


def segmenter(
    path: str, spec: Spec, threads: int, cache_dir: str, engine: str = "onnxruntime"
) -> segment.Segmenter:
    """The model at ``path``, opened, by ``threads`` at least."""
    one = wire.Weights(
        path, spec.sha256, spec.name, "fp32", spec.input_size, spec.mean, spec.std, engine,
        spec.logits,
    )  # fmt: skip
    models = Models([one], cache_dir, threads)
    models.net(0, threads)

    def infer(feed: segment.Floats, asked: int) -> segment.Raw:
        by = max(threads, asked)
        return segment.Raw(models.run(0, feed, by)[0], models.threads(0, by))

    return segment.Segmenter(spec, infer, engine)

"""A worker's models: found by what home wants, one model process for all of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nobgd import models
from nobgd.cluster import subjects
from nobgd.cluster.words import Wanted
from nobgd.fs import shared_memory
from nobgd.inference import engines
from nobgd.machines.settings import Settings
from nobgd.pool import choice, memory
from nobgd.pool.inference import Inference
from nobgd.pool.mask_queue import powers
from nobgd.values import wire

_AT_MOST_THREADS = 2  # of engines whose nets cannot change theirs
_AHEAD = 16  # questions at hand of an engine that runs what waits together
_DEADLINE_S = 120.0
_IDLE_S = 300.0


@dataclass(frozen=True, slots=True)
class Mask:
    """A finished one."""

    data: bytes  # (S, S) uint8
    confidence: float
    ran: int  # threads


class Models:
    """What this machine can run of what is wanted.  Made and called in threads; see `close`."""

    def __init__(self, settings: Settings, wanted: list[Wanted]) -> None:
        """Finds and checks the weights, which takes a moment; opens nothing yet."""
        os.makedirs(settings.cache_dir, exist_ok=True)
        self.wanted = wanted
        self.lacks: dict[str, str] = {}  # recipe: why, and the way out
        found: dict[str, wire.Weights] = {}
        for each in wanted:
            weights = found_here(settings, each)
            if isinstance(weights, str):
                self.lacks[each.recipe] = weights
            else:
                found[each.recipe] = weights
        self._which = {recipe: n for n, recipe in enumerate(found)}
        self.weights = found
        self._all = tuple(found.values())
        self._size = wire.tensor_bytes(self._all)
        self.at_a_time = _at_a_time(settings, self._all)
        kinds = [engines.KINDS[each.engine] for each in self._all]
        self.seats = max(self.at_a_time, _AHEAD if any(one.batches for one in kinds) else 0)
        self.engine = self._all[0].engine if self._all else ""
        self.inference: Inference | None = None
        self._pool = ThreadPoolExecutor(self.seats + 1, thread_name_prefix="mask")
        if self._all:
            cores = memory.cores()
            setup = wire.ModelSetup(
                self._all, str(settings.cache_dir), powers(cores), min(_AT_MOST_THREADS, cores),
                self.at_a_time,
            )  # fmt: skip
            self.inference = Inference(setup, cores=cores, deadline_s=_DEADLINE_S, idle_s=_IDLE_S)
            self.inference.start()

    @property
    def ready(self) -> list[str]:
        """Recipes that it can run."""
        return list(self._which)

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads in which `mask` may block."""
        return self._pool

    def mask(self, recipe: str, shown: bytes) -> Mask:
        """The mask of a picture, (S, S, 3) uint8.  Blocks.  Raises NobgdError, `GoneAway`."""
        which, inference = self._which[recipe], self.inference
        one = self._all[which]
        if inference is None or len(shown) != one.shown_bytes:
            raise ValueError("no such picture")
        place = shared_memory.create(self._size)
        try:
            os.pwrite(place, shown, one.shown_at)
            ran = inference.run(which, place, lambda: True, whole=True)
            data = os.pread(place, one.mask_bytes, one.input_bytes)
        finally:
            os.close(place)
        confidence = ran.confidence or 0.0
        if not 0 <= confidence <= 1:
            raise ValueError(f"its model is sure by {confidence}, which is none of 0 to 1")
        return Mask(data, confidence, ran.threads)

    def close(self) -> None:
        """End the model process; whoever waits is told."""
        if self.inference is not None:
            self.inference.close()
        self._pool.shutdown(wait=False)


def found_here(
    settings: Settings, wanted: Wanted, memory: Path | None = None
) -> wire.Weights | str:
    """Our weights for a recipe, or why there are none and what to do.

    ``memory``: where it is noted that they were read, see `models.verify`; None: in the cache.
    """
    try:
        file = models.find(wanted.model, wanted.precision, settings.models, chosen=False)
        models.verify(file, memory or settings.cache_dir / "verified.json")
    except models.ModelError as error:
        return f"{error}"[:400]
    spec = file.spec
    named: str = settings.engine
    if named == "auto":
        named = choice.fitting(wanted.model, wanted.precision, 0.0)
    elif (why := engines.lacking(named)) is not None:
        return why[:400]
    weights = wire.Weights(
        str(file.path), file.sha256, spec.name, file.precision, spec.input_size, spec.mean,
        spec.std, engines.for_precision(named, file.precision), spec.logits,
    )  # fmt: skip
    if file.sha256 != wanted.sha256:
        return (
            f"its {wanted.model} has other weights ({file.sha256[:8]}…, ours"
            f" {wanted.sha256[:8]}…); run `nobgd models fetch {wanted.model}` there"
        )
    if subjects.recipe8(weights) != wanted.recipe:
        return f"its nobgd prepares {wanted.model} otherwise; install the same nobgd on both"
    return weights


def _at_a_time(settings: Settings, weights: tuple[wire.Weights, ...]) -> int:
    """Inferences at a time: as many as cores, or as memory has room for."""
    if settings.lanes != "auto":
        return int(settings.lanes)
    kinds = [(each.engine, each.precision) for each in weights]
    most, room = choice.at_a_time(kinds), memory.room_mb()
    if not kinds:
        return most
    known = models.load_manifest()
    heavy = max(known[each.name].heavy for each in weights)

    def fits(number: int) -> bool:
        return memory.needed_mb(0, number, kinds, heavy=heavy) <= room

    return next((number for number in range(most, 1, -1) if fits(number)), 1)

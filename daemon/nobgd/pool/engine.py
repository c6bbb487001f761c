"""Configuration → an engine: the models found and verified, lanes sized, folders granted."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nobgd import models
from nobgd.config import Config
from nobgd.pool import cgroup
from nobgd.pool.lanes import Lanes
from nobgd.pool.memory import LANE_MB, Budget, automatic, available_mb, cores, fitting
from nobgd.values import Recipe, wire

_MB = 1_000_000
_DECODE_MB_PER_MEGAPIXEL = 40.0  # the worst that one photo may take: 16-bit RGBA in, RGBA out
_NCNN_THREADS = 2  # that sleep while they wait: two such lanes on two cores lose nothing
_ADDRESS_SPACE_MB = 3_000.0  # code, arenas and mapped weights, most of it never resident


@dataclass(slots=True)
class Engine:
    """The lanes, and the recipe by which each inbox is worked."""

    lanes: Lanes
    recipes: dict[str, Recipe]  # by inbox path
    count: int
    threads: int
    megapixels: float

    @property
    def bound(self) -> int:
        """Jobs handed out at a time: one at work and one at hand for each lane."""
        return 2 * self.count


def sizes(config: Config, held_mb: float = 0.0) -> tuple[int, int]:
    """Lanes, and the least threads for each, from cores and memory; see ARCHITECTURE.md.

    ``held_mb`` is what lanes hold that will end.
    """
    count, engine = config.workers.count, config.workers.engine
    threads = config.workers.threads
    asked = count != "auto"
    wanted = max(1, cores()) if count == "auto" else int(count)
    fits = fitting(engine, held_mb, asked=asked, matting=matting(config))
    lanes = min(wanted, fits)
    return lanes, max(1, cores() // lanes) if threads == "auto" else int(threads)


def matting(config: Config) -> bool:
    """Whether some inbox asks for rembg's matting."""
    return any(inbox.output.edges == "matting" for inbox in config.inboxes)


def lacking(config: Config) -> str | None:
    """What is configured and not installed, in a sentence; None: nothing."""
    if matting(config) and importlib.util.find_spec("rembg") is None:
        return (
            f"output.edges is matting, and rembg is not installed: run `{sys.executable} -m pip"
            " install rembg`, or set it to fine"
        )
    if config.workers.engine == "ncnn" and importlib.util.find_spec("ncnn") is None:
        return (
            f"workers.engine is ncnn, which is not installed: run `{sys.executable} -m pip install"
            " 'nobgd[ncnn]'`, or set it to onnxruntime"
        )
    return None


def build(
    config: Config, opened: Callable[[int, tuple[str, ...]], None] = lambda *_: None,
    told: Callable[[str, dict[str, Any]], None] = lambda *_: None, held_mb: float = 0.0,
) -> Engine:  # fmt: skip
    """An engine that is not started yet; see `Lanes` and `sizes`.  Raises `models.ModelError`."""
    if why := lacking(config):
        raise models.ModelError(f"{config.origin}: {why}")
    weights: dict[str, tuple[Recipe, wire.Weights]] = {}
    recipes: dict[str, Recipe] = {}
    read: set[str] = set()
    for inbox in config.inboxes:
        found = models.find(inbox.model.name, inbox.model.precision, inbox.model.directory)
        models.verify(found, config.cache_dir / "verified.json")
        recipe = Recipe(
            found.spec.name, found.sha256, found.precision, edges=inbox.output.edges
        )
        recipes[str(inbox.path)] = recipe
        spec = found.spec
        weights[recipe.weights] = (
            recipe,
            wire.Weights(
                str(found.path), found.sha256, spec.name, found.precision,
                spec.input_size, spec.mean, spec.std,
            ),
        )  # fmt: skip
        read.add(os.path.dirname(os.path.realpath(found.path)))
    count, threads = sizes(config, held_mb)
    why = cramped(config, count, held_mb)
    if why is not None:
        told("lanes.fewer", {"lanes": count, "why": why})
    limit = config.workers.in_flight_megapixels
    fits = automatic(count, config.workers.engine, held_mb, matting=matting(config))
    megapixels = fits if limit == "auto" else float(limit)
    memory = config.workers.max_megapixels * _DECODE_MB_PER_MEGAPIXEL + _ADDRESS_SPACE_MB
    fixed = threads
    if config.workers.threads == "auto":
        fixed = max(threads, min(_NCNN_THREADS, cores()))
    setup = wire.Setup(
        lane=0, threads=threads, cache_dir=str(config.cache_dir), engine=config.workers.engine,
        net_threads=fixed, matting=matting(config),
        weights=tuple(weights.values()), memory_bytes=int(memory * _MB),
        read=(str(config.cache_dir), *sorted(read), *(str(inbox.path) for inbox in config.inboxes)),
        write=tuple(sorted(_writable(config))),
        leases=any(inbox.source != "keep" for inbox in config.inboxes),
    )  # fmt: skip
    lanes = Lanes(
        setup, count, deadline_s=config.workers.deadline_s, budget=Budget(megapixels),
        opened=opened, told=told, cores=cores() if config.workers.threads == "auto" else 1,
    )  # fmt: skip
    return Engine(lanes, recipes, count, threads, megapixels)


def cramped(config: Config, lanes: int, held_mb: float = 0.0) -> str | None:
    """Why there are fewer lanes than cores or the configuration ask for; None: there are not."""
    count, need = config.workers.count, LANE_MB[config.workers.engine]
    wanted = cores() if count == "auto" else int(count)
    room, (limit, _) = available_mb(held_mb), cgroup.memory_mb()
    whose = "this machine has" if limit is None else "the memory limit leaves"
    if lanes < wanted:
        return (
            f"{whose} {room:.0f} MB, and a lane needs about {need:.0f} MB and its photo: {lanes} of"
            f" {wanted} lanes are opened; give it more memory, or set workers.count"
        )
    if room < need:
        return f"{whose} {room:.0f} MB, less than the {need:.0f} MB of one lane; give it more"
    return None


def _writable(config: Config) -> set[str]:
    """Folders that lanes write to; an inbox only where files in it are moved or deleted."""
    folders: set[str] = set()
    for inbox in config.inboxes:
        folders |= {str(inbox.outbox), str(inbox.quarantine)}
        if inbox.source != "keep" or inbox.share_control:  # a _RETRY file is taken away
            folders.add(str(inbox.path))
        if inbox.archive is not None:
            folders.add(str(inbox.archive))
    return folders

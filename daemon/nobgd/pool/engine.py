"""Configuration → lanes and a model process: models found and verified, folders granted."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nobgd import models
from nobgd.cluster.paths import Shares
from nobgd.cluster.words import MOST_OFFERED
from nobgd.config import Config, Model, webbing
from nobgd.fs import mounts
from nobgd.inference import engines
from nobgd.pool import cgroup, choice
from nobgd.pool.cluster import Cluster
from nobgd.pool.hands import Hands
from nobgd.pool.inference import Inference
from nobgd.pool.lanes import Lanes
from nobgd.pool.mask_queue import powers
from nobgd.pool.memory import COSTS, LANE_MB, Budget, automatic, available_mb, cores, fitting
from nobgd.pool.memory import needed_mb as needed
from nobgd.values import Recipe, wire

_MB = 1_000_000
_MOST_SAID, _MOST_BELOW = 8_000, 400  # of folders that are offered to other machines
_DECODE_MB_PER_MEGAPIXEL = 40.0  # the worst that one photo may take: 16-bit RGBA in, RGBA out
_NCNN_THREADS = 2  # that sleep while they wait: two such lanes on two cores lose nothing
_AHEAD = 4  # lanes beyond the cores, at most; on a share twice as many
_ELSEWHERE = 16  # with other machines: lanes beyond the cores, which wait for their masks
_ADDRESS_SPACE_MB = 3_000.0  # code and arenas, most of it never resident


@dataclass(slots=True)
class Engine:
    """The lanes, and the recipe by which each inbox is worked."""

    lanes: Hands
    recipes: dict[str, Recipe]  # by inbox path
    count: int
    threads: int
    megapixels: float
    engine: str  # that runs the model of the first inbox
    others: Mapping[str, Recipe] = field(default_factory=dict)  # by "name:precision", for a redo

    @property
    def bound(self) -> int:
        """Jobs handed out at a time: one at work and one at hand for each lane."""
        return 2 * self.count


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done at a time."""

    lanes: int
    threads: int  # of an inference, at least
    infer: int  # inferences


def sizes(config: Config, held_mb: float = 0.0) -> Sizes:
    """From cores and memory; see ARCHITECTURE.md.  ``held_mb`` is held by what will end."""
    workers = config.workers
    lanes = _wanted(config) if workers.count == "auto" else int(workers.count)
    kinds = choice.engines_of(config, held_mb)
    found = choice.infer(config) or choice.at_a_time(kinds)
    infer = min(lanes, found) if workers.infer == "auto" else int(workers.infer)
    asked = workers.count != "auto"
    lanes, infer = fitting(
        lanes, infer, kinds, held_mb,
        asked=asked, matting=matting(config), heavy=choice.heavy(config),
    )  # fmt: skip
    least = max(1, cores() // infer) if workers.threads == "auto" else int(workers.threads)
    return Sizes(lanes, least, infer)


def _wanted(config: Config) -> int:
    """Lanes where nobody says how many: more than cores, as they also wait for folders.

    Twice as many more where a folder lies on a share, and not so many where each has a compiled
    matting solver.
    """
    more = min(cores(), _AHEAD) * (2 if _far(config) else 1)
    more = more if config.cluster is None else max(more, _ELSEWHERE)
    return cores() + (0 if matting(config) else more)


def _far(config: Config) -> bool:
    """Whether some inbox or outbox lies on a share, as far as local disks and the table say."""
    folders = {str(each) for inbox in config.inboxes for each in (inbox.path, inbox.outbox)}
    return any(found.network for each in folders if (found := mounts.above(each)) is not None)


def needed_mb(config: Config, lanes: int, infer: int, held_mb: float = 0.0) -> float:
    """What these lanes and the model process take without a picture, in MB of 10^6 bytes."""
    return needed(
        lanes, infer, choice.engines_of(config, held_mb), matting=matting(config),
        heavy=choice.heavy(config),
    )  # fmt: skip


def matting(config: Config) -> bool:
    """Whether some inbox asks for rembg's matting."""
    return any(inbox.output.edges == "matting" for inbox in config.inboxes)


def device(config: Config) -> bool:
    """Whether some model is run by a device of NVIDIA's."""
    return any(engines.KINDS[name].device for name, _ in choice.engines_of(config))


def lacking(config: Config) -> str | None:
    """What is configured and not installed, in a sentence; None: nothing."""
    if matting(config) and importlib.util.find_spec("rembg") is None:
        return (
            f"output.edges is matting, and rembg is not installed: run `{sys.executable} -m pip"
            " install rembg`, or set it to fine"
        )
    named = config.workers.engine
    return None if named == "auto" else engines.lacking(named)


def build(
    config: Config, opened: Callable[[int, tuple[str, ...]], None] = lambda *_: None,
    told: Callable[[str, dict[str, Any]], None] = lambda *_: None, held_mb: float = 0.0,
) -> Engine:  # fmt: skip
    """An engine that is not started yet; see `Lanes` and `sizes`.  Raises `models.ModelError`."""
    if why := lacking(config):
        raise models.ModelError(f"{config.origin}: {why}")
    weights: dict[str, tuple[Recipe, wire.Weights]] = {}
    closer: dict[str, tuple[Recipe, wire.Weights]] = {}
    by_model: dict[Model, Recipe] = {}
    for one in config.models():
        first, *more = (_weights(config, part, held_mb) for part in one.parts)
        recipe = by_model[one] = Recipe(first.name, first.sha256, one.precision)
        weights[recipe.weights] = (recipe, first)
        if more:
            closer[recipe.weights] = (recipe, more[0])
    recipes = {
        str(inbox.path): replace(
            by_model[inbox.model], edges=inbox.output.edges, rendering=inbox.output.rendering.key
        )
        for inbox in config.inboxes
    }
    size = sizes(config, held_mb)
    count, threads = size.lanes, size.threads
    why = cramped(config, size, held_mb)
    if why is not None:
        told("lanes.fewer", {"lanes": count, "why": why})
    limit = config.workers.in_flight_megapixels
    fits = automatic(needed_mb(config, count, size.infer, held_mb), held_mb)
    megapixels = fits if limit == "auto" else float(limit)
    memory = config.workers.max_megapixels * _DECODE_MB_PER_MEGAPIXEL + _ADDRESS_SPACE_MB
    every, fixed = threads, threads
    if config.workers.threads == "auto":
        every, fixed = cores(), max(threads, min(_NCNN_THREADS, cores()))
    files = dict.fromkeys(one for _, one in (*weights.values(), *closer.values()))
    model = wire.ModelSetup(
        tuple(files), str(config.cache_dir), powers(every), fixed, size.infer
    )  # fmt: skip
    jobs = tuple(
        tuple(model.weights.index(part[key][1]) for part in (weights, closer) if key in part)
        for key in weights
    )
    inference = Inference(
        model, cores=every, deadline_s=config.workers.deadline_s, idle_s=config.workers.idle_s,
        link=_link(config, model, jobs), told=told,
        opened=lambda holds: told("model.confined", {"holds": list(holds)}),
    )  # fmt: skip
    setup = wire.Setup(
        lane=0, threads=threads, cache_dir=str(config.cache_dir), matting=matting(config),
        weights=tuple(weights.values()), closer=tuple(closer.values()),
        memory_bytes=int(memory * _MB),
        read=tuple(sorted(_readable(config))), write=tuple(sorted(_writable(config))),
        leases=any(inbox.source != "keep" for inbox in config.inboxes),
    )  # fmt: skip
    lanes = Lanes(
        setup, count, deadline_s=config.workers.deadline_s, budget=Budget(megapixels),
        opened=opened, told=told, cores=cores() if config.workers.threads == "auto" else 1,
        inference=inference, idle_s=config.workers.idle_s,
        eager=size.infer if config.workers.count == "auto" else None,
    )  # fmt: skip
    named = choice.engine_of(config, config.inboxes[0].model.parts[0], held_mb)
    others = {f"{one.model}:{one.precision}": one for one in by_model.values()}
    hands = _with_others(config, lanes, told)
    return Engine(hands, recipes, count, threads, megapixels, named, others)


def _with_others(
    config: Config, lanes: Lanes, told: Callable[[str, dict[str, Any]], None]
) -> Hands:
    """These lanes, and before them the machines that share folders with this one."""
    cluster, inference = config.cluster, lanes.inference
    if cluster is None or not _offered(config):
        return lanes
    link, elsewhere = inference.link, inference.elsewhere
    if link is None or elsewhere is None:
        return lanes
    elsewhere.jobs = hands = Cluster(
        lanes, link, _shares(config), lease_s=cluster.lease_s,
        deadline_s=config.workers.deadline_s, told=told,
    )  # fmt: skip
    return hands


def _shares(config: Config) -> Shares:
    shares = {} if config.cluster is None else config.cluster.shares
    return Shares({name: str(path) for name, path in shares.items()})


def _offered(config: Config) -> tuple[tuple[str, str, bool], ...]:
    """The folders in which other machines may do whole jobs: share, below, is it written to."""
    shares = _shares(config)
    found: dict[tuple[str, str], bool] = {}
    for inbox in config.inboxes:
        spots = shares.spot(str(inbox.path)), shares.spot(str(inbox.outbox))
        if spots[0] is not None and spots[1] is not None:
            found[spots[0]] = found.get(spots[0], False)
            found[spots[1]] = True
    offered = tuple((share, below, writes) for (share, below), writes in found.items())
    sayable = len(json.dumps(offered)) <= _MOST_SAID and len(offered) <= MOST_OFFERED
    return offered if sayable and all(len(below) <= _MOST_BELOW for _, below, _ in offered) else ()


def _weights(config: Config, one: Model, held_mb: float) -> wire.Weights:
    """A file of weights, found and verified, and what runs it.  Raises `models.ModelError`."""
    found = models.find(one.name, one.precision, one.directory)
    if not one.accept_licence and (forbids := found.spec.forbids()):
        why = f"{forbids}; if your use is none, say so: model.accept_licence: true"
        raise models.LicenceError(f"{config.origin}: {why}")
    models.verify(found, config.cache_dir / "verified.json")
    spec = found.spec
    return wire.Weights(
        str(found.path), found.sha256, spec.name, found.precision, spec.input_size, spec.mean,
        spec.std, choice.engine_of(config, one, held_mb), spec.logits,
    )  # fmt: skip


def _link(
    config: Config, model: wire.ModelSetup, jobs: tuple[tuple[int, ...], ...]
) -> wire.Link | None:  # fmt: skip
    """How other machines are reached; None where the configuration has none, or no thinking.

    ``jobs``: see `wire.Link`.
    """
    cluster = config.cluster
    if cluster is None or cluster.think == "never":
        return None
    file = config.state_dir / "cluster" / "home.join" if cluster.join is None else cluster.join
    workers = config.workers
    return wire.Link(
        str(file), model.weights, cluster.lease_s, _offered(config), workers.deadline_s,
        workers.max_megapixels, jobs,
    )  # fmt: skip


def cramped(config: Config, size: Sizes, held_mb: float = 0.0) -> str | None:
    """Why fewer lanes are open than there are cores, or were asked for; None: as many are."""
    workers, cost = config.workers, COSTS[choice.engines_of(config, held_mb)[0]]
    wanted = cores() if workers.count == "auto" else int(workers.count)
    room, (limit, _) = available_mb(held_mb), cgroup.memory_mb()
    whose = "this machine has" if limit is None else "the memory limit leaves"
    least = needed_mb(config, 1, 1, held_mb)
    if size.lanes < wanted:
        return (
            f"{whose} {room:.0f} MB; the model needs about {cost.model_mb:.0f} MB, each inference"
            f" {cost.each_mb * choice.heavy(config):.0f} MB, a lane {LANE_MB:.0f} MB and its photo:"
            f" {size.lanes} of {wanted} lanes are opened; give it more memory, or set workers.count"
        )
    if room < least:
        return f"{whose} {room:.0f} MB, less than the {least:.0f} MB of one lane; give it more"
    return None


def _readable(config: Config) -> set[str]:
    """Folders that lanes read; matting keeps in the cache what it has compiled."""
    folders = {str(inbox.path) for inbox in config.inboxes}
    if config.web is not None:
        folders.add(str(webbing.touches(config)))
    return folders | ({str(config.cache_dir)} if matting(config) else set())


def _writable(config: Config) -> set[str]:
    """Folders that lanes write to; an inbox only where files in it are moved or deleted."""
    folders: set[str] = set()
    for inbox in config.inboxes:
        folders |= {str(inbox.outbox), str(inbox.quarantine)}
        if inbox.source != "keep" or inbox.share_control:  # a _RETRY file is taken away
            folders.add(str(inbox.path))
        if inbox.archive is not None:
            folders.add(str(inbox.archive))
    if config.web is not None:
        folders.add(str(webbing.made(config)))
    return folders

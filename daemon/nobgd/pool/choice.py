"""What runs each model: what the configuration names; for ``auto`` what `tune` found, or fits.

Arithmetic decides the recipe, not the engine: masks of the engines in fp32 differ by less than
1e-3, so which of them runs is free to change.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence

from nobgd import models
from nobgd.config import Config
from nobgd.config.model import Model
from nobgd.inference import engines, machine
from nobgd.pool import memory, tuned

_NCNN_FOR = "u2net"  # a small model gains too little for the memory that ncnn takes


def engine_of(config: Config, model: Model, held_mb: float = 0.0) -> str:
    """The engine that runs ``model``; ``held_mb`` is held by what will end."""
    named: str = config.workers.engine
    if named == "auto":
        measured = _tuned(config, model)
        fits = fitting(model.name, model.precision, held_mb)
        named = fits if measured is None else measured.engine
    return engines.for_precision(named, model.precision)


def engines_of(config: Config, held_mb: float = 0.0) -> tuple[tuple[str, str], ...]:
    """(engine, precision) of each model of the configuration, which are open at a time."""
    return tuple((engine_of(config, one, held_mb), one.precision) for one in config.weights())


def heavy(config: Config) -> float:
    """How much more memory an inference of the largest model takes than one of U²-Net."""
    known = models.load_manifest()
    return max(known[one.name].heavy if one.name in known else 1.0 for one in config.models())


def infer(config: Config) -> int | None:
    """Inferences at a time that `tune` found best for the first inbox's model; None: not tuned."""
    measured = _tuned(config, config.inboxes[0].model.parts[0])
    same = measured is not None and config.workers.engine in ("auto", measured.engine)
    return measured.infer if same and measured is not None else None


def at_a_time(models: Sequence[tuple[str, str]]) -> int:
    """Inferences at a time where nothing was tuned: one a core, or a batch for a device."""
    batches = models and all(engines.KINDS[engine].batches for engine, _ in models)
    return engines.BATCH if batches else memory.cores()


def _tuned(config: Config, model: Model) -> tuned.Choice | None:
    wanted = (model.name, model.precision)
    known = tuned.read(config.state_dir)
    return next((one for one in known if (one.model, one.precision) == wanted), None)


def fitting(model: str, precision: str, held_mb: float) -> str:
    """The fastest that is installed and has room.

    Measured with u2net, one inference on two cores: ncnn takes 0.38 s where ONNX Runtime takes
    0.59 on an EPYC 9004, whose 512-bit multiplications are halves; 0.61 and 0.54 on a Xeon
    with AMX.  CUDA goes before all, where a device has computed.
    """
    if precision == "int8":
        there = platform.machine() == "x86_64" and engines.installed("openvino")
        return "openvino" if there else "onnxruntime"
    cores, room = memory.cores(), memory.room_mb(held_mb)
    fits = memory.needed_mb(cores, engines.BATCH, (("cuda", "fp32"),)) <= room
    if fits and engines.works("cuda"):
        return "cuda"
    need = memory.needed_mb(cores, cores, (("ncnn", "fp32"),))
    gains = model == _NCNN_FOR and not machine.is_intel_with_avx512()
    if gains and engines.installed("ncnn") and need <= room:
        return "ncnn"
    return "onnxruntime"

"""ONNX Runtime: sessions from a model that was optimised once, its weights mapped.

All sessions of a process take their memory from one arena, so one for a photo alone (all
cores) beside one for a full house (one core) costs 4 MB and 0.01 s, not 260 MB.

A saved optimised model fits only the ONNX Runtime version and the CPU it was made on, so its
folder is named after both and the weights' checksum.  It is built in a temporary folder and
renamed into place, with checksums (`sums`): whoever races, the first wins.  One that cannot be
loaded or differs from what was made is thrown away and built again; where the cache cannot be
written the model is loaded directly.  The model process may not: `builder` does it for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported, never later

import numpy as np
import onnxruntime as ort

from nobgd.inference import sums
from nobgd.inference.engines.fix_scales import fix_scales
from nobgd.inference.machine import cpu_identity

_MODEL = "model.onnx"
_WEIGHTS = "model.weights"
_MADE = 3  # changes with what is made of a model, so that older ones are made anew
_SEVERE = 3  # only errors: warnings of the optimiser mean nothing to a user


def net(path: str, sha256: str, cache_dir: str, threads: int) -> Callable[[Any], Any]:
    """See `engines.Engine`."""
    opened = session(path, sha256, threads, cache_dir)
    source, target = opened.get_inputs()[0].name, opened.get_outputs()[0].name

    def run(feed: Any) -> Any:
        raw = [opened.run([target], {source: each[None]})[0] for each in feed]  # made for one
        return np.concatenate(raw)[:, 0]

    return run


def session(path: str, sha256: str, threads: int, cache_dir: str) -> ort.InferenceSession:
    """A session for the model at ``path``, through the cache in ``cache_dir`` if it can be."""
    folder = folder_of(sha256, cache_dir)
    for _ in range(2):
        if not make(path, sha256, cache_dir):
            break
        try:
            return _load(os.path.join(folder, _MODEL), threads, optimise=False)
        except Exception:  # noqa: BLE001 - ONNX Runtime raises many kinds; all mean: build anew
            discard(folder)
    return _load(path, threads, optimise=True)


def folder_of(sha256: str, cache_dir: str) -> str:
    """Where what is made of the weights with this checksum lies, on this machine."""
    name = f"{sha256[:16]}-ort{ort.__version__}-{cpu_identity()}-{_MADE}"
    return os.path.join(cache_dir, name)


def make(path: str, sha256: str, cache_dir: str) -> bool:
    """Have the folder of these weights, whole; False where that cannot be."""
    folder = folder_of(sha256, cache_dir)
    with contextlib.suppress(Exception):  # a full disk shows as an exception of ONNX Runtime's own
        return built(folder, cache_dir, functools.partial(_optimise, path))
    return False


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads  # explicit: the default asks for a CPU affinity,
    options.inter_op_num_threads = 1  # which a hardened unit forbids
    options.enable_mem_pattern = False  # 285 MB less, the same speed
    options.log_severity_level = _SEVERE
    # threads that spin between operators take 5 % less time on idle cores, and up to 70 % more of
    # the CPU where others want to work, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if _one_arena():
        options.add_session_config_entry("session.use_env_allocators", "1")
    return options


@functools.cache
def _one_arena() -> bool:
    """Register the arena that all sessions of this process share."""
    kind = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    ort.create_and_register_allocator(kind, None)
    return True


def _load(path: str, threads: int, *, optimise: bool) -> ort.InferenceSession:
    options = _options(threads)
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def built(folder: str, cache_dir: str, make: Callable[[str, str], None]) -> bool:
    """Make ``folder`` in ``cache_dir`` if it is not there, or not as it was made.

    False where the cache cannot hold it.

    ``make(work, made)`` fills the folder ``made`` and may use ``work``; a lane that races with
    others loses or wins by a rename.
    """
    before = sums.state(folder)
    if before == "whole":
        return True
    if before == "altered":
        discard(folder)
    work = None
    try:
        os.makedirs(cache_dir, exist_ok=True)
        work = tempfile.mkdtemp(prefix=".building-", dir=cache_dir)
        made = os.path.join(work, "made")
        os.mkdir(made)
        make(work, made)
        give_back()
        sums.write(made)
        os.rename(made, folder)
        return True
    except OSError:
        return sums.state(folder) == "whole"  # another one was first
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def plain(path: str, work: str) -> str:
    """The model at ``path`` with constants folded and scales written in: a file in ``work``."""
    folder = os.path.join(work, "plain")
    os.mkdir(folder)
    _save(path, folder, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC)
    model = os.path.join(folder, _MODEL)
    fix_scales(model)
    return model


def _optimise(path: str, work: str, made: str) -> None:
    _save(plain(path, work), made, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)


def _save(path: str, folder: str, level: ort.GraphOptimizationLevel) -> None:
    """Write the model at ``path``, optimised so far, and its weights into ``folder``."""
    options = _options(1)
    options.graph_optimization_level = level
    options.optimized_model_filepath = os.path.join(folder, _MODEL)
    entry = "session.optimized_model_external_initializers"
    options.add_session_config_entry(f"{entry}_file_name", _WEIGHTS)
    options.add_session_config_entry(f"{entry}_min_size_in_bytes", "1024")
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def give_back() -> None:
    """Return what optimising took (170 MB for u2net): malloc would keep it for ever."""
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def discard(folder: str) -> None:
    """Out of the way at once, by one rename, then gone."""
    aside = f"{folder}.bad-{os.getpid()}"
    with contextlib.suppress(OSError):
        os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)

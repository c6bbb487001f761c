"""CUDA: the same weights in fp32 on an NVIDIA device, all that waits as one batch.

It is ONNX Runtime again, from another wheel, which brings the CUDA provider and lies over the
first one's module (`nvidia.over`).  What is made of a model is the plain graph with a batch of
any length (`free_batch`); kernels come from CUDA's libraries.  Where TensorRT's library can be
loaded, an engine of it is made besides, for this device and driver, and used.

ONNX Runtime goes on with the processor when a provider cannot be had, and says so on stderr
only; here that is an error.  Tensors of 19 bits (TF32), which CUDA takes for fp32 unless it is
told, are forbidden: their masks would be another arithmetic.

The way through this file was run by the processor's provider; on a GPU it was never run by us.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import shutil
import sysconfig
from collections.abc import Callable, Sequence
from typing import Any

# Read by CUDA's libraries when they are loaded.
os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
os.environ["CUDA_CACHE_DISABLE"] = "1"  # compiled kernels in the home folder, which is closed

import numpy as np
import onnxruntime as ort

from nobgd.inference import nvidia
from nobgd.inference.engines import BATCH
from nobgd.inference.engines import onnxruntime as optimised
from nobgd.inference.engines.free_batch import free_batch

CUDA, TENSORRT, PROCESSOR = (
    "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider",
)  # fmt: skip
WANTED = CUDA  # without it there is no model
_MODEL = "model.onnx"
_MADE = 1  # changes with what is made of a model
_NVINFER = ("libnvinfer.so.10", "libnvonnxparser.so.10")  # what the provider is linked with
Provider = str | tuple[str, dict[str, str]]


def net(path: str, sha256: str, cache_dir: str, _threads: int) -> Callable[[Any], Any]:
    """See `engines.Engine`.  Raises RuntimeError, a sentence, where no device computes."""
    if (why := nvidia.hinders(nvidia.look())) is not None:
        raise RuntimeError(why)
    load_libraries()
    folder = folder_of(sha256, cache_dir)
    if not make(path, sha256, cache_dir):
        return opened(path, providers(""), WANTED)
    return opened(os.path.join(folder, _MODEL), providers(folder), WANTED)


def providers(folder: str) -> list[Provider]:
    """What runs the model of this folder, first what goes first."""
    return [*_tensorrt(folder), (CUDA, _options()), PROCESSOR]


def folder_of(sha256: str, cache_dir: str) -> str:
    """Where the model for any batch lies, and what TensorRT made of it for this driver."""
    driver = nvidia.look().driver or "none"
    return os.path.join(cache_dir, f"{sha256[:16]}-cuda{ort.__version__}-{driver}-{_MADE}")


def make(path: str, sha256: str, cache_dir: str) -> bool:
    """See `engines.Engine`."""

    def fill(work: str, made: str) -> None:
        optimised.plain(path, work)
        for each in os.scandir(os.path.join(work, "plain")):
            shutil.move(each.path, made)
        free = free_batch(os.path.join(made, _MODEL))
        if free and nvidia.hinders(nvidia.look()) is None and has_tensorrt():
            _compile(made)

    folder = folder_of(sha256, cache_dir)
    with contextlib.suppress(Exception):  # a full disk shows as an exception of ONNX Runtime's own
        return optimised.built(folder, cache_dir, fill)
    return False


def opened(model: str, by: Sequence[Provider], wanted: str) -> Callable[[Any], Any]:
    """The model, run by the first of these providers that can.

    Raises RuntimeError unless ``wanted`` is among those that could be had.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=list(by))
    if wanted not in session.get_providers():
        raise RuntimeError(
            f"{wanted} could not be had, the lines before this one say why: see `nobgd doctor`"
        )
    source, target = session.get_inputs()[0], session.get_outputs()[0].name
    most = 1 if source.shape[0] == 1 else BATCH

    def run(feed: Any) -> Any:
        parts = [feed[at : at + most] for at in range(0, len(feed), most)]
        return np.concatenate([session.run([target], {source.name: one})[0] for one in parts])[:, 0]

    return run


def load_libraries() -> None:
    """CUDA's and cuDNN's from their wheels, where they are; what is not there is said later."""
    with contextlib.suppress(Exception):
        ort.preload_dlls(directory="")


def has_tensorrt() -> bool:
    """Whether its libraries can be loaded, from its wheel or the system."""
    if TENSORRT not in ort.get_available_providers():
        return False
    load_libraries()
    wheel = os.path.join(sysconfig.get_path("purelib"), "tensorrt_libs")
    return all(_loads(os.path.join(wheel, name)) or _loads(name) for name in _NVINFER)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _options() -> dict[str, str]:
    return {
        "use_tf32": "0",
        "arena_extend_strategy": "kSameAsRequested",  # others may want the device's memory, too
        "cudnn_conv_algo_search": "HEURISTIC",  # trying each takes seconds for each batch size
    }


def _tensorrt(folder: str) -> list[Provider]:
    """TensorRT, where its engine is kept in ``folder``: making one takes a minute or more."""
    return [_caching(folder)] if glob.glob(f"{folder}/*.engine") and has_tensorrt() else []


def _caching(folder: str) -> Provider:
    return TENSORRT, {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder}


def _compile(made: str) -> None:
    """Have TensorRT keep its engine in ``made``, for one photo to a full batch.

    It makes one for what it has seen.  What goes wrong is an engine that is not there.
    """
    with contextlib.suppress(Exception):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        providers = [_caching(made), (CUDA, _options()), PROCESSOR]
        session = ort.InferenceSession(os.path.join(made, _MODEL), options, providers=providers)
        source = session.get_inputs()[0]
        for photos in (1, BATCH):
            session.run(None, {source.name: np.zeros((photos, *source.shape[1:]), np.float32)})

"""OpenVINO on the processor: the same weights, and int8 models a fifth faster than elsewhere.

A model that was compiled is kept in the cache, for compiling takes 2 to 10 s; it fits only the
version and the processor it was made on.  A compiled model has its threads from when it is
loaded: so many streams, each by one thread, as `net_threads` says; an inference alone has them
all, which TBB shares out.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import openvino

from nobgd.inference.engines import onnxruntime as optimised
from nobgd.inference.machine import cpu_identity

_BLOB = "model.blob"
_MADE = 1  # changes with what is kept, so that older ones are made anew


def net(path: str, sha256: str, cache_dir: str, threads: int) -> Callable[[Any], Any]:
    """See `engines.Engine`; each thread that calls it has a request of its own."""
    core = openvino.Core()
    compiled = None
    if make(path, sha256, cache_dir):
        try:
            with open(os.path.join(folder_of(sha256, cache_dir), _BLOB), "rb") as blob:
                compiled = core.import_model(blob.read(), "CPU", _options(threads))
        except RuntimeError:
            optimised.discard(folder_of(sha256, cache_dir))
    if compiled is None:
        compiled = core.compile_model(_read(core, path), "CPU", _options(threads))
    optimised.give_back()
    requests = threading.local()

    def run(feed: Any) -> Any:
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        raw = []
        for each in feed:
            requests.own.infer({0: each[None]})
            raw.append(requests.own.get_output_tensor(0).data[0, 0].copy())
        return np.stack(raw)

    return run


def folder_of(sha256: str, cache_dir: str) -> str:
    """Where the compiled model of the weights with this checksum lies, on this machine."""
    version = openvino.__version__.partition("-")[0]
    name = f"{sha256[:16]}-openvino{version}-{cpu_identity()}-{_MADE}"
    return os.path.join(cache_dir, name)


def make(path: str, sha256: str, cache_dir: str) -> bool:
    """See `engines.Engine`."""
    folder = folder_of(sha256, cache_dir)
    return optimised.built(folder, cache_dir, functools.partial(_compile, path))


def _compile(path: str, _work: str, made: str) -> None:
    core = openvino.Core()
    compiled = core.compile_model(_read(core, path), "CPU", _options(1))
    with open(os.path.join(made, _BLOB), "wb") as blob:
        blob.write(compiled.export_model().getvalue())


def _read(core: openvino.Core, path: str) -> openvino.Model:
    """The model without the outputs that nobody asks for."""
    whole = core.read_model(path)
    return openvino.Model([whole.output(0)], whole.get_parameters())


def _options(threads: int) -> dict[str, Any]:
    return {
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",  # bf16 would be another arithmetic
        "ENABLE_CPU_PINNING": False,  # sched_setaffinity(2), which the filter refuses
    }

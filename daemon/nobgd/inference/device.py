"""Have an NVIDIA device compute: ``python -m nobgd.inference.device``, JSON on stdout.

A process of its own, because the driver keeps what it has opened until a process ends, and the
supervisor is to open no device.  It says the ``devices`` that the driver counts, the ``providers``
that ran a graph of one node, and ``why`` CUDA did not, in a sentence.  It sees no photo.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

from nobgd.inference import nvidia

_NAME = 100  # bytes of a device's


def devices() -> list[str]:
    """Names of the devices that the driver counts.  Raises OSError with what it says."""
    driver = ctypes.CDLL("libcuda.so.1")
    count, name = ctypes.c_int(), ctypes.create_string_buffer(_NAME)
    if (failed := driver.cuInit(0)) or (failed := driver.cuDeviceGetCount(ctypes.byref(count))):
        raise OSError(f"CUDA's driver answers with error {failed}")
    found = []
    for number in range(count.value):
        driver.cuDeviceGetName(name, _NAME, number)
        found.append(name.value.decode(errors="replace"))
    return found


def providers() -> list[str]:
    """Those that a session could have, after one node has run.  Raises what ONNX Runtime raises."""
    import numpy as np
    import onnxruntime as ort
    from onnx import TensorProto, helper

    from nobgd.inference.engines import cuda

    cuda.load_libraries()
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "one", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    asked = [cuda.CUDA, cuda.PROCESSOR]
    session = ort.InferenceSession(model.SerializeToString(), providers=asked)
    session.run(None, {"x": np.ones(1, np.float32)})
    found: list[str] = session.get_providers()
    return ([cuda.TENSORRT] if cuda.CUDA in found and cuda.has_tensorrt() else []) + found


def look() -> dict[str, Any]:
    """See the module."""
    said: dict[str, Any] = {"devices": [], "providers": [], "why": None}
    if (why := nvidia.hinders(nvidia.look())) is not None:
        return said | {"why": why}
    try:
        said["devices"] = devices()
    except OSError as error:
        return said | {"why": f"no NVIDIA device answers ({error}): see `nvidia-smi`"}
    if not said["devices"]:
        return said | {"why": "the NVIDIA driver counts no device: see `nvidia-smi`"}
    try:
        said["providers"] = providers()
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many kinds
        return said | {"why": f"nothing could be computed ({error}): see `nvidia-smi`"}
    if "CUDAExecutionProvider" not in said["providers"]:
        add = f"{sys.executable} -m pip install '{nvidia.WHEEL}[cuda,cudnn]'"
        return said | {"why": f"CUDA's libraries, or cuDNN's, do not load: run `{add}`"}
    return said


if __name__ == "__main__":
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    os.write(out, json.dumps(look()).encode())
    os._exit(0)  # not what CUDA does at the end of a process

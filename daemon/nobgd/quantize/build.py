"""fp32 weights and calibration photos to an int8 model.

The recipe is ONNX Runtime's static quantization to QDQ form: convolutions and what lies between
them (Relu, which then costs nothing as the range begins at 0, and MaxPool, on bytes), weights int8
per output channel, activations uint8 per tensor.  The range of an activation goes from its
smallest to its largest value in any photo: a mean over the photos cuts the peaks by which the
network decides what the subject is, and where two things compete it then chooses the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported, never later

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

Floats = npt.NDArray[np.float32]
Ranges = dict[str, tuple[float, float]]

_OPSET = 13  # the first with scales per channel
_QUANTIZED = ("Conv", "Relu", "MaxPool")  # Resize gains nothing; Concat's inputs differ in range


def plain(path: str, work: str) -> onnx.ModelProto:
    """The model at ``path`` with its shapes computed, opset 13 and every node named.

    ``work`` is an existing folder for a temporary file as large as the model.
    """
    options = _options()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = os.path.join(work, "basic.onnx")
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    model = onnx.load(options.optimized_model_filepath)
    os.unlink(options.optimized_model_filepath)
    kept = [each for each in model.opset_import if each.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model = onnx.version_converter.convert_version(model, _OPSET)
    return onnx.shape_inference.infer_shapes(model)


def ranges(
    model: onnx.ModelProto, inputs: Iterable[Floats], work: str, told: Callable[[int], None]
) -> Ranges:
    """What each activation around a convolution holds: its least and its largest value.

    ``inputs`` are (1, 3, S, S) float32; ``told`` hears how many have been seen.  The extremes
    are taken inside the graph, so no activation outlives its use.
    """
    names = _watched(model)
    path = os.path.join(work, "watched.onnx")
    onnx.save(_with_extremes(model, names), path)
    session = ort.InferenceSession(path, _options(), providers=["CPUExecutionProvider"])
    os.unlink(path)
    wanted = [f"{name}{end}" for name in names for end in ("_least", "_largest")]
    seen: list[npt.NDArray[np.float64]] = []
    for each in inputs:
        got = session.run(wanted, {session.get_inputs()[0].name: each})
        seen.append(np.array([float(np.asarray(value).item()) for value in got]))
        told(len(seen))
    extremes = np.array(seen).reshape(len(seen), -1, 2)
    least, largest = extremes[..., 0].min(axis=0), extremes[..., 1].max(axis=0)
    return {
        name: (float(low), float(high))
        for name, low, high in zip(names, least, largest, strict=True)
    }


def quantized(model: onnx.ModelProto, known: Ranges, in_float: Collection[str]) -> onnx.ModelProto:
    """The int8 model; the convolutions named in ``in_float`` stay as they are."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    data = {name: tuple(np.array(end, np.float32) for end in both) for name, both in known.items()}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = QDQQuantizer(
        copy,
        True,  # per channel
        False,  # all eight bits of the weights
        QuantType.QInt8,
        QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, data),
        [],
        sorted(in_float),
        list(_QUANTIZED),
        {},
    )
    quantizer.quantize_model()
    made: onnx.ModelProto = quantizer.model.model
    return made


def _watched(model: onnx.ModelProto) -> list[str]:
    """Inputs and outputs of convolutions, after their Relu where one follows."""
    relu = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type == "Relu"}
    names: dict[str, None] = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            names |= dict.fromkeys((node.input[0], node.output[0]))
            if node.output[0] in relu:
                names[relu[node.output[0]]] = None
    return list(names)


def _with_extremes(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for name in names:
        for kind, end in (("ReduceMin", "_least"), ("ReduceMax", "_largest")):
            made.graph.node.append(
                onnx.helper.make_node(kind, [name], [f"{name}{end}"], keepdims=0)
            )
            made.graph.output.append(
                onnx.helper.make_tensor_value_info(f"{name}{end}", onnx.TensorProto.FLOAT, [])
            )
    return made


def _options() -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options

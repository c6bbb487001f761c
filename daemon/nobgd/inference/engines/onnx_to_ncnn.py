"""A U²-Net graph in ONNX to ncnn's two files: `model.param` (text) and `model.bin` (weights).

Only what such graphs are made of is known; anything else raises `Untranslatable`.  The formats
are ncnn's docs/developer-guide/param-and-model-file-structure.md and operators.md.

Two choices are made here, for ncnn decides by itself only for speed:

- A convolution of small planes (less than 20² in U²-Net) keeps its weights as they are.  Winograd's
  F(4,3) quarters the multiplications but stores four times the weights, and the many weights are
  where the pixels are few: 84 MB less, 2 % more time.
- A convolution over a large concatenation becomes the sum of convolutions over its parts, as the
  transformed input of the whole would be the largest piece of memory of all (118 MB).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

PARAM, BIN = "model.param", "model.bin"
INPUT, OUTPUT = "in0", "out0"
_MAGIC = 7767517
_FEW_PIXELS = 400
_NO_WINOGRAD = "31=64"  # a layer's feature mask, bit 6
_LARGE = 8_000_000  # values that a concatenation may have before it is taken apart
_FLOAT32 = bytes(4)  # the tag before a layer's weights


class Untranslatable(Exception):  # noqa: N818 - a property of the model
    """The graph holds something that is not known here; the sentence says what."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, and ncnn cannot run it; set workers.engine to onnxruntime")


@dataclass(slots=True)
class _Layer:
    kind: str
    inputs: list[str]
    outputs: list[str]
    settings: str = ""
    arrays: list[npt.NDArray[np.float32]] = field(default_factory=list)


def translate(model: str, folder: str) -> None:
    """Write ncnn's files for the model at ``model``, its first output alone, into ``folder``.

    The shapes of the model must be constant and its BatchNorms folded, as ONNX Runtime's basic
    optimisation and `fix_scales.fix_scales` leave it.  Raises `Untranslatable`.
    """
    import onnx  # 0.2 s and 30 MB: only where a model is built

    graph = onnx.shape_inference.infer_shapes(onnx.load(model)).graph
    layers = _split(_Reader(onnx, graph).layers(), graph.input[0].name, graph.output[0].name)
    blobs = {name for layer in layers for name in layer.outputs}
    with open(os.path.join(folder, PARAM), "w", encoding="ascii") as text:
        text.write(f"{_MAGIC}\n{len(layers)} {len(blobs)}\n")
        for number, layer in enumerate(layers):
            counts = f"{len(layer.inputs)} {len(layer.outputs)}"
            names = " ".join([*layer.inputs, *layer.outputs])
            text.write(f"{layer.kind} {number} {counts} {names} {layer.settings}\n".rstrip(" "))
    with open(os.path.join(folder, BIN), "wb") as file:
        for layer in layers:
            _write(file, layer.arrays)


def _write(file: BinaryIO, arrays: list[npt.NDArray[np.float32]]) -> None:
    for number, array in enumerate(arrays):
        if number == 0:
            file.write(_FLOAT32)
        file.write(np.ascontiguousarray(array, dtype="<f4").tobytes())


class _Reader:
    """ONNX nodes to layers, one by one."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self._onnx, self._graph = onnx, graph
        self._arrays = {each.name: each for each in graph.initializer}
        known = (*graph.value_info, *graph.input, *graph.output)
        self._shapes = {
            value.name: [each.dim_value for each in value.type.tensor_type.shape.dim]
            for value in known
        }
        self._made = {name: node for node in graph.node for name in node.output}
        self._uses = Counter(name for node in self._needed() for name in node.input)

    def _needed(self) -> list[Any]:
        """The nodes that the first output is made of, in order."""
        wanted, nodes = {self._graph.output[0].name}, []
        for node in reversed(self._graph.node):
            if wanted & set(node.output):
                wanted |= set(node.input)
                nodes.append(node)
        return nodes[::-1]

    def layers(self) -> list[_Layer]:
        """All of them; the input first."""
        found = [_Layer("Input", [], [self._graph.input[0].name])]
        for node in self._needed():
            translated = getattr(self, f"_{node.op_type.lower()}", None)
            if translated is None:
                raise Untranslatable(f"the model holds {node.op_type}")
            found += translated(node)
        return _fused(found)

    def _array(self, name: str) -> npt.NDArray[np.float32]:
        if name not in self._arrays:
            raise Untranslatable(f"{name} in the model is no constant")
        array: npt.NDArray[np.float32] = self._onnx.numpy_helper.to_array(self._arrays[name])
        return array

    def _attributes(self, node: Any) -> dict[str, Any]:
        return {a.name: self._onnx.helper.get_attribute_value(a) for a in node.attribute}

    def _conv(self, node: Any) -> Iterator[_Layer]:
        said, weights = self._attributes(node), self._array(node.input[1])
        bias = self._array(node.input[2])
        side, pad = said["kernel_shape"][0], said["pads"][0]
        step, dilation = said["strides"][0], said["dilations"][0]
        height, width = self._shapes[node.output[0]][2:]
        even = (said[name] for name in ("pads", "kernel_shape", "strides", "dilations"))
        if said["group"] != 1 or any(len({*each}) > 1 for each in even):
            raise Untranslatable(f"the convolution {node.name} is of a kind not known here")
        settings = f"1={side} 2={dilation} 3={step} 4={pad}"
        if height * width < _FEW_PIXELS:
            settings += f" {_NO_WINOGRAD}"
        parts = self._parts(node.input[0])
        if len(parts) == 1:
            yield _convolution(parts[0], node.output[0], settings, weights, bias)
            return
        at, sums = 0, []
        for number, name in enumerate(parts):
            channels = self._shapes[name][1]
            sums.append(f"{node.output[0]}_{number}")
            yield _convolution(
                name, sums[-1], settings, weights[:, at : at + channels],
                bias if number == 0 else None,
            )  # fmt: skip
            at += channels
        yield _Layer("Eltwise", sums, [node.output[0]], "0=1")

    def _parts(self, name: str) -> list[str]:
        """The input of a convolution, or those of a large concatenation that only it reads."""
        node = self._made.get(name)
        if node is None or node.op_type != "Concat" or self._uses[name] > 1:
            return [name]
        return list(node.input) if self._is_large(name) else [name]

    def _is_large(self, name: str) -> bool:
        return int(np.prod(self._shapes[name])) > _LARGE

    def _relu(self, node: Any) -> list[_Layer]:
        return [_Layer("ReLU", [node.input[0]], [node.output[0]])]

    def _sigmoid(self, node: Any) -> list[_Layer]:
        return [_Layer("Sigmoid", [node.input[0]], [node.output[0]])]

    def _add(self, node: Any) -> list[_Layer]:
        return [_Layer("BinaryOp", list(node.input), [node.output[0]], "0=0")]

    def _concat(self, node: Any) -> list[_Layer]:
        if self._attributes(node)["axis"] != 1:
            raise Untranslatable(f"{node.name} in the model does not join channels")
        if self._uses[node.output[0]] == 1 and self._is_large(node.output[0]):
            return []  # its convolution takes the parts
        return [_Layer("Concat", list(node.input), [node.output[0]], "0=0")]

    def _maxpool(self, node: Any) -> list[_Layer]:
        said = self._attributes(node)
        side, step = said["kernel_shape"][0], said["strides"][0]
        if any(said["pads"]) or len({*said["kernel_shape"]}) > 1 or len({*said["strides"]}) > 1:
            raise Untranslatable(f"the pooling {node.name} is of a kind not known here")
        whole = 0 if said.get("ceil_mode") else 1
        settings = f"0=0 1={side} 2={step} 5={whole}"
        return [_Layer("Pooling", [node.input[0]], [node.output[0]], settings)]

    def _resize(self, node: Any) -> list[_Layer]:
        said = self._attributes(node)
        if (said["mode"], said["coordinate_transformation_mode"]) != (b"linear", b"half_pixel"):
            raise Untranslatable(f"{node.name} in the model does not resize as U²-Net does")
        height, width = self._shapes[node.output[0]][2:]
        return [_Layer("Interp", [node.input[0]], [node.output[0]], f"0=2 3={height} 4={width}")]


def _convolution(
    source: str, target: str, settings: str, weights: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32] | None,
) -> _Layer:  # fmt: skip
    count = f"0={len(weights)} 6={weights.size} 5={int(bias is not None)}"
    arrays = [weights] if bias is None else [weights, bias]
    return _Layer("Convolution", [source], [target], f"{count} {settings}", arrays)


def _fused(layers: list[_Layer]) -> list[_Layer]:
    """A Relu that alone reads a convolution becomes part of it."""
    uses = Counter(name for layer in layers for name in layer.inputs)
    made = {layer.outputs[0]: layer for layer in layers}
    kept = []
    for layer in layers:
        before = made.get(layer.inputs[0]) if layer.kind == "ReLU" else None
        if before and before.kind == "Convolution" and uses[layer.inputs[0]] == 1:
            before.outputs, before.settings = layer.outputs, f"{before.settings} 9=1"
        else:
            kept.append(layer)
    return kept


def _split(layers: list[_Layer], source: str, target: str) -> list[_Layer]:
    """Every blob has one reader in ncnn: those with several get a Split; names become plain."""
    uses = Counter(name for layer in layers for name in layer.inputs)
    plain = {source: INPUT, target: OUTPUT}
    taken: Counter[str] = Counter()
    found = []
    for layer in layers:
        inputs = []
        for name in layer.inputs:
            inputs.append(f"{plain[name]}_{taken[name]}" if uses[name] > 1 else plain[name])
            taken[name] += 1
        outputs = [plain.setdefault(name, f"b{len(plain)}") for name in layer.outputs]
        found.append(_Layer(layer.kind, inputs, outputs, layer.settings, layer.arrays))
        for name, blob in zip(layer.outputs, outputs, strict=True):
            if (count := uses[name]) > 1:
                found.append(_Layer("Split", [blob], [f"{blob}_{n}" for n in range(count)]))
    return found

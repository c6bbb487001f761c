"""Which convolutions stay in float, and why: found by measurement, checked by the bar."""

from __future__ import annotations

import onnx

# Positions among U²-Net's 119 convolutions, stage by stage, as in the paper's figure 5.
STAGES = {
    "En_1": range(14), "En_2": range(14, 26), "En_3": range(26, 36), "En_4": range(36, 44),
    "En_5": range(44, 52), "En_6": range(52, 60), "De_5": range(60, 68), "De_4": range(68, 76),
    "De_3": range(76, 86), "De_2": range(86, 98), "De_1": range(98, 112),
}  # fmt: skip
_IN_FLOAT: tuple[str, ...] = ("De_1",)


def in_float(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions of ``model`` that are not quantized.

    The first, whose input is the photo; those with one output channel, whose sum is the mask;
    and the stages of `_IN_FLOAT`.
    """
    weights = {each.name: list(each.dims) for each in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    wanted = {at for stage in _IN_FLOAT for at in STAGES[stage]} | {0}
    return [
        node.name
        for at, node in enumerate(convolutions)
        if at in wanted or weights[node.input[1]][0] == 1
    ]

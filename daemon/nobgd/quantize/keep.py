"""Which convolutions stay in float, and why: found by measurement, checked by the bar."""

from __future__ import annotations

import onnx

# The names that the exporter gave, the same in u2net and u2netp.  De_2 and De_1 are the paper's
# names for the last two stages of the decoder.
_END_OF_DE_2 = ("Conv_787",)
_END_OF_DE_1 = ("Conv_829", "Conv_832", "Conv_854", "Conv_876", "Conv_898", "Conv_920")


def in_float(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions of ``model`` that are not quantized.

    The first, whose input is the photo; those with one output channel, whose sum is the mask;
    the end of De_2, which both the mask and De_1 are made of; and the decoding half of De_1.
    docs/engines.md has the figures.
    """
    weights = {each.name: list(each.dims) for each in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    photo = model.graph.input[0].name
    wanted = {*_END_OF_DE_2, *_END_OF_DE_1}
    return [
        node.name
        for node in convolutions
        if node.name in wanted or node.input[0] == photo or weights[node.input[1]][0] == 1
    ]

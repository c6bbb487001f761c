"""An edit of the model's graph that ONNX Runtime's optimiser does not make by itself.

U²-Net's 38 bilinear Resize nodes ask for a size that the exporter computed from shapes.  The
optimiser keeps pixels in blocks of channels (NCHWc) only for a Resize with constant scales, so
around each of these it goes back to planes and forth again.  With the scales written in, the
same arithmetic takes 5 % less time (0.572 instead of 0.597 s on two cores of an EPYC 9004; the
largest difference in the mask was 2e-7).
"""

from __future__ import annotations

import numpy as np


def fix_scales(path: str) -> int:
    """Give every Resize of the model at ``path`` constant scales, in place; how many got them.

    The model's shapes and sizes must be constants already, as after ONNX Runtime's basic
    optimisation.  Weights in a file beside it are not read.
    """
    import onnx  # 0.2 s and 30 MB: only where a model is built

    model = onnx.load(path, load_external_data=False)
    known = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in (*known.value_info, *known.input, *known.output)
    }
    constants = {each.name: each for each in model.graph.initializer}
    fixed = 0
    for node in model.graph.node:
        if node.op_type != "Resize" or len(node.input) < 4 or node.input[3] not in constants:
            continue
        before = shapes.get(node.input[0], [])
        after = onnx.numpy_helper.to_array(constants[node.input[3]])
        mode = next((a for a in node.attribute if a.name == "coordinate_transformation_mode"), None)
        if mode is None or len(before) != len(after) or not all(before) or min(after[2:]) < 2:
            continue  # sides of one pixel are where pytorch_half_pixel is not half_pixel
        if mode.s not in (b"pytorch_half_pixel", b"half_pixel"):
            continue
        name = f"{node.name or node.output[0]}_scales"
        scales = (after / np.array(before)).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(scales, name))
        mode.s = b"half_pixel"
        kept = list(node.input[:2])
        del node.input[:]
        node.input.extend([*kept, name])
        fixed += 1
    onnx.save(model, path)
    return fixed

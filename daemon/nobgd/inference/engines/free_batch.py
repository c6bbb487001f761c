"""An edit of the model's graph: as many photos at a time as there are, where the file says one.

U²-Net was exported with a batch of one.  Nothing in it but the sizes of its Resize nodes depends
on that, and `fix_scales` has written them as scales, so afterwards the first axis may have any
length.  Whether that holds is not argued from the graph but tried: two photos in one batch have
to get the masks that they get alone.
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime as ort

_AXIS = "photos"
_NEAR = 1e-5  # of masks; on the processor they are the same to the bit
_BESIDE = ".batch"


def free_batch(path: str) -> bool:
    """Give the model at ``path`` a first axis of any length, and its first output alone.

    In place.  False where masks of a batch differ from those of single photos, or it cannot be
    run at all; the file is then as it was.
    """
    import onnx  # 0.2 s and 30 MB: only where a model is built

    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    weights = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    del graph.output[1:]
    del graph.value_info[:]  # shapes for a batch of one
    for value in (*inputs, *graph.output):
        shape = value.type.tensor_type.shape
        if not shape.dim:
            return False
        shape.dim[0].dim_param = _AXIS  # a oneof: the number goes
    beside = path + _BESIDE  # in the same folder, where its weights are
    onnx.save(model, beside)
    if len(inputs) == 1 and _holds(beside):
        os.replace(beside, path)
        return True
    os.unlink(beside)
    return False


def _holds(path: str) -> bool:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # explicit, see `onnxruntime`
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        source = session.get_inputs()[0]
        sides = [each if isinstance(each, int) else 1 for each in source.shape[1:]]
        feed = np.random.default_rng(1).normal(size=(2, *sides)).astype(np.float32)
        both = session.run(None, {source.name: feed})[0]
        alone = [session.run(None, {source.name: each[None]})[0] for each in feed]
    except Exception:  # noqa: BLE001 - ONNX Runtime raises many kinds; all mean: it does not
        return False
    return bool(both.shape[0] == 2 and np.abs(both - np.concatenate(alone)).max() < _NEAR)

"""The model process: every model once, for all lanes; tensors in, masks out, no photo ever."""

import os

# Read when the engines are first imported: ONNX Runtime telephones home without the first, and
# OpenBLAS would add a thread per core.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

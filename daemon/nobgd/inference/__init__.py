"""The model process: every model once, for all lanes; tensors in, masks out, no photo ever."""

import os
import sys

# Read when the engines are first imported: ONNX Runtime telephones home without the first, and
# OpenBLAS would add a thread per core.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# OpenVINO would write a device id into the home folder and report to a host; without this package
# it takes a stub of its own (openvino/tools/ovc/main.py).
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

"""From bytes to cut-out; runs in lanes only."""

import os

# Read when numpy and onnxruntime are first imported: one telephones home without the first,
# the other would add a thread per core to every lane.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

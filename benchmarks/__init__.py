"""What is fast, beside what, measured how: `make bench`."""

import os

# BLAS as a lane has it, before NumPy is loaded: its own threads would count for one thread
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

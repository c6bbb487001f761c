"""Rembg, in an environment of its own where there is one.

`rembg[cli]` asks for watchdog < 7 and nobgd for 7.1 or later, so `make bench` installs the
rival beside nobgd's environment, with the same ONNX Runtime, Pillow and numpy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.part import Bench


def python() -> str:
    """The interpreter that rembg runs under; nobgd's own has the library, not the command."""
    own = os.environ.get("REMBG_PYTHON", "")
    return own if own and Path(own).exists() else sys.executable


def command() -> str | None:
    """The `rembg` command, None where it is not installed."""
    found = Path(python()).parent / "rembg"
    return str(found) if python() != sys.executable and found.exists() else None


def environment(bench: Bench) -> dict[str, str]:
    """Its weights; numba's cache is beside its code: without one every start takes 44 s.

    BLAS has threads as it likes: that it has none is ours (see `benchmarks`).
    """
    theirs = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    return {
        **theirs,
        "U2NET_HOME": str(bench.weights),
        "ORT_DISABLE_TELEMETRY": "1",
    }

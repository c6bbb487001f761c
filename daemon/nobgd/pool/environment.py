"""The environment of every process that the supervisor starts."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Nothing phones home, and BLAS leaves threads to its callers.

    OpenBLAS's own would spin after each product and take the cores from what comes next.
    """
    mine = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    mine["OPENBLAS_NUM_THREADS"] = "1"  # which goes before OMP_NUM_THREADS where it is set
    mine.pop("NOTIFY_SOCKET", None)  # such processes have nothing to tell systemd
    return mine

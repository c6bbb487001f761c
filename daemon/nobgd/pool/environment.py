"""The environment of every process that the supervisor starts."""

from __future__ import annotations

import os

_TUNABLES = "GLIBC_TUNABLES"  # what glibc from 2.35 on reads; others do not know it
_HUGE = "glibc.malloc.hugetlb"


def environment() -> dict[str, str]:
    """Nothing phones home, and BLAS leaves threads to its callers.

    OpenBLAS's own would spin after each product and take the cores from what comes next.
    """
    mine = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    mine["OPENBLAS_NUM_THREADS"] = "1"  # which goes before OMP_NUM_THREADS where it is set
    mine.pop("NOTIFY_SOCKET", None)  # such processes have nothing to tell systemd
    return mine


def of_model() -> dict[str, str]:
    """And malloc asks the kernel for huge pages, unless the user has said what it should do.

    An inference allocates anew what a model's layers hold: in pages of 4 KB some 27,000 faults, a
    tenth of its time and more (docs/engines.md).
    """
    mine = environment()
    said = mine.get(_TUNABLES, "")
    if _HUGE not in said:
        mine[_TUNABLES] = f"{said}:{_HUGE}=1".removeprefix(":")
    return mine

"""What a process and all below it take: memory with shared pages counted once, processor time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that another one has started; what ends meanwhile has none."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                said = Path(f"/proc/{pid}/task/{task}/children").read_text()
                found += map(int, said.split())
    return found


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def words(pid: int) -> bytes:
    """Its command line, each word ended by a zero; empty when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def memory_mb(pid: int) -> tuple[float, float]:
    """MB of 10^6 bytes: of all together, shared pages once, and the peak of the largest."""
    together, largest = 0, 0
    for each in tree(pid):
        try:
            together += _kib(f"/proc/{each}/smaps_rollup", "Pss:")
            largest = max(largest, _kib(f"/proc/{each}/status", "VmHWM:"))
        except OSError:
            continue
    return together * 1024 / 1e6, largest * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Seconds of processor time, in programs and in the kernel for them."""
    ticks = 0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _kib(path: str, name: str) -> int:
    lines = Path(path).read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)

"""What a process and all below it take: memory with shared pages counted once, processor time."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found, queue = [], [pid]
    while queue:
        each = queue.pop()
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                children = Path(f"/proc/{each}/task/{task}/children").read_text()
                queue += map(int, children.split())
        except OSError:
            continue
        found.append(each)
    return found


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

"""Which processor this is, for what fits no other: made models, and what was measured."""

from __future__ import annotations

import contextlib
import hashlib
import platform


def cpu_identity() -> str:
    """Twelve hex digits that change with the machine's CPU model or features."""
    names = ("vendor_id", "model name", "flags", "Features", "CPU part", "CPU implementer")
    lines = _cpuinfo(names)
    return hashlib.sha256("".join([platform.machine(), *sorted(lines)]).encode()).hexdigest()[:12]


def is_intel_with_avx512() -> bool:
    """Whether 512-bit multiplications go at full width here: two a clock, on Intel's servers."""
    lines = _cpuinfo(("vendor_id", "flags"))
    words = {word for line in lines for word in line.partition(":")[2].split()}
    return {"GenuineIntel", "avx512f"} <= words


def _cpuinfo(names: tuple[str, ...]) -> set[str]:
    """The lines of these names, each once."""
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", encoding="ascii", errors="replace") as f,
    ):
        return {line for line in f if line.startswith(names)}
    return set()

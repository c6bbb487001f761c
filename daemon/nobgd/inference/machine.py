"""Which processor this is, for what fits no other: made models, and what was measured."""

from __future__ import annotations

import contextlib
import hashlib
import platform


def cpu_identity() -> str:
    """Twelve hex digits that change with the machine's CPU model or features."""
    lines: set[str] = set()
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", encoding="ascii", errors="replace") as f,
    ):
        names = ("vendor_id", "model name", "flags", "Features", "CPU part", "CPU implementer")
        lines = {line for line in f if line.startswith(names)}
    return hashlib.sha256("".join([platform.machine(), *sorted(lines)]).encode()).hexdigest()[:12]

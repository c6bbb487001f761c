"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimddp")
_PACKAGES = (
    "nobgd",
    "rembg",
    "onnxruntime",
    "ncnn",
    "openvino",
    "pillow",
    "numpy",
    "isal",
    "simplejpeg",
)


def describe() -> dict[str, str]:
    """Processor, cores, memory, versions and date."""
    info = Path("/proc/cpuinfo").read_text()
    lines = [line.split(":", 1) for line in info.splitlines() if ":" in line]
    fields = {key.strip(): value.strip() for key, value in lines}
    present = fields.get("flags", fields.get("Features", "")).split()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": fields.get("model name", platform.machine()),
        "cores": str(len(os.sched_getaffinity(0))),
        "flags": " ".join(flag for flag in _FLAGS if flag in present),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"

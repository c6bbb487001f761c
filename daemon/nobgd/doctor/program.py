"""The program and the machine under it: the interpreter, what it can load, the processor."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys

from nobgd import __version__
from nobgd.doctor.finding import Finding
from nobgd.inference import nvidia

_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile", "asimd", "asimddp", "i8mm")


def python() -> Finding:
    """Whether the interpreter is one that nobgd runs on."""
    found = f"{platform.python_version()} ({sys.executable}), nobgd {__version__}"
    fits = (3, 11) <= sys.version_info < (3, 15)
    return Finding(fits, "python", found if fits else f"{found}; nobgd needs 3.11 to 3.14")


def loads(package: str, way_out: str) -> Finding:
    """Whether a fresh interpreter can import it: a library built for another machine ends one."""
    try:
        version = _version(package)
        environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
        loaded = subprocess.run(
            [sys.executable, "-c", f"import nobgd.inference, {package}"],
            capture_output=True, text=True, timeout=60, check=False, env=environment,
        )  # fmt: skip
    except importlib.metadata.PackageNotFoundError:
        return Finding(False, package, f"is not installed; {way_out}")
    except subprocess.TimeoutExpired:
        return Finding(False, package, f"cannot be loaded; {way_out}")
    if loaded.returncode == 0:
        return Finding(True, package, version)
    last = loaded.stderr.strip().splitlines()[-1:] or [f"exit {loaded.returncode}"]
    return Finding(False, package, f"cannot be loaded ({last[0]}); {way_out}")


def _version(package: str) -> str:
    """Of what is installed; raises `importlib.metadata.PackageNotFoundError`."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    if package != "onnxruntime":
        raise importlib.metadata.PackageNotFoundError(package)
    return f"{importlib.metadata.version(nvidia.WHEEL)} ({nvidia.WHEEL})"  # the same module


def cpu() -> Finding:
    """Cores, and what of their instructions is of use."""
    words: set[str] = set()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith(("flags", "Features")):
                words |= set(line.partition(":")[2].split())
    has = [each for each in _FEATURES if each in words]
    slow = platform.machine() == "x86_64" and "avx2" not in words
    says = f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {' '.join(has) or 'plain'}"
    if slow:
        says += "; without AVX2 a photo takes several times as long: model u2netp is quicker"
    return Finding(True, "cpu", says)

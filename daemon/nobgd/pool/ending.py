"""How a process of ours ended, in words."""

from __future__ import annotations

import signal
import subprocess

_PATIENCE_S = 5.0  # a line breaks a moment before its process is gone


def how(process: subprocess.Popen[bytes] | None) -> str:
    """After its line broke: the signal, or the exit status."""
    if process is None:
        return "nothing"
    try:
        status = process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "a broken line"
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"

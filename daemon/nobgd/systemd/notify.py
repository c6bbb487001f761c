"""Telling systemd how it goes: sd_notify(3) over $NOTIFY_SOCKET, nothing without it."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def _send(*lines: str) -> bool:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto("\n".join(lines).encode("utf-8", "backslashreplace"), address)
        return True
    return False


def managed() -> bool:
    """Whether a service manager started us, and waits to hear."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def ready() -> bool:
    """The service works (after a start, or after `reloading`)."""
    return _send("READY=1")


def status(text: str) -> bool:
    """One line for people, shown by ``systemctl status``."""
    return _send("STATUS=" + text.replace("\n", " "))


def reloading() -> bool:
    """The configuration is being read again; the time stamp must be in the same datagram."""
    return _send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> bool:
    """The service is draining."""
    return _send("STOPPING=1")


def watchdog() -> bool:
    """The loop is alive."""
    return _send("WATCHDOG=1")


def watchdog_s() -> float | None:
    """Seconds within which `watchdog` must be called, None when nobody watches."""
    pid = os.environ.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None

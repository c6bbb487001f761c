"""Ports of this machine for servers that tests start."""

from __future__ import annotations

import random
import socket

# Below those that Linux gives to outgoing connections (32768 on, ip_local_port_range):
# what a server has left while it is restarted, no client is given in the meantime.
_PORTS = range(12_000, 32_000)
_TRIES = 1_000


def free(address: str = "127.0.0.1") -> int:
    """One that nobody listens at, and that no other caller is given until this process ends."""
    for port in random.sample(_PORTS, _TRIES):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0nobgd-test-port-{port}")
            with socket.socket() as tried:
                # as servers do: what only waits for its last packets is free
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind((address, port))
        except OSError:
            name.close()
            continue
        name.detach()  # left open, so it stays ours
        return port
    raise RuntimeError(f"none of {_TRIES} ports of {_PORTS} is free at {address}")

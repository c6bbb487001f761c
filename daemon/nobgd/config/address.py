"""Where `web.listen` is."""

from __future__ import annotations

import ipaddress


def split(listen: str) -> tuple[str, int]:
    """Host and port of `web.listen`."""
    host, _, port = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def url(listen: str) -> str:
    """Where a browser on this machine finds the page."""
    host, port = split(listen)
    found = ipaddress.ip_address(host)
    if found.is_unspecified:
        host = "127.0.0.1" if found.version == 4 else "[::1]"
    elif found.version == 6:
        host = f"[{host}]"
    return f"http://{host}:{port}/"


def near(listen: str) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(split(listen)[0]).is_loopback

"""What a unit may reach where there are several machines: the broker's address and no other."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from nobgd.cluster import join
from nobgd.cluster.join import JoinError
from nobgd.config import Config

_RESOLVERS = "/etc/resolv.conf"
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with


def of_home(config: Config) -> tuple[str, ...]:
    """The addresses that the daemon has to reach, as systemd has them; none without `cluster:`."""
    cluster = config.cluster
    if cluster is None or cluster.think == "never":
        return ()
    if cluster.listen is not None:
        host = urlsplit(cluster.listen).hostname or ""
        return ("localhost",) if host in _ANY else allowed(host)
    try:
        return () if cluster.join is None else allowed(join.read(cluster.join).host)
    except JoinError:  # the daemon says so; there is nothing that it may reach
        return ()


def allowed(host: str) -> tuple[str, ...]:
    """The addresses of a host; a name's resolvers too, or it could not be looked up again."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return ("localhost",) if address.is_loopback else (str(address),)
    found: set[str] = set()
    with contextlib.suppress(OSError, UnicodeError):
        for *_, place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            found.add(str(place[0]).partition("%")[0])
    return tuple(sorted({*found, *_resolvers()})) if found else ()


def _resolvers() -> Iterator[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in Path(_RESOLVERS).read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] == ["nameserver"] and len(words) > 1:
                with contextlib.suppress(ValueError):
                    yield str(ipaddress.ip_address(words[1].partition("%")[0]))

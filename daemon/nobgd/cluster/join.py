"""A join file: all that a machine needs to reach the broker, and to be sure that it is the one.

It is JSON and holds the machine's secret, so nothing of its content is ever quoted in an error.
"""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nobgd.fs import whole

PROTOCOL = 1  # what the parts say to one another; another number never meets this one
HOME = "home"  # the machine that has the photos
_MOST = 64_000  # bytes
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a host's label by RFC 1123


class JoinError(ValueError):
    """It cannot be used; one sentence that names the file."""


@dataclass(frozen=True, slots=True)
class Join:
    """How one machine gets in.  ``repr`` shows no secret."""

    name: str  # of the machine, a host's label
    url: str  # of the broker: tls://HOST:PORT
    user: str
    secret: str
    ca: str  # PEM: the certificates that the broker's must be signed by, and no others
    protocol: int = PROTOCOL

    def __repr__(self) -> str:
        return f"Join(name={self.name!r}, url={self.url!r}, user={self.user!r})"

    @property
    def host(self) -> str:
        """The broker's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's TCP port."""
        return urlsplit(self.url).port or 0


def is_name(text: str) -> bool:
    """Whether a machine may be called so: it becomes a part of subjects and a file's name."""
    return _NAME.fullmatch(text) is not None


def read(path: Path) -> Join:
    """The join file at ``path``.  Raises `JoinError`."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        said = "there is no such file; `nobgd cluster invite NAME`, where the photos are, makes one"
        raise JoinError(f"{path}: {said}") from None
    except OSError as error:
        raise JoinError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        values = json.loads(data) if len(data) <= _MOST else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        said = "is no join file; copy it once more from where `nobgd cluster invite` wrote it"
        raise JoinError(f"{path}: {said}")
    if (wrong := _wrong(values)) is not None:
        raise JoinError(f"{path}: {wrong}")
    return Join(**{each.name: values[each.name] for each in fields(Join)})


def write(path: Path, join: Join, owner: tuple[int, int] | None = None) -> None:
    """Write it with mode 0600, whole or not at all; ``owner`` is (uid, gid).  Raises OSError."""
    text = json.dumps(asdict(join), indent=1) + "\n"
    whole.write(path, text.encode(), 0o600, owner)


def _wrong(values: dict[str, Any]) -> str | None:
    """What is wrong with it, without a word of its content but the protocol's number."""
    protocol = values.get("protocol")
    if type(protocol) is int and protocol != PROTOCOL:
        return (
            f"it is for protocol {protocol}, and this nobgd speaks {PROTOCOL}; install the same"
            " nobgd on both machines"
        )
    again = "invite the machine again"
    for name in ("name", "url", "user", "secret", "ca", "protocol"):
        kind = int if name == "protocol" else str
        if type(values.get(name)) is not kind or not values[name]:
            return f"{name} is missing or no {'number' if kind is int else 'text'}; {again}"
    if not is_name(values["name"]):
        return f"name is no host's label (a-z, 0-9 and -); {again}"
    if not _is_address(values["url"]):
        return f"url is not like tls://nas.lan:4222; {again}"
    try:
        ssl.create_default_context(cadata=values["ca"])
    except (ssl.SSLError, ValueError):
        return f"ca holds no certificate; {again}"
    return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "tls" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        return False

"""A photo's name in URLs: made by us and proved by a hash; no path is read from a client."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_MAC_BYTES = 12


class Ids:
    """Names photos with a key of this installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, inbox: str, relpath: str) -> str:
        """The id of a photo; ``inbox`` is the key of its inbox."""
        plain = os.fsencode(f"{inbox}/{relpath}")
        return f"{_text(plain)}.{_text(self._mac(plain))}"

    def read(self, name: str) -> tuple[str, str] | None:
        """(inbox key, relpath) of an id of ours; None for anything else."""
        body, dot, mac = name.partition(".")
        if not dot or len(name) > 8192:
            return None
        try:
            plain, proof = _bytes(body), _bytes(mac)
        except (ValueError, binascii.Error):
            return None
        if not hmac.compare_digest(self._mac(plain), proof):
            return None
        inbox, _, relpath = os.fsdecode(plain).partition("/")
        return inbox, relpath

    def _mac(self, plain: bytes) -> bytes:
        return hmac.new(self._key, plain, hashlib.sha256).digest()[:_MAC_BYTES]


def inbox_key(path: str) -> str:
    """A short name of an inbox that gives nothing of its path away."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def key_in(folder: Path) -> bytes:
    """The key of this installation, made on first use.  Raises OSError."""
    path = folder / "ids.key"
    with contextlib.suppress(FileExistsError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        temp = folder / f".{secrets.token_hex(8)}.tmp"
        file = os.open(temp, flags, 0o640)
        try:
            os.write(file, secrets.token_bytes(32))
            os.fsync(file)
        finally:
            os.close(file)
        try:
            os.link(temp, path)
        finally:
            os.unlink(temp)
    return path.read_bytes()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    if not text.isascii() or "=" in text:
        raise ValueError(text)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

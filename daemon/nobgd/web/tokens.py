"""Tokens of programs: their names, scopes and the SHA-256 of each; made by the command line only.

The file is replaced by a rename, so a reader sees one state or the other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

SCOPES = ("submit", "look", "review", "steer")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without what it is proved by."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    made_at: float  # seconds since the epoch


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits: no salt is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> tuple[Token, ...]:
    """All tokens; none where there is no file.  Raises OSError, ValueError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    return tuple(
        Token(
            str(row["name"]),
            str(row["sha256"]),
            tuple(scope for scope in row["scopes"] if scope in SCOPES),
            float(row["made_at"]),
        )
        for row in rows
    )


def add(path: Path, name: str, scopes: tuple[str, ...]) -> str:
    """Make a token; the secret, which is kept nowhere.  Raises ValueError, OSError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a token: letters, digits and _ . - only")
    if wrong := [scope for scope in scopes if scope not in SCOPES] or not scopes:
        said = ", ".join(wrong) if isinstance(wrong, list) else "none"
        raise ValueError(f"unknown scope: {said}; there are {', '.join(SCOPES)}")
    there = read(path)
    if any(token.name == name for token in there):
        raise ValueError(f"there is a token {name} already; `nobgd web token revoke {name}` first")
    secret = f"nobgd_{secrets.token_urlsafe(32)}"
    _write(path, (*there, Token(name, digest(secret), scopes, time.time())))
    return secret


def revoke(path: Path, name: str) -> bool:
    """Forget a token; False if there was none of that name.  Raises OSError, ValueError."""
    there = read(path)
    left = tuple(token for token in there if token.name != name)
    if len(left) < len(there):
        _write(path, left)
    return len(left) < len(there)


def _write(path: Path, tokens: tuple[Token, ...]) -> None:
    text = json.dumps([asdict(token) for token in tokens], indent=1) + "\n"
    file, temp = tempfile.mkstemp(prefix=".nobgd-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o640)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temp, path)
    except BaseException:
        os.unlink(temp)
        raise


class Tokens:
    """The file as the web process sees it: read again when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """What there is now; a file that cannot be read lets nobody in."""
        try:
            info = os.stat(self._path)
            seen = (info.st_ino, info.st_mtime_ns)
        except OSError:
            self._seen, self._tokens = None, ()
            return ()
        if seen != self._seen:
            try:
                self._tokens = read(self._path)
            except (OSError, ValueError, KeyError, TypeError):
                self._tokens = ()
            self._seen = seen
        return self._tokens

    def find(self, secret: str) -> Token | None:
        """The token that this is the secret of."""
        asked = digest(secret)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, asked):
                found = token
        return found

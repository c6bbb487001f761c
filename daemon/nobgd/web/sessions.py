"""One-time links and browsers' sessions: a small file each, called by the SHA-256 of its secret.

They outlive the web process, which ends when nobody asks it for long.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from nobgd.web.tokens import SCOPES, digest

LINK_S = 600.0
SESSION_S = 30 * 86_400.0
_MOST = 256  # sessions; the oldest goes


@dataclass(frozen=True, slots=True)
class Session:
    """Whose browser it is, and what it may."""

    name: str
    scopes: tuple[str, ...]
    until: float


def new_link(folder: Path) -> str:
    """A secret that is good once, for ten minutes.  Raises OSError."""
    secret = secrets.token_urlsafe(24)
    _write(folder, "link", secret, Session("this machine", SCOPES, time.time() + LINK_S))
    return secret


def redeem(folder: Path, secret: str) -> Session | None:
    """What a link is good for; it is good no more.  None where it was not."""
    path = folder / f"link-{digest(secret)}"
    used = folder / f"used-{digest(secret)}"
    try:
        os.rename(path, used)  # of two that come at once one succeeds
    except OSError:
        return None
    found = _read(used)
    with contextlib.suppress(OSError):
        os.unlink(used)
    return found


def begin(folder: Path, name: str, scopes: tuple[str, ...]) -> str:
    """The secret of a new session.  Raises OSError."""
    _tidy(folder)
    secret = secrets.token_urlsafe(32)
    _write(folder, "session", secret, Session(name, scopes, time.time() + SESSION_S))
    return secret


def find(folder: Path, secret: str) -> Session | None:
    """The session that this is the secret of."""
    return _read(folder / f"session-{digest(secret)}")


def end(folder: Path, secret: str) -> None:
    """Forget a session."""
    with contextlib.suppress(OSError):
        os.unlink(folder / f"session-{digest(secret)}")


def _write(folder: Path, kind: str, secret: str, session: Session) -> None:
    row = {"name": session.name, "scopes": list(session.scopes), "until": session.until}
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    temp = folder / f".{secrets.token_hex(8)}.tmp"
    file = os.open(temp, flags, 0o660)
    try:
        os.write(file, json.dumps(row).encode())
    finally:
        os.close(file)
    os.rename(temp, folder / f"{kind}-{digest(secret)}")


def _read(path: Path) -> Session | None:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        session = Session(
            str(row["name"]), tuple(s for s in row["scopes"] if s in SCOPES), float(row["until"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return session if session.until > time.time() else None


def _tidy(folder: Path) -> None:
    """Drop what has run out, and the oldest sessions of too many."""
    kept = []
    for path in folder.iterdir():
        if _read(path) is None:
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > LINK_S:
                    path.unlink()
        elif path.name.startswith("session-"):
            kept.append(path)
    for path in sorted(kept, key=lambda each: each.stat().st_mtime)[: -_MOST + 1 or None]:
        if len(kept) >= _MOST:
            with contextlib.suppress(OSError):
                path.unlink()

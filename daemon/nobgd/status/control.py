"""Asking a running daemon: a Unix socket, one JSON line each way, see `listening`.

The socket lies in $RUNTIME_DIRECTORY (systemd makes it), else in the state folder.  No answer
is not "no daemon": whether one runs, the state folder's lock says.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from nobgd.config import Config
from nobgd.fs import lock

NAME = "control.sock"
LONGEST = 1 << 20  # bytes of a request
ANSWER_S = 6.0  # that the loop may take
ASKING_S = 3.0  # from the connection to the end of the request
_TIMEOUT_S = ASKING_S + ANSWER_S + 4.0  # so that the daemon gives up first, and says so
_AGAIN_S = 0.05  # between two tries to connect
TOO_BUSY = (
    f"nobgd (pid {{pid}}) is busy and did not answer in {ANSWER_S:g} s; nothing was changed, ask"
    " again in a while"
)


class NotRunning(Exception):  # noqa: N818 - a fact
    """There is no daemon; nobody holds the state folder's lock."""


class Busy(Exception):  # noqa: N818 - a fact
    """There is one, and it gave no answer; the sentence is for the user."""


def path_of(config: Config) -> Path:
    """Where the socket of this configuration's daemon is.

    The service's folder counts only for the service's own state: another daemon, with a
    state folder of its own, must not be mistaken for it.
    """
    service = os.environ.get("RUNTIME_DIRECTORY") or (
        "/run/nobgd" if str(config.state_dir) == "/var/lib/nobgd" else ""
    )
    folder = service.split(":")[0]
    return Path(folder) / NAME if folder and os.path.isdir(folder) else config.state_dir / NAME


def own_path(config: Config) -> Path:
    """Where this daemon should make its socket."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder.split(":")[0]) / NAME if folder else config.state_dir / NAME


def ask(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """One question, one answer.  Raises `NotRunning`, `Busy` or PermissionError."""
    until = time.monotonic() + _TIMEOUT_S
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.settimeout(_TIMEOUT_S)
            _connect_until(line, path_of(config), until)
            line.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(read_line(line, until))
        except PermissionError:
            raise
        except (OSError, ValueError) as error:
            raise _silent(config, error) from error
    if not isinstance(answer, dict):
        raise _silent(config, ValueError("not an answer"))
    if isinstance(busy := answer.get("busy"), str):
        raise Busy(busy)
    return answer


def _silent(config: Config, error: Exception) -> NotRunning | Busy:
    holder = lock.holder(config.state_dir / "lock")
    if holder is None:
        return NotRunning(str(error))
    return Busy(
        f"nobgd (pid {holder}) uses {config.state_dir} and does not answer: it is starting, or is"
        " very busy, or is a `nobgd once`; ask again in a while"
    )


def _connect_until(line: socket.socket, path: Path, until: float) -> None:
    """Connect, and wait where too many others are about to."""
    while True:
        try:
            connect(line, path)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def connect(line: socket.socket, path: Path) -> None:
    """Connect, also where the path is longer than the 107 bytes a socket's name may have."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        line.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def read_line(line: socket.socket, until: float, longest: int | None = None) -> bytes:
    """One line, or what there was before the end.  Raises TimeoutError at ``until``, ValueError."""
    data = bytearray()
    while not data.endswith(b"\n"):
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError
        line.settimeout(left)
        part = line.recv(65_536)
        if not part:
            break
        data += part
        if longest is not None and len(data) > longest:
            raise ValueError("too long a request")
    return bytes(data)

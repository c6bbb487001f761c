"""Talking to a running daemon: a Unix socket, one JSON line each way.

The socket lies in $RUNTIME_DIRECTORY (systemd makes it), else in the state folder, mode 0660:
who may not connect is kept out by the kernel.  Reading is for all who can connect; changing
something is for root, the daemon's own user and its group (SO_PEERCRED).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nobgd.config import Config

NAME = "control.sock"
READING = frozenset({"status", "why"})
_TIMEOUT_S = 5.0
_LONGEST = 1 << 20  # bytes of a request

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class NotRunning(Exception):  # noqa: N818 - a fact
    """No daemon answers."""


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
    """One question, one answer.  Raises `NotRunning`, or PermissionError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(_TIMEOUT_S)
        try:
            _connect(line, path_of(config))
            line.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(line))
        except PermissionError:
            raise
        except (OSError, ValueError) as error:
            raise NotRunning(str(error)) from error
    if not isinstance(answer, dict):
        raise NotRunning("not an answer")
    return answer


def _connect(line: socket.socket, path: Path) -> None:
    """Connect, also where the path is longer than the 107 bytes a socket's name may have."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        line.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _read_line(line: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < _LONGEST:
        part = line.recv(65_536)
        if not part:
            break
        data += part
    return data


class Control:
    """The daemon's end: a thread that passes questions to ``handle`` and answers back."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

    def start(self) -> None:
        """Listen.  Raises OSError; the state folder's lock says that an old socket is dead."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        old = os.umask(0o117)
        try:
            self._socket.bind(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.umask(old)
            os.close(folder)
        self._socket.listen(8)
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and take the socket away."""
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, ValueError), line:
                line.settimeout(_TIMEOUT_S)
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        request = json.loads(_read_line(line))
        if not isinstance(request, dict):
            return
        if request.get("do") not in READING and not _may_change(line):
            answer = {"error": "only root, the daemon's user and its group may change something"}
        else:
            answer = self._handle(request)
        line.sendall(json.dumps(answer).encode() + b"\n")


def _may_change(line: socket.socket) -> bool:
    _, uid, gid = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in (0, os.geteuid()) or gid == os.getegid()

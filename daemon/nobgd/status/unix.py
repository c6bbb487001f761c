"""A UNIX socket in the state folder that its owner and group may connect to."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def listen(listener: socket.socket, path: Path, backlog: int) -> None:
    """Bind it to ``path``, of any length, with mode 0660, and listen.

    Raises OSError.  What lies there is a dead daemon's: the state folder's lock says so.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    old = os.umask(0o117)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.umask(old)
        os.close(folder)
    listener.listen(backlog)

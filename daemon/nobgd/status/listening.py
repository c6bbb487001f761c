"""The daemon's end of the control socket: many clients at a time, each with one deadline.

Mode 0660: who may not connect is kept out by the kernel.  Reading is for all who can connect;
changing something is for root, the daemon's own user and the members of its group, by whichever
of their groups.  A client that is slow, silent or sends anything else costs a thread for seconds;
where all are taken, the one that has been asking for longest makes room.  Nothing that a client
does ends the listening.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nobgd.status import control, unix

READING = frozenset({"status", "why", "photo", "photos", "render", "preview", "list"})
_MOST = 32  # clients at a time
_WRITING_S = 5.0  # for an answer to be taken
_PEER_GROUPS = 59  # SO_PEERGROUPS (socket(7), include/uapi/asm-generic/socket.h; Linux 4.13)
_PAUSE_S = 0.1  # where no connection can be taken

Handler = Callable[[dict[str, Any]], dict[str, Any]]
_libc = ctypes.CDLL(None, use_errno=True)


class Control:
    """The socket, a thread that listens, and one for each client; ``handle`` may be slow."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._stopped = threading.Event()
        self._changed = threading.Lock()
        self._asking: dict[int, socket.socket] = {}  # the first has been asking for longest
        self._clients = 0

    def start(self) -> None:
        """Listen.  Raises OSError; the state folder's lock says that an old socket is dead."""
        unix.listen(self._socket, self._path, 128)
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and take the socket away."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # closing it would not wake the thread
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                line, _ = self._socket.accept()
            except OSError:  # no descriptor is left, say
                self._make_room()
                self._stopped.wait(_PAUSE_S)
                continue
            try:
                self._take(line)
            except Exception:  # noqa: BLE001 - no thread to be had: this client is not answered
                line.close()

    def _take(self, line: socket.socket) -> None:
        with self._changed:
            full = self._clients >= _MOST
        if full and not self._make_room():  # all are being answered: it hears that we are busy
            line.close()
            return
        with self._changed:
            self._clients += 1
            self._asking[id(line)] = line
        thread = threading.Thread(target=self._client, args=(line,), name="asker", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._left(line)
            raise

    def _make_room(self) -> bool:
        """Who has been asking for longest hears no more; False where nobody is asking."""
        with self._changed:
            oldest = next(iter(self._asking.values()), None)
            if oldest is not None:
                del self._asking[id(oldest)]
                with contextlib.suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
        return oldest is not None

    def _left(self, line: socket.socket) -> None:
        with self._changed:
            self._clients -= 1
            self._asking.pop(id(line), None)

    def _client(self, line: socket.socket) -> None:
        with contextlib.suppress(Exception), line:  # whatever it is, it is this client's
            try:
                until = time.monotonic() + control.ASKING_S
                request = json.loads(control.read_line(line, until, control.LONGEST))
            finally:
                with self._changed:
                    self._asking.pop(id(line), None)
            if isinstance(request, dict):
                answer = self._answer(line, request)
                line.settimeout(_WRITING_S)  # of the whole
                line.sendall(json.dumps(answer).encode() + b"\n")
        self._left(line)

    def _answer(self, line: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        do = request.get("do")
        reading = isinstance(do, str) and do in READING
        if not (reading or _may_change(line)):
            return {"error": "only root, the daemon's user and its group may change something"}
        if not reading and _hung_up(line):  # it was told that it got no answer
            return {}
        try:
            return self._handle(request)
        except Exception as error:  # noqa: BLE001 - the asker gets it
            return {"error": f"{type(error).__name__}: {error}"}


def _hung_up(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _may_change(line: socket.socket) -> bool:
    _, uid, gid = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in (0, os.geteuid()) or os.getegid() in (gid, *_groups(line))


def _groups(line: socket.socket) -> tuple[int, ...]:
    """The supplementary groups of the peer, as they were when it connected.

    Python's getsockopt takes 1,024 bytes at most; a user may be in 65,536 groups.
    """
    size = ctypes.c_uint(1024)
    while True:
        room = size.value
        found = (ctypes.c_char * room)()
        if not _libc.getsockopt(
            line.fileno(), socket.SOL_SOCKET, _PEER_GROUPS, found, ctypes.byref(size)
        ):
            return struct.unpack(f"{size.value // 4}I", found.raw[: size.value // 4 * 4])
        if ctypes.get_errno() != errno.ERANGE or size.value <= room:
            return ()  # a kernel that does not know

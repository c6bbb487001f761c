"""`events.sock`: the log's own events, as lines of JSON, to whoever listens.

A listener that is slow loses the oldest events, never holds up the loop, and hears of nothing
that was before it came: what is true is asked by `control`.  Mode 0660, as the control socket.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import deque
from pathlib import Path
from typing import Any

from nobgd.status import unix

NAME = "events.sock"
_MOST = 8  # listeners
_KEPT = 256  # events for a listener that is slow
_WRITING_S = 10.0  # then it hears no more
_PULSE_S = 15.0  # an empty line this often, so that a listener that has left is noticed


class Telling:
    """The socket, and a thread for each listener."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._news = threading.Condition()
        self._queues: list[deque[dict[str, Any]]] = []
        self._stopped = False

    def start(self) -> None:
        """Listen.  Raises OSError; the state folder's lock says that an old socket is dead."""
        unix.listen(self._socket, self._path, _MOST)
        threading.Thread(target=self._serve, name="events", daemon=True).start()

    def tell(self, event: dict[str, Any]) -> None:
        """An event, from the loop; takes no time."""
        if not self._queues:
            return
        with self._news:
            for queue in self._queues:
                queue.append(event)
            self._news.notify_all()

    def stop(self) -> None:
        """Stop, and take the socket away."""
        with self._news:
            self._stopped = True
            self._news.notify_all()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _serve(self) -> None:
        while not self._stopped:
            try:
                line, _ = self._socket.accept()
            except OSError:
                with self._news:
                    self._news.wait_for(lambda: self._stopped, 0.1)
                continue
            queue: deque[dict[str, Any]] = deque(maxlen=_KEPT)
            with self._news:
                full = len(self._queues) >= _MOST
                if not full:
                    self._queues.append(queue)
            if full or not self._begin(line, queue):
                line.close()
                self._forget(queue)

    def _begin(self, line: socket.socket, queue: deque[dict[str, Any]]) -> bool:
        """Whether a thread was to be had."""
        try:
            threading.Thread(target=self._listener, args=(line, queue), daemon=True).start()
        except RuntimeError:
            return False
        return True

    def _listener(self, line: socket.socket, queue: deque[dict[str, Any]]) -> None:
        with contextlib.suppress(OSError, ValueError), line:
            line.settimeout(_WRITING_S)
            while not self._stopped:
                with self._news:
                    self._news.wait_for(lambda: bool(queue) or self._stopped, _PULSE_S)
                    events = [queue.popleft() for _ in range(len(queue))]
                lines = [json.dumps(event, default=str) for event in events] or [""]
                line.sendall("".join(f"{each}\n" for each in lines).encode())
        self._forget(queue)

    def _forget(self, queue: deque[dict[str, Any]]) -> None:
        with self._news:
            self._queues = [each for each in self._queues if each is not queue]

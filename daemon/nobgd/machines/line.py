"""The link process's end of its line to the supervisor: words both ways, memories with some."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any

_PACKET = 1 << 16
_TRIES, _PAUSE_S = 100, 0.02


class Line:
    """``over`` is set when the supervisor has gone, or does not listen."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.over = asyncio.Event()

    def say(self, words: dict[str, Any], memory: int | None = None) -> None:
        """Tell the supervisor, with a descriptor."""
        for _ in range(_TRIES):
            with contextlib.suppress(BlockingIOError):
                said = json.dumps(words).encode()
                socket.send_fds(self._line, [said], [] if memory is None else [memory])
                return
            time.sleep(_PAUSE_S)  # it listens all the time; else it is gone
        self.over.set()

    def listen(self, hear: Callable[[dict[str, Any], int], None]) -> None:
        """Have ``hear`` called with what it says and a descriptor, -1 if none, which is closed."""
        self._line.setblocking(False)
        asyncio.get_running_loop().add_reader(self._line, self._take, hear)

    def _take(self, hear: Callable[[dict[str, Any], int], None]) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._line, _PACKET, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self.over.set()
            return
        try:
            hear(json.loads(data), descriptors[0] if descriptors else -1)
        finally:
            for each in descriptors:
                os.close(each)

"""The supervisor's end of the line to a lane: messages within a time, a length and a number.

Nothing here waits for longer than it is told to: half a header, a message that trickles, a lane
that does not read.  The frames are those of `multiprocessing.connection`, which the lane uses.
"""

from __future__ import annotations

import contextlib
import pickle
import select
import socket
import struct
import time
from typing import Any

LONGEST = 256 << 10  # bytes of one message
MOST_BYTES = 1 << 20  # of all messages that answer one request
MOST = 100  # messages that answer one request; about fifteen is usual
_PART = 64 << 10
_HEADER = struct.Struct("!i")


class Overdone(Exception):  # noqa: N818 - a state
    """More, or longer, messages than anything needs."""


class Line:
    """One end of a socket pair.  Used by one thread; `close` may come from another."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        ours.setblocking(False)
        self._buffer = bytearray()
        self._count = self._bytes = 0

    def send(self, value: Any, until: float) -> None:
        """A value of ours; see `send_bytes`."""
        self.send_bytes(pickle.dumps(value), until)

    def send_bytes(self, data: bytes, until: float) -> None:
        """One message.  Raises TimeoutError at ``until`` (monotonic), OSError when it broke."""
        view = memoryview(_HEADER.pack(len(data)) + data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError from None
                self._wait(select.POLLOUT, left)

    def quiet(self) -> bool:
        """Whether nothing was said that nobody asked for: it would be taken for an answer."""
        return not self._buffer and not self._wait(select.POLLIN, 0)

    @property
    def partial(self) -> bool:
        """Whether a message has begun whose end has not come."""
        return bool(self._buffer)

    def begin(self) -> None:
        """A request begins: what answers it is counted from here."""
        self._count = self._bytes = 0

    def receive(self, within_s: float) -> bytes | None:
        """The next message; None when it is not whole ``within_s``, which costs no more.

        Raises EOFError at the end, OSError, `Overdone`.
        """
        message = self._whole()
        if message is None and self._wait(select.POLLIN, within_s):
            try:
                part = self._socket.recv(_PART)
            except BlockingIOError:
                return None
            if not part:
                raise EOFError
            self._bytes += len(part)
            if self._bytes > MOST_BYTES:
                raise Overdone("it says too much")
            self._buffer += part
            message = self._whole()
        return message

    def _whole(self) -> bytes | None:
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        if not 0 <= length <= LONGEST:
            raise Overdone("too long a message")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        self._count += 1
        if self._count > MOST:
            raise Overdone("too many messages")
        message = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return message

    def _wait(self, what: int, within_s: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, what)
        return bool(poll.poll(max(0.0, within_s) * 1000))

    def close(self) -> None:
        """End it; whoever waits on it is told."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

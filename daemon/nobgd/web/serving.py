"""The web process: one listening socket, uvicorn on it, and a deadline for every request's head."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
import time
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nobgd.config import Config, address, webbing
from nobgd.fs import sweeping
from nobgd.web import fence
from nobgd.web.app import app
from nobgd.web.daemon import Daemon
from nobgd.web.site import site

_HEAD_S = 10.0  # for a request's head
_CONNECTIONS = 128
_LAST_WORD_S = 10
_ARENA_MAX = -8  # glibc's malloc.h
_TIDY_S = 2.0


class NotServed(Exception):  # noqa: N818 - a sentence for the user
    """The page cannot be served; the sentence says why, and the way out."""


def listening(listen: str) -> socket.socket:
    """The socket.  Raises NotServed."""
    host, port = address.split(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((host, port))
        line.listen(_CONNECTIONS)
    except OSError as error:
        line.close()
        raise NotServed(
            f"web.listen: {listen}: {error.strerror}; name another address or port"
        ) from None
    return line


def passed() -> socket.socket | None:
    """The listening socket that systemd has opened for us, if it has (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1":
        raise NotServed("a socket unit must pass one socket: ListenStream= once")
    return socket.socket(fileno=3)


def serve(
    config: Config, line: socket.socket, *, until_eof: bool = False, idle_s: float | None = None
) -> None:  # fmt: skip
    """Serve on a listening socket until a signal.

    Or, ``until_eof``, until stdin has ended; or until nobody has asked for ``idle_s``.
    """
    sweeping.sweep(str(webbing.drop(config)))
    _one_heap()
    here = site(config)
    holds = fence.close(config)
    sys.stderr.write(f"the page is served; fenced in by {', '.join(holds)}\n")
    settings = uvicorn.Config(
        app(here), http=_Prompt, ws="none", lifespan="off", log_config=None,
        access_log=False, proxy_headers=False, server_header=False, date_header=True,
        limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=_LAST_WORD_S,
    )  # fmt: skip
    server = uvicorn.Server(settings)
    asyncio.run(_serve(server, here.daemon, line, until_eof=until_eof, idle_s=idle_s))


def _one_heap() -> None:
    """Have malloc keep one heap for all threads (mallopt(3)).

    glibc makes one for each, and in each stays what its largest upload has taken.
    """
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


async def _serve(
    server: uvicorn.Server, daemon: Daemon, line: socket.socket, *, until_eof: bool,
    idle_s: float | None,
) -> None:  # fmt: skip
    hearing = asyncio.create_task(daemon.listen())
    resting = asyncio.create_task(_rest(server, idle_s))
    tidying = asyncio.create_task(_tidy(server))
    if until_eof:
        asyncio.get_running_loop().add_reader(0, _left, server)
    try:
        await server.serve(sockets=[line])
    finally:
        for task in (hearing, resting, tidying):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _rest(server: uvicorn.Server, idle_s: float | None) -> None:
    """End when nobody asks: systemd starts us again with the next request."""
    busy_at = time.monotonic()
    while idle_s is not None:
        await asyncio.sleep(min(idle_s / 4, 30.0))
        if server.server_state.connections:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at > idle_s:
            server.should_exit = True


async def _tidy(server: uvicorn.Server) -> None:
    """Return to the kernel what requests were buffered in: malloc would keep it for ever."""
    seen = 0
    while True:
        await asyncio.sleep(_TIDY_S)
        if (now := server.server_state.total_requests) != seen:
            seen = now
            with contextlib.suppress(AttributeError):
                ctypes.CDLL(None).malloc_trim(0)


def _left(server: uvicorn.Server) -> None:
    """Whoever started us has ended."""
    if not os.read(0, 1):
        asyncio.get_running_loop().remove_reader(0)
        server.should_exit = True


class _Prompt(H11Protocol):
    """Gives up on a client that does not finish a request's head.

    uvicorn itself waits for ever (Kludex/uvicorn#157).
    """

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Something of a request."""
        if self._due is None and self._idle():
            self._expect()
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # uvicorn answers 400 to a request that is answered already
            self.transport.close()
        if self._due is not None and not self._idle():
            self._due.cancel()
            self._due = None

    def connection_lost(self, exc: Exception | None) -> None:
        """It has left."""
        if self._due is not None:
            self._due.cancel()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect(self) -> None:
        self._due = self.loop.call_later(_HEAD_S, self.transport.close)

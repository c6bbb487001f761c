"""What the web process asks the daemon, and hears of it; every answer is checked for its shape.

Asked by the control socket, heard by `events.sock`.  A daemon that does not run is a fact to
tell, never an error: photos wait in the drop folder until it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from nobgd.config import Config
from nobgd.status import control, telling
from nobgd.web.problems import Problem

_ANSWER_S = 40.0
_AGAIN_S = 1.0
_LONGEST = 1 << 22  # bytes of an answer
_NO_ANSWER = (
    OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
)  # fmt: skip
_KEPT = 256  # events for a browser that is slow; the oldest are dropped


class NotRunning(Exception):  # noqa: N818 - a fact
    """There is no daemon that answers."""


class Daemon:
    """The other end of both sockets."""

    def __init__(self, config: Config) -> None:
        self._control = control.path_of(config)
        self._ears: list[Ear] = []
        self._heard = asyncio.Condition()
        self.connected = False

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One answer.  Raises NotRunning."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await self._open(control.NAME)
                try:
                    writer.write(json.dumps(request).encode() + b"\n")
                    await writer.drain()
                    answer = json.loads(await reader.readuntil(b"\n"))
                finally:
                    writer.close()
        except _NO_ANSWER as error:
            raise NotRunning(str(error)) from error
        if not isinstance(answer, dict) or "busy" in answer:
            raise NotRunning("it is busy")
        return answer

    async def status(self) -> dict[str, Any]:
        """How it is; {"running": False} without a daemon."""
        try:
            answer = await self.ask({"do": "status"})
        except NotRunning:
            return {"running": False}
        return answer if "inboxes" in answer else {"running": False}

    async def must(self, request: dict[str, Any]) -> dict[str, Any]:
        """The same, for what cannot be done without.  Raises Problem."""
        try:
            answer = await self.ask(request)
        except NotRunning:
            raise Problem(
                503, "not_running", "the daemon does not answer; is `nobgd run` running?",
                {"Retry-After": "5"},
            ) from None  # fmt: skip
        if "error" in answer:
            raise Problem(409, "refused", str(answer["error"]))
        return answer

    async def _open(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            control.connect(line, self._control.with_name(name))
            line.setblocking(False)
            return await asyncio.open_connection(sock=line, limit=_LONGEST)
        except BaseException:
            line.close()
            raise

    # --- what is heard ---------------------------------------------------------------------

    async def listen(self) -> None:
        """Hear events for as long as the process lives; connects again by itself."""
        while True:
            with contextlib.suppress(OSError, ValueError, asyncio.LimitOverrunError):
                reader, writer = await self._open(telling.NAME)
                self.connected = True
                try:
                    while line := await reader.readline():
                        if line.strip():  # else it is the daemon's pulse
                            await self._spread(json.loads(line))
                finally:
                    self.connected = False
                    writer.close()
            await self._spread({"event": "unheard"})
            await asyncio.sleep(_AGAIN_S)

    async def _spread(self, event: Any) -> None:
        if not isinstance(event, dict):
            return
        for each in self._ears:
            each.events.append(event)
        async with self._heard:
            self._heard.notify_all()

    @contextlib.asynccontextmanager
    async def hearing(self) -> AsyncIterator[Ear]:
        """Events from now on."""
        ear = Ear(deque(maxlen=_KEPT), self._heard)
        self._ears.append(ear)
        try:
            yield ear
        finally:
            self._ears = [each for each in self._ears if each is not ear]


class Ear:
    """One listener's events."""

    def __init__(self, events: deque[dict[str, Any]], heard: asyncio.Condition) -> None:
        self.events = events
        self._heard = heard

    async def next(self, within_s: float) -> dict[str, Any] | None:
        """The next event; None where there is none for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._heard:
                await self._heard.wait_for(lambda: bool(self.events))
        return self.events.popleft() if self.events else None

    async def about(self, relpath: str, within_s: float) -> None:
        """Wait until something is heard of a photo, or of nothing any more, or for so long."""
        until = time.monotonic() + within_s
        while (left := until - time.monotonic()) > 0:
            event = await self.next(left)
            if event is None or event.get("event") == "unheard":
                return
            if str(event.get("source", "")).endswith(relpath):
                return

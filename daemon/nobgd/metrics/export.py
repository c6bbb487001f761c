"""Metrics as configured: counted with each event, shown every 15 s, when asked, and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from nobgd.config import Config
from nobgd.config import Metrics as Settings
from nobgd.config.folders import metrics_file
from nobgd.metrics.textfile import TextFile

if TYPE_CHECKING:
    from nobgd.metrics.collectors import Meter
    from nobgd.metrics.port import Port
    from nobgd.status.model import Status

_EVERY_S = 15.0  # node_exporter is usually asked this often
_SOON_S = 1.0  # after the last photo, so that an idle daemon's file is true
_ANSWER_S = 5.0


class Metrics:
    """The service's metrics; does nothing where none are configured.

    Only accessed from the main loop, but for `_ask`, which the port's threads call.
    """

    def __init__(
        self, snapshot: Callable[[], Status], told: Callable[[str, str, dict[str, Any]], None],
        asked: Callable[[Future[Meter]], None],
    ) -> None:  # fmt: skip
        """``told`` has an event said; ``asked`` has the loop `answer`; both on any thread."""
        self._snapshot = snapshot
        self._told = told
        self._asked = asked
        self._meter: Meter | None = None
        self._settings = Settings()
        self._file: TextFile | None = None
        self._idly = False  # the file is written although nothing has changed
        self._port: Port | None = None
        self._shown_at = float("-inf")
        self._news_at: float | None = None

    def configure(self, config: Config) -> None:
        """Open what is configured; counters go on over a reload."""
        settings = config.metrics
        if settings == self._settings:
            return
        self.stop()
        self._settings = settings
        if settings.textfile is None and settings.port is None:
            return
        if self._meter is None:
            from nobgd.metrics.collectors import (
                Meter,  # 0.8 MB that only those pay who want metrics
            )

            self._meter = Meter()
        if settings.textfile is not None:
            self._file = TextFile(str(settings.textfile), self._complain)
            # the default file lies beside the ledger: writing it idly would keep a disk awake
            self._idly = settings.textfile != metrics_file(config)
        if settings.port is not None:
            self._open(settings.port)
        self._shown_at = float("-inf")

    def _open(self, port: int) -> None:
        from nobgd.metrics import port as ports  # an HTTP server: only where one is asked for
        from nobgd.metrics.collectors import CONTENT_TYPE

        try:
            self._port = ports.Port(port, self._ask, CONTENT_TYPE)
        except OSError as error:
            self._complain(ports.refusal(port, error))
            return
        alone = ports.unreachable()
        if alone is not None:
            self._complain(alone)

    def _complain(self, why: str) -> None:
        if why:
            self._told("warning", "metrics.closed", {"why": why})
        else:
            self._told("info", "metrics.back", {})

    def take(self, event: dict[str, Any]) -> None:
        """Count one event."""
        if self._meter is not None:
            self._meter.take(event)
            self._news_at = self._news_at or time.monotonic()

    def show(self, now: float, *, working: bool) -> None:
        """Write the file when its time has come: every 15 s, and once work has ended.

        The default file, in the state folder, is left alone while nothing happens.
        ``working``: there is a photo in a lane.
        """
        if self._file is None or self._meter is None:
            return
        idle = self._news_at is not None and not working
        if self._news_at is None and not self._idly and self._shown_at > float("-inf"):
            return
        if now - self._shown_at >= (_SOON_S if idle else _EVERY_S):
            self._shown_at, self._news_at = now, None
            self._meter.look(self._snapshot())
            self._file.write(self._meter.text)

    def stop(self) -> None:
        """Show the last state, then close file and port."""
        if self._port is not None:
            self._port.stop()
            self._port = None
        if self._file is not None and self._meter is not None:
            self._meter.look(self._snapshot())
            self._file.write(self._meter.text)
            self._file.stop()
            self._file = None

    def _ask(self) -> bytes:
        """The text of now, which the loop's thread has looked up.  Raises TimeoutError."""
        reply: Future[Meter] = Future()
        self._asked(reply)
        return reply.result(_ANSWER_S).text()

    def answer(self, reply: Future[Meter]) -> None:
        """In the loop's thread: look up what is now, for the port's."""
        try:
            if self._meter is not None:
                self._meter.look(self._snapshot())
                reply.set_result(self._meter)
        except Exception as error:  # noqa: BLE001 - the asker gets it, the loop goes on
            reply.set_exception(error)

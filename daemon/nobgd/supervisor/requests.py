"""Requests by the control socket: they come on their askers' threads, the loop's answers them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from nobgd.jobs.state import State
from nobgd.status import answers, control, glance, listening
from nobgd.status.daemon import Daemon
from nobgd.supervisor.mailbox import Asked


class Requests:
    """Only accessed from the main loop, but for `_ask`, which the socket's threads call."""

    def __init__(
        self, daemon: Daemon, state: State, say: Any, put: Callable[[Asked], None]
    ) -> None:  # fmt: skip
        self._daemon = daemon
        self._state = state
        self._say = say
        self._put = put
        self._control: listening.Control | None = None

    def listen(self) -> None:
        """Open the control socket; a daemon without one still works."""
        self._control = listening.Control(control.own_path(self._state.config), self._ask)
        try:
            self._control.start()
        except OSError as error:
            self._control = None
            self._say.warning("control.closed", why=str(error))

    def stop(self) -> None:
        """Take the socket away."""
        if self._control is not None:
            self._control.stop()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have a request answered in the loop's thread, which owns all state."""
        seen = glance.look(self._state.config, request)  # here: it may take a while
        reply: Future[dict[str, Any]] = Future()
        self._put(Asked(request, seen, reply))
        try:
            return glance.complete(reply.result(control.ANSWER_S))
        except TimeoutError:
            if reply.cancel():
                return {"busy": control.TOO_BUSY.format(pid=os.getpid())}
        return glance.complete(reply.result(control.ANSWER_S))  # it is at it

    def answer(self, asked: Asked) -> None:
        """In the loop's thread: answer, unless the asker was told that nothing was done."""
        if not asked.reply.set_running_or_notify_cancel():
            return
        state = self._state
        try:
            answer = answers.handle(
                state.config, state.ledger, self._daemon, asked.request, asked.seen
            )
            asked.reply.set_result(answer)
        except Exception as error:  # noqa: BLE001 - the asker gets it, the loop goes on
            asked.reply.set_result({"error": f"{type(error).__name__}: {error}"})

"""The thread of the model process: open it when it is wanted, hear it, let it go or end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nobgd.pool.asking import Request
from nobgd.pool.mask_queue import MaskQueue
from nobgd.pool.mishaps import Ended, OutOfMemory, Unfit
from nobgd.pool.model_process import Answer, ModelProcess
from nobgd.pool.seating import allowed

_SLICE_S = 0.25
_LONGEST_PAUSE_S = 60.0  # between two tries to open it


class ModelThread(threading.Thread):
    """Ends when the queue closes."""

    def __init__(
        self, process: ModelProcess, queue: MaskQueue, *, deadline_s: float, idle_s: float | None,
        opened: Callable[[tuple[str, ...]], None], told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        super().__init__(name="inference", daemon=True)
        self._process, self._queue = process, queue
        self.deadline_s, self._idle_s = deadline_s, idle_s
        self._opened, self._told = opened, told
        self.first: Exception | None = None  # why the first try to open it failed

    def run(self) -> None:
        """Until all is to end."""
        queue, failures = self._queue, 0
        while True:
            with queue.changed:
                queue.changed.wait_for(lambda: queue.wanted or queue.closing)
                if queue.closing:
                    return
            try:
                holds = self._process.open(lambda: queue.closing)
            except (Unfit, OutOfMemory, OSError) as error:
                failures += 1
                self._unfit(error, failures)
                continue
            failures = 0
            self._opened(holds)
            with queue.changed:
                queue.ready, self.first, queue.used = True, None, time.monotonic()
                queue.dispatch()
                queue.changed.notify_all()
            self._serve()

    def _unfit(self, error: Exception, failures: int) -> None:
        queue = self._queue
        self._process.kill()
        with queue.changed:
            if queue.closing:
                return
            self.first = error if isinstance(error, Unfit) else Unfit(_says(error))
            queue.changed.notify_all()
            if isinstance(error, OutOfMemory):
                queue.no_room()
        if failures == 1:
            why = f"the model process cannot be opened: {_says(error)}"
            why += "; photos wait, it is tried again"
            self._told("model.unfit", {"why": why})
        with queue.changed:
            pause = min(2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)
            queue.changed.wait_for(lambda: queue.closing, pause)

    def _serve(self) -> None:
        """Until the process ends, is let go or has to be ended."""
        overdue: Request | None = None
        queue = self._queue
        try:
            while True:
                message = self._process.receive(_SLICE_S)
                with queue.changed:
                    if isinstance(message, Answer):
                        queue.take(message)
                    elif message is not None:
                        raise Ended("a word out of turn")  # noqa: TRY301
                    if queue.closing or self._rests():
                        queue.ready = queue.wanted = False
                        break
                    overdue = queue.begun_before(time.monotonic() - self.deadline_s)
                if overdue is not None:
                    raise Ended(f"no mask after {self.deadline_s:g} s")  # noqa: TRY301
        except Ended as end:
            self._ended(str(end), overdue)
            return
        self._process.close()

    def _rests(self) -> bool:
        queue = self._queue
        busy = queue.busy or queue.waiting or self._idle_s is None
        return not busy and time.monotonic() - queue.used > (self._idle_s or 0.0)

    def _ended(self, how: str, overdue: Request | None) -> None:
        killed = overdue is None and self._process.was_killed
        memory = self._process.ran_out()
        self._process.kill()
        with self._queue.changed:
            again = self._queue.process_ended(how, overdue, killed=killed, memory=memory)
        if again is not None:
            how = f"{how}, as memory ran out" if memory else how
            why = f"the model process ended by {how}; it is opened again, {again} masks are asked"
            self._told("model.ended", {"why": f"{why} again"})


def _says(error: Exception) -> str:
    if not isinstance(error, OutOfMemory):
        return str(error)
    return (
        f"memory ran out: {error}; the model does not fit into {allowed()}; give it more, or name a"
        " smaller model"
    )

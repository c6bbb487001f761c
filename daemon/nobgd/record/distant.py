"""The log's file, written by a thread of its own: its share may hang, and the loop may not.

One line is under way at a time, and its giver waits for it, but not for long: then the line
counts as refused, and so does every other one until the thread is back.  A line that was taken
after all is remembered and not written again when it is offered again, so each is there once and
in its order.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nobgd.record.sinks import LogFile

_WITHIN_S = 0.25
_CLOSE_S = 2.0
_SILENT = "it does not answer; is its share alive?"


@dataclass(slots=True)
class _Task:
    act: Callable[[LogFile], Any]
    line: str | None = None
    over: bool = False
    given_up: bool = False
    result: Any = None
    error: BaseException | None = None


class DistantFile:
    """A `LogFile` that may be given up.  Used by one thread at a time."""

    def __init__(self, path: str, within_s: float = _WITHIN_S) -> None:
        self._path, self._within_s = path, within_s
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._under_way: _Task | None = None
        self._late: list[str] = []  # taken after their giver had given up
        self._thread: threading.Thread | None = None
        with contextlib.suppress(OSError):  # a link is followed if it is there now
            self._do(lambda _: None)

    def write(self, line: str) -> None:
        """One line.  Raises OSError: TimeoutError where the file does not answer."""
        with self._changed:
            if line in self._late:
                self._late.remove(line)
                return
        self._do(lambda file: file.write(line), line)

    def tail(self, count: int) -> bytes:
        """The last bytes of it.  Raises OSError, as `write`."""
        return bytes(self._do(lambda file: file.tail(count)))

    def close(self) -> None:
        """Close it; the next line opens it again."""
        with contextlib.suppress(OSError):
            self._do(lambda file: file.close(), within_s=_CLOSE_S)

    def _do(
        self, act: Callable[[LogFile], Any], line: str | None = None, within_s: float | None = None
    ) -> Any:
        task = _Task(act, line)
        with self._changed:
            if self._under_way is not None and not self._under_way.over:
                raise TimeoutError(errno.ETIMEDOUT, _SILENT)
            self._under_way = task
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log", daemon=True)
                self._thread.start()
            self._tasks.put(task)
            if not self._changed.wait_for(lambda: task.over, within_s or self._within_s):
                task.given_up = True
                raise TimeoutError(errno.ETIMEDOUT, _SILENT)
        if task.error is not None:
            raise task.error
        return task.result

    def _work(self) -> None:
        file: LogFile | None = None
        while True:
            task = self._tasks.get()
            try:
                file = file or LogFile(self._path)
                task.result = task.act(file)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                task.error = error
            with self._changed:
                task.over = True
                if task.given_up and task.line is not None and task.error is None:
                    self._late.append(task.line)
                self._changed.notify_all()

"""The log's file, written by a thread of its own: its share may hang, and the loop may not.

A few lines are under way at a time, and their giver waits for them, but not for long: then they
count as refused, and so does every other one until the thread is back.  A line that was taken
after all is remembered and not written again when it is offered again, so each is there once and
in its order.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nobgd.record.sinks import LogFile

WITHIN_S = 0.25
_CLOSE_S = 2.0
_AT_ONCE = 16  # lines: to hand them over and wait costs more than to write one
_SILENT = "it does not answer; is its share alive?"


@dataclass(slots=True)
class _Task:
    act: Callable[[LogFile], Any] | None = None  # None: write the lines
    lines: Sequence[str] = ()  # which it writes
    written: int = 0  # of these
    over: bool = False
    given_up: bool = False
    result: Any = None
    error: BaseException | None = None


class DistantFile:
    """A `LogFile` that may be given up.  Used by one thread at a time."""

    def __init__(self, path: str, within_s: float = WITHIN_S) -> None:
        self._path, self._within_s = path, within_s
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._under_way: _Task | None = None
        self._late: list[str] = []  # taken after their giver had given up
        self._thread: threading.Thread | None = None
        with contextlib.suppress(OSError):  # a link is followed if it is there now
            self._do(_Task())

    def write(self, line: str) -> None:
        """One line.  Raises OSError: TimeoutError where the file does not answer."""
        with self._changed:
            if line in self._late:
                self._late.remove(line)
                return
        self._do(_Task(lines=[line]))

    def write_all(self, lines: Sequence[str]) -> tuple[int, Exception | None]:
        """Lines in their order, up to the first that is refused: how many, and why no more."""
        done = 0
        while done < len(lines):
            task = _Task(lines=lines[done : done + _AT_ONCE])
            try:
                self._do(task)
            except (OSError, ValueError) as error:
                return done + (0 if task.given_up else task.written), error
            done += task.written
        return done, None

    def tail(self, count: int) -> bytes:
        """The last bytes of it.  Raises OSError, as `write`."""
        return bytes(self._do(_Task(lambda file: file.tail(count))))

    def close(self) -> None:
        """Close it; the next line opens it again."""
        with contextlib.suppress(OSError):
            self._do(_Task(lambda file: file.close()), _CLOSE_S)

    def _do(self, task: _Task, within_s: float | None = None) -> Any:
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
                if task.act is not None:
                    task.result = task.act(file)
                for line in task.lines:
                    file.write(line)
                    task.written += 1
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                task.error = error
            with self._changed:
                task.over = True
                if task.given_up:
                    self._late += task.lines[: task.written]
                self._changed.notify_all()

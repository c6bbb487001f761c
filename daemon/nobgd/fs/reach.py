"""Ask folders that may hang: each on a thread that may be given up, one limit for all.

A share that does not answer keeps the thread that asked it until it does, or until the process
ends.  While it does, the folder is silent: asked again, it is left out at once, so that a dead
share costs one limit and not one for each question.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
_STALL_S = 0.02  # without an answer for so long, one more thread takes the next folder
_SILENT_S = 0.5  # a question that is out for longer is not asked again beside it

_lock = threading.Lock()
_out: dict[str, list[float]] = {}  # path → when the questions began that have no answer yet


def each(
    paths: Iterable[str], question: Callable[[str], T], within_s: float,
    late: Callable[[T], None] = lambda _: None,
) -> dict[str, T]:  # fmt: skip
    """The answers of those paths that answered in time; ``late`` gets those that come later.

    ``question`` must not raise; it is called on other threads, for each path once.
    """
    left = deque(path for path in dict.fromkeys(paths) if not silent(path))
    return _Round(left, question, late).wait(within_s) if left else {}


def silent(path: str) -> bool:
    """Whether a question to this path has had no answer for some time."""
    with _lock:
        return any(time.monotonic() - since > _SILENT_S for since in _out.get(path, ()))


def real(paths: Iterable[str], within_s: float) -> dict[str, str]:
    """Every path with its links resolved, those that did not answer as they are written."""
    given = list(paths)
    return {**{path: path for path in given}, **each(given, os.path.realpath, within_s)}


class _Round(Generic[T]):
    """One call of `each`."""

    def __init__(
        self, left: deque[str], question: Callable[[str], T], late: Callable[[T], None]
    ) -> None:
        self._left, self._count = left, len(left)
        self._question, self._late = question, late
        self._answers: dict[str, T] = {}
        self._changed = threading.Condition()
        self._over = False

    def wait(self, within_s: float) -> dict[str, T]:
        until = time.monotonic() + within_s
        stalled = True  # with none at work yet, or with all of them held up
        with self._changed:
            while len(self._answers) < self._count and (now := time.monotonic()) < until:
                before = len(self._answers)
                if stalled and self._left:
                    with contextlib.suppress(RuntimeError):  # no more threads: those that are
                        threading.Thread(target=self._ask, name="reach", daemon=True).start()
                self._changed.wait(min(_STALL_S, until - now) if self._left else until - now)
                stalled = len(self._answers) == before
            self._over = True
            return self._answers

    def _ask(self) -> None:
        while True:
            with self._changed:
                if self._over or not self._left:
                    return
                path = self._left.popleft()
            began = time.monotonic()
            with _lock:
                _out.setdefault(path, []).append(began)
            try:
                answer = self._question(path)
            finally:
                with _lock:
                    _out[path].remove(began)
                    if not _out[path]:
                        del _out[path]
            with self._changed:
                if not self._over:
                    self._answers[path] = answer
                    self._changed.notify()
                    continue
            self._late(answer)

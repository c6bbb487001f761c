"""Signals become messages, kept from the first moment until somebody listens."""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stop:
    """Drain and end."""

    why: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again."""


_kept: queue.SimpleQueue[Stop | Reload] = queue.SimpleQueue()


def keep() -> None:
    """Keep what comes for the first who calls `listen`."""
    _install(_kept.put)


def listen(put: Callable[[Any], None]) -> None:
    """Hand signals to ``put``, those that were kept first; it must be safe in a handler."""
    _install(put)
    while not _kept.empty():
        put(_kept.get_nowait())


def _install(put: Callable[[Any], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        name = signal.Signals(number).name
        signal.signal(number, lambda *_, name=name: put(Stop(name)))
    signal.signal(signal.SIGHUP, lambda *_: put(Reload()))

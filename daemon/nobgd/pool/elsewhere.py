"""Other machines as `Inference` has them: the link, what is away, our mask of the test picture."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from nobgd.pool.asking import Request
from nobgd.pool.away import Away
from nobgd.pool.link_process import LinkProcess, Message, Think
from nobgd.pool.mishaps import GoneAway
from nobgd.values import NobgdError, wire
from nobgd.values.machine import UP, Others


class Owner(Protocol):
    """What `MaskQueue` is to this; under its lock."""

    changed: threading.Condition
    closing: bool

    def free(self) -> bool:
        """Whether this machine has nothing to do."""

    def wake(self) -> None:
        """There may be something to hand over."""


class Run(Protocol):
    """See `Inference.run`."""

    def __call__(
        self, which: int, memory: int, there: Callable[[], bool], *, whole: bool = False
    ) -> wire.Ran:
        """A mask."""


class Elsewhere:
    """``away`` is to be used under the owner's lock; the rest on any thread."""

    def __init__(
        self, link: wire.Link, owner: Owner, run: Run, make: Callable[[LinkProcess], Away],
        told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        """``run`` makes a mask here; ``make`` makes what keeps the requests that are away."""
        self._owner, self._run = owner, run
        self._link = LinkProcess(link, self._heard, self._look, told)
        self.away = make(self._link)

    def start(self) -> None:
        """Begin to open the link."""
        self._link.start()

    def close(self) -> None:
        """End it for good."""
        self._link.close()

    @property
    def others(self) -> Others:
        """The machines, and the broker."""
        return self._link.others

    @property
    def seats(self) -> int:
        """Masks that they make at a time."""
        return sum(each.seats for each in self._link.others.machines if each.state == UP)

    def send(self, *, faster: bool) -> None:
        """Let what waits go out; see `Away`."""
        self.away.send(time.monotonic(), faster=faster)

    def forget(self, request: Request) -> None:
        """Nobody waits for it any more, or it is done here."""
        self.away.forget(request)

    # --- on the link's thread ----------------------------------------------------------------

    def _heard(self, message: Message, memory: int) -> None:
        if isinstance(message, Think):
            own = os.dup(memory)
            threading.Thread(target=self._think, args=(message, own), daemon=True).start()
            return
        with self._owner.changed:
            if not self._owner.closing:
                self.away.hear(message, memory, time.monotonic())
                self._owner.wake()

    def _look(self) -> None:
        """Several times a second: take back what has been away for too long."""
        with self._owner.changed:
            if not self._owner.closing:
                self.away.look(time.monotonic(), free=self._owner.free())
                self._owner.wake()

    def _think(self, asked: Think, memory: int) -> None:
        """Our own mask of the picture that others are tried with."""
        confidence = None
        with contextlib.suppress(NobgdError, GoneAway):
            confidence = self._run(asked.model, memory, lambda: True, whole=True).confidence
        os.close(memory)
        self._link.thought(asked.think, made=confidence is not None)

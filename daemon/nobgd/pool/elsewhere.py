"""Other machines as `Inference` has them: the link, what is away, our mask of the test picture."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from nobgd.pool.asking import Request
from nobgd.pool.away import Away, Line
from nobgd.pool.link_words import Message, Think
from nobgd.pool.mishaps import GoneAway
from nobgd.values import NobgdError, wire
from nobgd.values.machine import Others


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


class Jobs(Protocol):
    """What `Cluster` is to this: whole jobs are its."""

    def hear(self, message: Message) -> None:
        """What the link process says."""

    def look(self) -> None:
        """Several times a second."""


class Link(Line, Protocol):
    """What `LinkProcess` is to this."""

    def start(self) -> None:
        """Begin to open it."""

    def close(self) -> None:
        """End it for good."""

    def thought(self, number: int, *, made: bool) -> None:
        """Our own mask of its picture is there, or could not be made."""

    def pids(self) -> list[int]:
        """Of its process, while it is open."""


Open = Callable[[Callable[[Message, int], None], Callable[[], None]], Link]


class Elsewhere:
    """``away`` is to be used under the owner's lock; the rest on any thread."""

    def __init__(
        self, owner: Owner, run: Run, make_link: Open, make: Callable[[Line], Away],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``run`` makes a mask here; ``make`` makes what keeps the requests that are away.

        ``make_link`` gets what is to hear the link, and what is to be called often.
        """
        self._owner, self._run, self._clock = owner, run, clock
        self._link = make_link(self._heard, self._look)
        self.away = make(self._link)
        self.jobs: Jobs | None = None

    def start(self) -> None:
        """Begin to open the link."""
        self._link.start()

    def close(self) -> None:
        """End it for good."""
        self._link.close()

    @property
    def others(self) -> Others:
        """The machines, and the broker."""
        return self._link.neighbours.others

    @property
    def seats(self) -> int:
        """Masks that they make at a time."""
        return self._link.neighbours.seats

    def send(self, *, faster: bool) -> None:
        """Let what waits go out; see `Away`."""
        self.away.send(self._clock(), faster=faster)

    def forget(self, request: Request) -> None:
        """Nobody waits for it any more, or it is done here."""
        self.away.forget(request)

    # --- on the link's thread ----------------------------------------------------------------

    def _heard(self, message: Message, memory: int) -> None:
        if isinstance(message, Think):
            own = os.dup(memory)
            threading.Thread(target=self._think, args=(message, own), daemon=True).start()
            return
        if self.jobs is not None:
            self.jobs.hear(message)
        with self._owner.changed:
            if not self._owner.closing:
                self.away.hear(message, memory, self._clock())
                self._owner.wake()

    def _look(self) -> None:
        """Several times a second: take back what has been away for too long."""
        with self._owner.changed:
            if not self._owner.closing:
                self.away.look(self._clock(), free=self._owner.free())
                self._owner.wake()
        if self.jobs is not None:
            self.jobs.look()

    def _think(self, asked: Think, memory: int) -> None:
        """Our own mask of the picture that others are tried with."""
        confidence = None
        with contextlib.suppress(NobgdError, GoneAway):
            confidence = self._run(asked.model, memory, lambda: True, whole=True).confidence
        os.close(memory)
        self._link.thought(asked.think, made=confidence is not None)

"""The supervisor's side of inference: lanes wait here for the model process and its masks.

A lane has put its tensor into memory that it shares with the model process; its thread asks
here and blocks.  No more is asked of the process than is to be at work at a time.  If the process
ends or hangs it is opened again and what was at work is asked again: no photo notices, unless its
tensor is what brings the process down (`suspects`).  It is opened when first asked, and let go
when nothing was asked for a while.  Where there are other machines a part goes to them
(`elsewhere`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nobgd.pool.away import Away
from nobgd.pool.elsewhere import Elsewhere
from nobgd.pool.link_process import LinkProcess
from nobgd.pool.mask_queue import MaskQueue
from nobgd.pool.mishaps import Unfit
from nobgd.pool.model_process import ModelProcess
from nobgd.pool.model_thread import ModelThread
from nobgd.values import wire
from nobgd.values.machine import Others

_SLICE_S = 0.25


class Inference:
    """One model process, and whoever waits for it.  Thread-safe."""

    def __init__(
        self, setup: wire.ModelSetup, *, cores: int = 1, deadline_s: float = 120.0,
        idle_s: float | None = None, link: wire.Link | None = None,
        opened: Callable[[tuple[str, ...]], None] = lambda _: None,
        told: Callable[[str, dict[str, Any]], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        """``told`` gets warnings for the log, on any thread: an event and its fields.

        With a ``link`` there are other machines.
        """
        self.setup = setup
        self._process = ModelProcess(setup, told)
        queue = self._queue = MaskQueue(self._process, at_a_time=setup.at_a_time, cores=cores)
        self._thread = ModelThread(
            self._process, queue, deadline_s=deadline_s, idle_s=idle_s, opened=opened, told=told
        )
        self.elsewhere: Elsewhere | None = None
        self.link: LinkProcess | None = None
        if link is not None:
            self.elsewhere = queue.elsewhere = Elsewhere(
                queue, self.run, lambda hear, look: self._made(LinkProcess(link, hear, look, told)),
                lambda line: Away(line, link, queue.waiting, deadline_s, queue.end, told),
            )  # fmt: skip

    def _made(self, link: LinkProcess) -> LinkProcess:
        self.link = link
        return link

    # --- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to open the process; `await_ready` waits for it."""
        if self.setup.weights and not self._thread.is_alive():
            self._thread.start()
            if self.elsewhere is not None:
                self.elsewhere.start()

    def await_ready(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until the first model is open.  Raises `Unfit` when it cannot be."""
        while self.setup.weights:
            with self._queue.changed:
                if self._queue.ready or self._queue.closing:
                    return
                if self._thread.first is not None:
                    raise self._thread.first
                self._queue.changed.wait(_SLICE_S)
            if stopped():
                raise Unfit("a stop")

    def close(self) -> None:
        """End the process; whoever waits is told."""
        self._queue.close()
        self._process.wake()
        if self.elsewhere is not None:
            self.elsewhere.close()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._process.kill()

    def pids(self) -> list[int]:
        """Of the process, while it is open."""
        pid = self._process.pid
        return [] if pid is None else [pid]

    @property
    def others(self) -> Others | None:
        """The other machines; None where there are none by the configuration."""
        return None if self.elsewhere is None else self.elsewhere.others

    @property
    def state(self) -> str:
        """In a word: closed, opening, ready, working."""
        queue = self._queue
        with queue.changed:
            if queue.busy:
                return "working"
            return "ready" if queue.ready else "opening" if queue.wanted else "closed"

    @property
    def seats_elsewhere(self) -> int:
        """Masks that other machines make at a time."""
        return 0 if self.elsewhere is None else self.elsewhere.seats

    def stuck(self) -> str | None:
        """Why it cannot go on by itself; None: it can."""
        if self._thread.ident is None or self._queue.closing or self._thread.is_alive():
            return None
        return "the thread of the model process has ended"

    # --- whoever asks ----------------------------------------------------------------------

    def run(
        self, which: int, memory: int, there: Callable[[], bool], *, whole: bool = False,
        about: dict[str, str] | None = None, beside: int = 0,
    ) -> wire.Ran:  # fmt: skip
        """Have the tensor in ``memory`` worked on by model ``which``.

        Blocks; the mask then lies behind the tensor, raw or finished (`Ran`).  A ``whole`` one
        is from the picture to the finished mask, and done here.  ``about`` is what the log says
        of it; so many lanes compute ``beside`` it.  Raises `GoneAway` when ``there`` is false,
        NobgdError when it could not be done, `OutOfMemory` when there is no room for the model
        beside what the lane holds.
        """
        request = self._queue.add(which, memory, whole=whole, about=about or {}, beside=beside)
        self._queue.await_end(request, there)
        if request.error is not None:
            raise request.error
        return wire.Ran(request.ran, request.waited, request.confidence, request.thought)

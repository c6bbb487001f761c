"""Whoever does what the machine asks for: lanes of this machine alone, or others besides."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from nobgd.pool.inference import Inference
from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.errands import Errand
from nobgd.values.machine import Others
from nobgd.values.wire import Finished


class Hands(Protocol):
    """See `Lanes` for each of these."""

    inference: Inference

    def start(self, stopped: Callable[[], bool] = ..., *, many: bool = False) -> None:
        """Open what is needed and wait for it."""

    def spawn(self, *, many: bool = False) -> None:
        """Begin to open it."""

    def await_ready(self, stopped: Callable[[], bool] = ...) -> None:
        """Wait for it."""

    def submit(self, request: Request, /) -> Future[Finished]:
        """Have one request done."""

    def put_back(self) -> list[Job | Errand]:
        """Take what nobody has begun."""

    def drain(self) -> list[Job | Errand]:
        """The same, and nothing more is begun: the service stops."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all of it."""

    def more(self) -> int:
        """Jobs that others than this machine have room for at a time."""

    def silent(self, *places: str) -> str | None:
        """The first of these folders that does not answer."""

    def busy(self) -> list[tuple[int, str, str, float]]:
        """(lane, relpath, stage, seconds) of what is at work here."""

    @property
    def others(self) -> Others | None:
        """The other machines; None where there are none by the configuration."""

    def stuck(self, now: float) -> str | None:
        """What hangs, None: nothing."""

    @property
    def trouble(self) -> str:
        """Why photos wait that nothing else holds up."""

    def pids(self) -> list[int]:
        """Of open lanes."""

    def all_pids(self) -> list[int]:
        """The same, and of the model process."""

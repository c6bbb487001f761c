"""Lanes of this machine, and before them other machines that do whole jobs on shared folders.

A job goes out while no lane here is free and a machine that has shown our folders has room; to
those that are faster than this one before its own lanes are taken (`jobs_away`).  Errands never
travel: they need the folders as this machine sees them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from nobgd.cluster.paths import Shares
from nobgd.pool.carrying import Line
from nobgd.pool.jobs_away import JobsAway
from nobgd.pool.lanes import Lanes
from nobgd.pool.link_words import Message
from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.errands import Errand, Prepare
from nobgd.values.machine import Others
from nobgd.values.wire import Finished

_SLICE_S = 0.1


class Cluster:
    """See `Hands`.  Thread-safe."""

    def __init__(
        self, lanes: Lanes, line: Line, shares: Shares, *, lease_s: float, deadline_s: float,
        told: Callable[[str, dict[str, Any]], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        """``shares`` are this machine's, by the names that the others have for them, too."""
        self._lanes, self._line = lanes, line
        self._longest_s = 2 * deadline_s + lease_s
        self._away = JobsAway(
            lanes, line, shares, lease_s=lease_s, deadline_s=deadline_s, told=told
        )
        self.inference = lanes.inference

    # --- life ----------------------------------------------------------------------------

    def start(
        self, stopped: Callable[[], bool] = lambda: False, *, many: bool = False
    ) -> None:  # fmt: skip
        """See `Lanes`."""
        self._lanes.start(stopped, many=many)

    def spawn(self, *, many: bool = False) -> None:
        """See `Lanes`."""
        self._lanes.spawn(many=many)

    def await_ready(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """See `Lanes`."""
        self._lanes.await_ready(stopped)

    def drain(self) -> list[Job | Errand]:
        """The service stops: nothing goes out any more, and what nobody has begun comes back."""
        self._away.closing = True
        return [*self._away.unbegun(), *self._lanes.drain()]

    def put_back(self) -> list[Job | Errand]:
        """Take what nobody has begun; nothing goes out any more."""
        self._away.closing = True
        return [*self._away.unbegun(), *self._lanes.put_back()]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `Lanes`; ``wait`` for what other machines have begun, too."""
        self._away.closing = True
        until = time.monotonic() + self._longest_s
        while wait and len(self._away) and time.monotonic() < until:
            time.sleep(_SLICE_S)
        self._lanes.shutdown(wait, cancel_futures=cancel_futures)
        self._away.end()

    # --- requests ------------------------------------------------------------------------

    def submit(self, request: Request, /) -> Future[Finished]:
        """See `Lanes`."""
        if isinstance(request, Job):
            self._away.proofs.note(request)
            if (future := self._away.send(request)) is not None:
                return future
        future = self._lanes.submit(request)
        if isinstance(request, Prepare) and request.sweep:
            future.add_done_callback(partial(self._away.tidying.prepared, request))
        return future

    def more(self) -> int:
        """Jobs that other machines have room for at a time."""
        return 0 if self._away.closing else self._line.neighbours.jobs

    def hear(self, message: Message) -> None:
        """What the link process says; on its thread."""
        self._away.hear(message)

    def look(self) -> None:
        """Several times a second, on the same thread."""
        self._away.look()

    # --- how it goes ---------------------------------------------------------------------

    def silent(self, *places: str) -> str | None:
        """See `Lanes`."""
        return self._lanes.silent(*places)

    def busy(self) -> list[tuple[int, str, str, float]]:
        """See `Lanes`: what is at work here."""
        return self._lanes.busy()

    @property
    def others(self) -> Others:
        """See `Lanes`; of a machine that does no jobs, why."""
        found, whys = self._line.neighbours.others, self._away.proofs.whys()
        machines = tuple(
            each if each.working or not each.jobs else
            replace(each, mounted=whys.get(each.host) or "a photo is awaited to compare folders by")
            for each in found.machines
        )  # fmt: skip
        return replace(found, machines=machines)

    def stuck(self, now: float) -> str | None:
        """See `Lanes`."""
        return self._lanes.stuck(now)

    @property
    def trouble(self) -> str:
        """See `Lanes`."""
        return self._lanes.trouble

    def pids(self) -> list[int]:
        """See `Lanes`."""
        return self._lanes.pids()

    def all_pids(self) -> list[int]:
        """See `Lanes`."""
        return self._lanes.all_pids()

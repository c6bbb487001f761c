"""An executor of lanes: one process each, one photo at a time, a deadline over every photo.

A crash, a hang or an out-of-memory kill costs one attempt of one photo; the lane is opened
again and its neighbours notice nothing.  A thread per lane waits for its process, so a
lane stuck in a dead share blocks that thread only.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from nobgd.pool.lane import Lane, Request
from nobgd.pool.load import Load
from nobgd.pool.memory import Budget
from nobgd.values import Job, wire

_GRACE_S = 30.0  # for a thread to come back after its deadline: killing takes a second


@dataclass(slots=True)
class Finished:
    """A request's answer and where it was worked on."""

    answer: Any  # Outcome for a Job, int for an errand
    lane: int
    waited_s: float  # from submit to start
    lanes_busy: float = 1.0  # with a photo meanwhile, in the mean


class Lanes(Executor):
    """``count`` processes that answer `Request`s."""

    def __init__(
        self, setup: wire.Setup, count: int, *, deadline_s: float, budget: Budget,
        opened: Callable[[int, tuple[str, ...]], None] = lambda *_: None, cores: int = 1,
    ) -> None:  # fmt: skip
        self._least_threads, self._cores = setup.threads, cores
        self._requests: queue.SimpleQueue[tuple[Request, Future[Finished], float] | None] = (
            queue.SimpleQueue()
        )
        self._lanes = [
            Lane(replace(setup, lane=number), deadline_s, budget, opened, self.threads)
            for number in range(count)
        ]
        self._threads = [
            threading.Thread(
                target=self._work, args=(lane,), name=f"lane-{lane.number}", daemon=True
            )
            for lane in self._lanes
        ]
        self._closing = False
        self._load = Load()

    def start(self) -> None:
        """Open every lane and wait until each has its model.  Raises `Unfit`."""
        self.spawn()
        self.await_ready()

    def spawn(self) -> None:
        """Start the processes.  They end with the thread that calls this."""
        for lane in self._lanes:
            lane.spawn()

    def await_ready(self) -> None:
        """Wait until each lane has its model, then let them work.  Raises `Unfit`."""
        for lane in self._lanes:
            lane.await_ready()
        for thread in self._threads:
            thread.start()

    def submit(self, request: Request, /) -> Future[Finished]:  # type: ignore[override]
        """Queue one request; its future never raises for a `Job`, `ErrandFailed` for an errand."""
        future: Future[Finished] = Future()
        self._requests.put((request, future, time.monotonic()))
        return future

    def threads(self) -> int:
        """Threads for the photo that begins now: its share of the cores.

        A full house has one core for each lane; a photo that comes alone gets them all.
        """
        working = sum(lane.at is not None for lane in self._lanes) + self._requests.qsize()
        share = max(1, self._cores // max(1, working))
        return max(self._least_threads, 1 << share.bit_length() - 1)  # few kinds: 1, 2, 4, 8 …

    def put_back(self) -> list[Request]:
        """Take every request that no lane has begun; their futures are cancelled."""
        taken: list[Request] = []
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._requests.get_nowait()
                if item is not None and item[1].cancel():
                    taken.append(item[0])
        return taken

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let lanes finish what they have (``wait``) or kill them, then close them."""
        self._closing = True
        if cancel_futures:
            self.put_back()
        if not wait:
            for lane in self._lanes:
                lane.kill()
        for _ in self._lanes:
            self._requests.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(None if wait else 2.0)
        for lane in self._lanes:
            lane.close()

    def busy(self) -> list[tuple[int, str, str, float]]:
        """(lane, relpath, stage, seconds) of every lane at work."""
        now = time.monotonic()
        return [
            (lane.number, lane.at[0], lane.stage, now - lane.at[1])
            for lane in self._lanes
            if lane.at is not None
        ]

    def stuck(self, now: float) -> str | None:
        """Which lane's thread has ended, or not come back from a deadline; None: none has.

        A process that hangs is no such thing: its thread kills it at the deadline.
        """
        for lane, thread in zip(self._lanes, self._threads, strict=True):
            if not (thread.is_alive() or self._closing):
                return f"the thread of lane {lane.number} has ended"
            if lane.until is not None and now > lane.until + _GRACE_S:
                return f"the thread of lane {lane.number} did not come back from its deadline"
        return None

    def pids(self) -> list[int]:
        """Process id of every open lane."""
        return [lane.process.pid for lane in self._lanes if lane.process is not None]

    def _work(self, lane: Lane) -> None:
        while (item := self._requests.get()) is not None:
            request, future, since = item
            if not future.set_running_or_notify_cancel():
                continue
            began = time.monotonic()
            waited = began - since
            mark = self._load.enter(began) if isinstance(request, Job) else None
            try:
                answer = lane.ask(request)
            except BaseException as error:  # noqa: BLE001 - belongs to whoever waits
                if mark is not None:
                    self._load.leave(mark, time.monotonic())
                future.set_exception(error)
            else:
                busy = self._load.leave(mark, time.monotonic()) if mark is not None else 1.0
                future.set_result(Finished(answer, lane.number, waited, busy))

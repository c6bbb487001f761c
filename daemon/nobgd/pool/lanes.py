"""An executor of lanes: one process each, one photo at a time, a deadline over every photo.

A crash, a hang or an out-of-memory kill costs one attempt of one photo; the lane is opened
again and its neighbours notice nothing.  A thread per lane waits for its process, so a
lane stuck in a dead share blocks that thread only.

A folder that is silent (see `Places`) holds one lane at most, and never the last one while
others have work for it: its requests wait, the lanes beyond that are taken back, and what they
had begun is asked again when the folder answers, with no attempt burnt.  A lane that cannot be
opened takes no request: it tries again by itself.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from nobgd.pool.held_up import HeldUp
from nobgd.pool.inference import Inference
from nobgd.pool.lane import Lane
from nobgd.pool.lane_thread import LaneThread
from nobgd.pool.load import Load
from nobgd.pool.memory import Budget
from nobgd.pool.mishaps import OutOfMemory, Unfit
from nobgd.pool.places import Places
from nobgd.pool.requests import Item, Requests
from nobgd.pool.seating import Seating, allowed, no_room
from nobgd.pool.stages import Request
from nobgd.pool.unfinished import Unfinished
from nobgd.values import Job, wire
from nobgd.values.errands import Errand
from nobgd.values.machine import Others
from nobgd.values.wire import Finished

_GRACE_S = 30.0  # for a thread to come back after its deadline: killing takes a second


class Lanes(Executor):
    """``count`` processes that answer `Request`s."""

    def __init__(
        self, setup: wire.Setup, count: int, *, deadline_s: float, budget: Budget,
        opened: Callable[[int, tuple[str, ...]], None] = lambda *_: None, cores: int = 1,
        told: Callable[[str, dict[str, Any]], None] = lambda *_: None,
        inference: Inference | None = None, idle_s: float | None = None, eager: int | None = None,
    ) -> None:  # fmt: skip
        """``told`` gets warnings for the log, on any thread: an event and its fields.

        Who makes masks is ``inference``; a lane without work for ``idle_s`` seconds ends.  So
        many lanes as ``eager`` are opened as soon as there is work for them, those beyond only in
        the place of lanes that wait for their folders; None: all.
        """
        self.inference = inference if inference is not None else Inference(wire.ModelSetup((), ""))
        held = self.inference.setup.weights
        self._models, self._closer = (
            {recipe.weights: held.index(one) for recipe, one in each if one in held}
            for each in (setup.weights, setup.closer)
        )
        self._least_threads, self._cores = setup.threads, cores
        self._told = told
        self._eager = count if eager is None else eager
        self._places = Places(deadline_s, self._tell_place)
        self._lanes: list[Lane] = []
        self._requests = Requests(self._places, self._at_work)
        self._changed, self._closing = self._requests.changed, self._requests.closed
        held_up = HeldUp(
            self._lanes, self._places, self._requests,
            lambda: self._eager + self.inference.seats_elsewhere,
        )  # fmt: skip
        self._seating = Seating(count, self._changed, told)
        unfinished = Unfinished(count, self._places, self._requests, told)
        self._lanes += [
            Lane(
                replace(setup, lane=number), deadline_s, budget, opened, self.threads,
                held_up.watch, self._infer,
            )
            for number in range(count)
        ]  # fmt: skip
        load = Load()
        self._threads = [
            LaneThread(
                lane, self._requests, seating=self._seating, unfinished=unfinished, load=load,
                one_more=held_up.one_more, fewer=self._fewer, idle_s=idle_s, told=told,
            )
            for lane in self._lanes
        ]  # fmt: skip

    # --- life ----------------------------------------------------------------------------

    def start(
        self, stopped: Callable[[], bool] = lambda: False, *, many: bool = False
    ) -> None:  # fmt: skip
        """Open the model and a lane and wait for both.  See `spawn` and `await_ready`."""
        self.spawn(many=many)
        self.await_ready(stopped)

    def spawn(self, *, many: bool = False) -> None:
        """Start both processes; ``many``: as many lanes as are eager, for there will be work.

        Lanes end with the thread that calls this.
        """
        self.inference.start()
        for lane in self._lanes[: self._eager if many else 1]:
            lane.awake = True
            with contextlib.suppress(OSError):  # it is opened again by its thread
                lane.spawn()

    def await_ready(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until the first model and the first lane are open, then let all lanes work.

        The others are opened when there is work for them.  Raises `Unfit` when one of the two
        cannot be.
        """
        self.inference.await_ready(stopped)
        first = self._lanes[0]
        try:
            first.open(stopped)
        except (Unfit, OSError, OutOfMemory) as error:
            for lane in self._lanes:
                lane.kill()
            raise error if isinstance(error, Unfit) else Unfit(no_room(error)) from error
        for thread in self._threads:
            thread.start()

    def drain(self) -> list[Job | Errand]:
        """The service stops: no lane waits for a silent folder any more.  See `put_back`."""
        self._requests.draining = True
        return self.put_back()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let lanes finish what they have (``wait``) or kill them, then close them."""
        self._closing.set()
        if cancel_futures:
            self.put_back()
        if not wait:
            self.inference.close()
            for lane in self._lanes:
                lane.kill()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(None if wait else 2.0)
        for lane in self._lanes:
            lane.process.hang_up()  # they end side by side
        self.inference.close()
        for lane in self._lanes:
            lane.process.close()
        self.put_back()

    # --- requests ------------------------------------------------------------------------

    def submit(self, request: Request, /) -> Future[Finished]:  # type: ignore[override]
        """Queue one request; its future never raises for a `Job`, `ErrandFailed` for an errand."""
        return self._requests.add(request)

    def put_back(self) -> list[Job | Errand]:
        """Take every request that no lane has begun; their futures are cancelled."""
        return self._requests.put_back()

    def more(self) -> int:
        """Jobs that others than this machine have room for: none."""
        return 0

    def free(self) -> bool:
        """Whether a lane would begin a job at once."""
        most = min(len(self._lanes), self._eager + self.inference.seats_elsewhere)
        return sum(lane.at is not None for lane in self._lanes) + len(self._requests) < most

    def models_of(self, job: Job) -> tuple[int, ...]:
        """The places of its models among those that `inference` has: one, two where adaptive."""
        parts, key = (self._models, self._closer), job.recipe.weights
        return tuple(part[key] for part in parts if key in part)

    def give_away(self, may: Callable[[Job], bool]) -> Item | None:
        """A job that waits and that no lane has begun, to be done by somebody else."""
        return self._requests.give_away(may)

    def again(self, item: Item) -> None:
        """Nobody took it: it waits again."""
        self._requests.again(item)

    def abandon(self, job: Job) -> None:
        """Nobody may go on with this job: it is taken off the queue, or its lane is killed."""
        self._requests.withdraw(job)
        for lane in self._lanes:
            if lane.request is job:
                lane.process.kill()

    def silent(self, *places: str) -> str | None:
        """The first of these folders that does not answer; requests for it would only wait."""
        return self._places.silent(places)

    def threads(self) -> int:
        """Threads for the photo that begins now: its share of the cores.

        A full house has one core for each lane; a photo that comes alone gets them all.
        """
        working = sum(lane.at is not None for lane in self._lanes) + len(self._requests)
        share = max(1, self._cores // max(1, working))
        return max(self._least_threads, 1 << share.bit_length() - 1)  # few kinds: 1, 2, 4, 8 …

    # --- how it goes ---------------------------------------------------------------------

    def busy(self) -> list[tuple[int, str, str, float]]:
        """(lane, relpath, stage, seconds) of every lane at work."""
        now = time.monotonic()
        return [
            (lane.number, at[0], lane.stage, now - at[1])
            for lane in self._lanes
            if (at := lane.at) is not None
        ]

    @property
    def others(self) -> Others | None:
        """The other machines; None where there are none by the configuration."""
        return self.inference.others

    def stuck(self, now: float) -> str | None:
        """Which lane's thread has ended, or not come back from a deadline; None: none has.

        A process that hangs is no such thing: its thread kills it at the deadline.
        """
        for lane, thread in zip(self._lanes, self._threads, strict=True):
            if not (thread.is_alive() or self._closing.is_set()):
                return f"the thread of lane {lane.number} has ended"
            if (until := lane.until) is not None and now > until + _GRACE_S:
                return f"the thread of lane {lane.number} did not come back from its deadline"
        return self.inference.stuck()

    @property
    def trouble(self) -> str:
        """Why photos wait that nothing else holds up, in words; empty: they do not."""
        if not self._requests.room.lacks:
            return ""
        return f"an ordinary photo does not fit into {allowed()}: photos wait, give it more"

    def pids(self) -> list[int]:
        """Process id of every open lane."""
        return [pid for lane in self._lanes if (pid := lane.process.pid) is not None]

    def all_pids(self) -> list[int]:
        """The same, and the model process."""
        return [*self.pids(), *self.inference.pids()]

    def _at_work(self) -> Iterator[Request]:
        """What lanes have begun."""
        return (each.request for each in self._lanes if each.request is not None)

    def _infer(self, lane: Lane, job: Job, again: bool) -> wire.Ran:
        """Have a lane's tensor made a mask, see `Inference.run`; ``again``: a closer one."""
        which = (self._closer if again else self._models)[job.recipe.weights]
        about = {"inbox": job.inbox, "source": os.path.join(job.inbox, job.relpath)}
        beside = sum(each is not lane and each.computes for each in self._lanes)
        return self.inference.run(
            which, lane.process.tensors, lambda: lane.alive, about=about, beside=beside
        )

    def _tell_place(self, folder: str, answers: bool) -> None:
        if answers:
            self._told("share.back", {"folder": folder})
        else:
            why = f"{folder} does not answer; its photos wait, others go on; is its share alive?"
            self._told("share.silent", {"folder": folder, "why": why})
        with self._changed:
            self._changed.notify_all()

    def _fewer(self, lane: Lane) -> bool:
        """Memory ran out: one lane fewer for a while; False when there was only this one."""
        others = sum(each.process.pid is not None for each in self._lanes if each is not lane)
        return self._seating.fewer(lane.number, 1 + others)

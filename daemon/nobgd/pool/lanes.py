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
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from nobgd.lane.touched import folders
from nobgd.pool import cgroup
from nobgd.pool.inference import Inference
from nobgd.pool.lane import Lane, NotBegun, OutOfMemory, Request, Unfit
from nobgd.pool.load import Load
from nobgd.pool.memory import Budget
from nobgd.pool.places import Places
from nobgd.pool.seats import Seats
from nobgd.values import Code, Job, wire
from nobgd.values.errands import Prepare
from nobgd.values.wire import Finished as Finished
from nobgd.values.wire import Unbegun as Unbegun

_GRACE_S = 30.0  # for a thread to come back after its deadline: killing takes a second
_LOOK_S = 0.5  # between two looks at whether a silent folder's requests may go
_TRIES = 3  # of a request of which nothing was done: then it is to blame
_LONGEST_PAUSE_S = 60.0  # between two tries to open a lane
_SEAT_LOOK_S = 5.0  # between two looks at whether a lane may be open again
_LONG = 3  # as many times its patience a lane may wait for a folder, others wait for the lane


@dataclass(slots=True)
class _Item:
    request: Request
    future: Future[Finished]
    since: float
    tries: int = 0


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
        self._models = [recipe.weights for recipe, _ in setup.weights]
        self._idle_s = idle_s
        self._least_threads, self._cores = setup.threads, cores
        self._told = told
        self._places = Places(deadline_s, self._tell_place)
        self._requests: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._lanes = [
            Lane(
                replace(setup, lane=number),
                deadline_s,
                budget,
                opened,
                self.threads,
                self._watch,
                self._infer,
            )
            for number in range(count)
        ]
        self._threads = [
            threading.Thread(
                target=self._work, args=(lane,), name=f"lane-{lane.number}", daemon=True
            )
            for lane in self._lanes
        ]
        self._closing = threading.Event()
        self._draining = False
        self._load = Load()
        self._seats, self._told_fewer = Seats(count), False
        self._eager = count if eager is None else eager

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
            raise error if isinstance(error, Unfit) else Unfit(_no_room(error)) from error
        for thread in self._threads:
            thread.start()

    def drain(self) -> list[Request]:
        """The service stops: no lane waits for a silent folder any more.  See `put_back`."""
        self._draining = True
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
            lane.hang_up()  # they end side by side
        self.inference.close()
        for lane in self._lanes:
            lane.close()
        self.put_back()

    # --- requests ------------------------------------------------------------------------

    def submit(self, request: Request, /) -> Future[Finished]:  # type: ignore[override]
        """Queue one request; its future never raises for a `Job`, `ErrandFailed` for an errand."""
        future: Future[Finished] = Future()
        with self._changed:
            self._requests.append(_Item(request, future, time.monotonic()))
            self._changed.notify_all()
        return future

    def put_back(self) -> list[Request]:
        """Take every request that no lane has begun; their futures are cancelled."""
        with self._changed:
            items = list(self._requests)
            self._requests.clear()
        return [item.request for item in items if item.future.cancel()]

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

    def pids(self) -> list[int]:
        """Process id of every open lane."""
        return [process.pid for lane in self._lanes if (process := lane.process) is not None]

    def all_pids(self) -> list[int]:
        """The same, and the model process."""
        return [*self.pids(), *self.inference.pids()]

    def _infer(self, lane: Lane, job: Job) -> wire.Ran:
        """Have a lane's tensor made a mask, see `Inference.run`."""
        which = self._models.index(job.recipe.weights)
        about = {"inbox": job.inbox, "source": os.path.join(job.inbox, job.relpath)}
        return self.inference.run(which, lane.tensors, lambda: lane.alive, about=about)

    def _tell_place(self, folder: str, answers: bool) -> None:
        if answers:
            self._told("share.back", {"folder": folder})
        else:
            why = f"{folder} does not answer; its photos wait, others go on; is its share alive?"
            self._told("share.silent", {"folder": folder, "why": why})
        with self._changed:
            self._changed.notify_all()

    # --- a lane's thread -----------------------------------------------------------------

    def _work(self, lane: Lane) -> None:
        while self._open(lane):
            item = self._take(lane)
            if item is None:
                continue  # its seat was taken, it rests, or all is to end
            began = time.monotonic()
            waited = began - item.since
            mark = self._load.enter(began) if isinstance(item.request, Job) else None
            busy = 1.0
            try:
                answer = lane.ask(item.request)
            except NotBegun as end:
                self._not_begun(lane, item, end, waited)
            except OutOfMemory as end:
                self._ran_out(lane, item, end, waited)
            except BaseException as error:  # noqa: BLE001 - belongs to whoever waits
                self._judge(lane, item.request)
                if lane.overran and self._may_wait(item.request, lane.overran):
                    self._again(item)
                else:
                    item.future.set_exception(error)
            else:
                self._judge(lane, item.request)
                if mark is not None:
                    busy, mark = self._load.leave(mark, time.monotonic()), None
                finished = Finished(answer, lane.number, waited, busy, lane.thought)
                item.future.set_result(finished)
            if mark is not None:
                self._load.leave(mark, time.monotonic())
            with self._changed:
                self._changed.notify_all()  # what was on trial may go on

    def _open(self, lane: Lane) -> bool:
        """Have the lane open once there is work for it, however long that takes.

        False when all is to end.
        """
        failures = 0
        while not self._closing.is_set():
            self._sleep(lane)
            if self._closing.is_set():
                break  # a lane that slept is not opened to be closed
            if not self._seated(lane):
                lane.kill()
                with self._changed:
                    self._changed.wait(_SEAT_LOOK_S)
                continue
            try:
                if lane.ran_out():
                    self._fewer(lane)  # while it was idle
                lane.open(self._closing.is_set)
            except (Unfit, OSError, OutOfMemory) as error:
                lane.kill()
                if isinstance(error, OutOfMemory) and self._fewer(lane):
                    continue
                failures += 1
                if failures == 1 and not self._closing.is_set():
                    why = str(error) if isinstance(error, Unfit) else _no_room(error)
                    self._told("lane.unfit", {"lane": lane.number, "why": why})
                self._closing.wait(min(2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S))
            else:
                return True
        return False

    def _sleep(self, lane: Lane) -> None:
        """While it is asleep: until there is a request for which no lane is awake."""
        with self._changed:
            while not (lane.awake or self._closing.is_set()):
                if self._wanted() and self._seats.at(time.monotonic()) > lane.number:
                    lane.awake = True
                    return
                self._changed.wait(_LOOK_S if self._requests else None)

    def _wanted(self) -> bool:
        """Whether one lane more would get something done sooner."""
        awake = [each for each in self._lanes if each.awake]
        if len(self._requests) <= sum(each.at is None for each in awake):
            return False
        waits = (each.waits_for() for each in awake)
        held_up = sum(bool(folders) and age > _LOOK_S for folders, age in waits)
        return len(awake) - held_up < self._eager + self.inference.seats_elsewhere

    def _take(self, lane: Lane) -> _Item | None:
        """The next request that may go; None when all is to end, or the lane went to sleep."""
        began = time.monotonic()
        while True:
            refused: list[tuple[_Item, str]] = []
            with self._changed:
                if not self._seated(lane):
                    return None
                item = self._next(refused)
                if item is None and not refused:
                    if self._closing.is_set():
                        return None
                    left = None if self._idle_s is None else self._idle_s + began - time.monotonic()
                    if left is not None and left <= 0:
                        lane.awake = False
                        break
                    self._changed.wait(_LOOK_S if self._requests else left)
                    continue
                if item is not None:
                    lane.take(item.request)  # it is at work from now on, for all to see
            for each, folder in refused:
                self._refuse(lane, each, folder)
            if item is not None:
                return item
        lane.rest()
        return None

    def _next(self, refused: list[tuple[_Item, str]]) -> _Item | None:
        """The first that may go, off the queue; ``refused`` are those that need no lane."""
        for item in list(self._requests):
            needed = folders(item.request)
            folder = self._places.silent(needed)
            if folder is not None and not isinstance(item.request, Job | Prepare):
                continue  # an errand has nowhere else to wait
            if folder is None and not self._free(needed):
                continue
            self._requests.remove(item)  # its future stays pending: it may have to wait again
            if folder is None:
                return item
            refused.append((item, folder))
        return None

    def _free(self, needed: tuple[str, ...]) -> bool:
        """Whether no other lane is at work on one of these that is on trial."""
        trial = self._places.on_trial(needed)
        return not trial or not any(
            trial & set(folders(request))
            for lane in self._lanes
            if (request := lane.request) is not None
        )

    def _refuse(self, lane: Lane, item: _Item, folder: str) -> None:
        why = f"{folder} does not answer; is its share alive?"
        if isinstance(item.request, Job):
            item.future.set_result(Finished(Unbegun(why), lane.number, 0.0))
        else:
            item.future.set_exception(wire.ErrandFailed(Code.GONE_AWAY, why))

    def _not_begun(self, lane: Lane, item: _Item, end: NotBegun, waited: float) -> None:
        """Nothing was done of it: it waits again, unless it is to blame itself."""
        request, item.tries = item.request, item.tries + 1
        silent = self._places.silent(end.folders)
        most = len(self._lanes) + 1 if end.folders else _TRIES - 1  # each may have to be let in
        again = silent is None and not end.taken_back and item.tries <= most
        if end.folders and not again:
            self._places.failed(end.folders)
        if not (again or end.folders):
            try:
                answer = lane.lost(request, Code.CRASHED, f"{_name(request)}: {end}")
                item.future.set_result(Finished(answer, lane.number, waited))
            except wire.ErrandFailed as error:
                item.future.set_exception(error)
        elif not again and isinstance(request, Job | Prepare):
            self._refuse(lane, item, silent or end.folders[0])
        else:
            item.tries = item.tries if again else 0
            self._again(item)

    def _ran_out(self, lane: Lane, item: _Item, end: OutOfMemory, waited: float) -> None:
        """The place's fault while other lanes are open; alone, the photo needs too much."""
        request, several = item.request, self._fewer(lane)
        if several and isinstance(request, Job):
            item.future.set_result(Finished(Unbegun("memory ran out"), lane.number, waited))
        elif several:
            self._again(item)
        else:
            reason = (
                f"{end}: it needs more memory than {_allowed()}, although nothing else was at work;"
                " give it more, or lower workers.max_megapixels to have such photos refused"
            )
            try:
                answer = lane.lost(request, Code.OUT_OF_MEMORY, reason)
                item.future.set_result(Finished(answer, lane.number, waited))
            except wire.ErrandFailed as error:
                item.future.set_exception(error)

    def _fewer(self, lane: Lane) -> bool:
        """Memory ran out: one lane fewer for a while; False when there was only this one."""
        opened = 1 + sum(each.process is not None for each in self._lanes if each is not lane)
        with self._changed:
            several = self._seats.fewer(time.monotonic(), opened)
            seats = self._seats.at(time.monotonic())
            self._told_fewer = self._told_fewer or several
            self._changed.notify_all()
        if several:
            why = (
                f"the kernel ended lane {lane.number} for want of memory; there is no more than"
                f" {_allowed()}; what it was at is done again by fewer lanes, for ten minutes"
            )
            self._told("lanes.fewer", {"lanes": seats, "why": why})
        return several

    def _seated(self, lane: Lane) -> bool:
        """Whether this lane may be open now."""
        with self._changed:
            seats = self._seats.at(time.monotonic())
            news = self._told_fewer and seats == self._seats.most
            self._told_fewer = self._told_fewer and not news
        if news:
            self._told("lanes.back", {"lanes": seats})
        return lane.number < seats

    def _again(self, item: _Item) -> None:
        with self._changed:
            if not (self._draining or self._closing.is_set()):
                self._requests.appendleft(item)
                return
        if self._draining:
            item.future.cancel()  # nobody will ask for it: as if it had been put back
        elif isinstance(item.request, Job):
            item.future.set_result(Finished(Unbegun("its lanes end"), 0, 0.0))
        else:
            item.future.set_exception(wire.ErrandFailed(Code.GONE_AWAY, "its lanes end"))

    def _may_wait(self, request: Request, waited_for: tuple[str, ...]) -> bool:
        """Whether an errand that ran out of time is kept until its folder answers.

        It can be done again from any point; nobody else would ask for it anew.
        """
        hung = self._places.hung(waited_for)
        return hung is not None and not isinstance(request, Job | Prepare)

    def _judge(self, lane: Lane, request: Request) -> None:
        """What an answer, or its want, says of the folders."""
        if lane.overran:
            self._places.failed(lane.overran)
        else:
            self._places.worked(folders(request))

    # --- a lane that waits for a folder --------------------------------------------------

    def _watch(self, lane: Lane) -> str | None:
        """The folder for whose sake this lane is taken back; None: it may go on waiting."""
        waits, age = lane.waits_for()
        if not waits or age < (patience := self._places.patience_s(waits)):
            return None
        self._places.inquire(waits)
        hung = self._places.hung(waits)
        with self._changed:
            if hung is not None:
                return hung if self._draining or self._spare(lane) else None
            if age > _LONG * patience and self._all_wait(lane) and self._others_wait():
                return waits[0]
        return None

    def _spare(self, lane: Lane) -> bool:
        """Whether a lane that a hung folder holds is more than such folders may hold."""
        held: dict[str, Lane] = {}
        for each in sorted(self._lanes, key=lambda each: each.waits_for()[1], reverse=True):
            if (folder := self._places.hung(each.waits_for()[0])) is not None:
                held.setdefault(folder, each)
        kept = list(held.values())[: len(self._lanes) - 1]
        return lane not in held.values() or (lane not in kept and self._others_wait())

    def _all_wait(self, lane: Lane) -> bool:
        """Whether every lane waits for folders that answer, yet do not serve; this one longest."""
        ages = []
        for each in self._lanes:
            waits, age = each.waits_for()
            if not waits or age < self._places.patience_s(waits):
                return False
            ages.append(age)
        return lane.waits_for()[1] >= max(ages)

    def _others_wait(self) -> bool:
        return any(
            self._places.silent(needed := folders(item.request)) is None and self._free(needed)
            for item in self._requests
        )


def _name(request: Request) -> str:
    return request.relpath if isinstance(request, Job) else type(request).__name__


def _allowed() -> str:
    limit, _ = cgroup.memory_mb()
    return "this machine has" if limit is None else f"the {limit:.0f} MB that it is allowed"


def _no_room(error: Exception) -> str:
    if isinstance(error, OutOfMemory):
        return f"memory ran out: {error}; no lane fits into {_allowed()}; give it more"
    return f"a lane cannot be started: {error}; it is tried again, photos wait meanwhile"

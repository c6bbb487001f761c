"""The thread of a lane: have the lane open while there is work, one request after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nobgd.pool.held_up import LOOK_S
from nobgd.pool.lane import Lane
from nobgd.pool.load import Load
from nobgd.pool.mishaps import NotBegun, OutOfMemory, Unfit
from nobgd.pool.requests import Item, Requests
from nobgd.pool.seating import Seating, no_room
from nobgd.pool.unfinished import Unfinished
from nobgd.values import Done, Job
from nobgd.values.wire import Finished

_LONGEST_PAUSE_S = 60.0  # between two tries to open a lane
_SEAT_LOOK_S = 5.0  # between two looks at whether a lane may be open again


class LaneThread(threading.Thread):
    """Ends with the requests (`Requests.closed`)."""

    def __init__(
        self, lane: Lane, requests: Requests, *, seating: Seating, unfinished: Unfinished,
        load: Load, one_more: Callable[[], bool], fewer: Callable[[Lane], bool],
        idle_s: float | None, told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        """``one_more`` says whether a lane that sleeps is wanted; ``fewer`` that memory ran out."""
        super().__init__(name=f"lane-{lane.number}", daemon=True)
        self._lane, self._requests, self._load = lane, requests, load
        self._changed, self._closing = requests.changed, requests.closed
        self._seating, self._unfinished = seating, unfinished
        self._one_more, self._fewer = one_more, fewer
        self._idle_s, self._told = idle_s, told

    def run(self) -> None:
        """Until all is to end."""
        lane = self._lane
        while self._open():
            item = self._take()
            if item is None:
                continue  # its seat was taken, it rests, or all is to end
            began = time.monotonic()
            waited = began - item.since
            mark = self._load.enter(began) if isinstance(item.request, Job) else None
            busy = 1.0
            try:
                answer = lane.ask(item.request)
            except NotBegun as end:
                self._unfinished.not_begun(lane, item, end, waited)
            except OutOfMemory as end:
                several = self._fewer(lane)
                self._unfinished.ran_out(lane, item, end, waited, several=several)
            except BaseException as error:  # noqa: BLE001 - belongs to whoever waits
                self._unfinished.judge(lane, item.request)
                self._unfinished.failed(lane, item, error)
            else:
                self._unfinished.judge(lane, item.request)
                if mark is not None:
                    busy, mark = self._load.leave(mark, time.monotonic()), None
                if isinstance(answer, Done):
                    self._unfinished.worked(lane, item.request)
                finished = Finished(answer, lane.number, waited, busy, lane.thought)
                item.future.set_result(finished)
            if mark is not None:
                self._load.leave(mark, time.monotonic())
            with self._changed:
                self._changed.notify_all()  # what was on trial may go on

    def _open(self) -> bool:
        """Have the lane open once there is work for it, however long that takes.

        False when all is to end.
        """
        lane, failures = self._lane, 0
        while not self._closing.is_set():
            self._sleep()
            if self._closing.is_set():
                break  # a lane that slept is not opened to be closed
            if not self._seating.open_to(lane.number):
                lane.kill()
                with self._changed:
                    self._changed.wait(_SEAT_LOOK_S)
                continue
            try:
                if lane.process.ran_out():
                    self._fewer(lane)  # while it was idle
                lane.open(self._closing.is_set)
            except (Unfit, OSError, OutOfMemory) as error:
                lane.kill()
                if isinstance(error, OutOfMemory) and self._fewer(lane):
                    continue
                failures += 1
                if failures == 1 and not self._closing.is_set():
                    why = str(error) if isinstance(error, Unfit) else no_room(error)
                    self._told("lane.unfit", {"lane": lane.number, "why": why})
                self._closing.wait(min(2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S))
            else:
                return True
        return False

    def _sleep(self) -> None:
        """While it is asleep: until there is a request for which no lane is awake."""
        lane = self._lane
        with self._changed:
            while not (lane.awake or self._closing.is_set()):
                if self._one_more() and self._seating.at() > lane.number:
                    lane.awake = True
                    return
                self._changed.wait(LOOK_S if len(self._requests) else None)

    def _take(self) -> Item | None:
        """The next request that may go; None when all is to end, or the lane went to sleep."""
        lane, began = self._lane, time.monotonic()
        while True:
            refused: list[tuple[Item, str]] = []
            with self._changed:
                if not self._seating.open_to(lane.number):
                    return None
                item = self._requests.next(refused)
                if item is None and not refused:
                    if self._closing.is_set():
                        return None
                    left = None if self._idle_s is None else self._idle_s + began - time.monotonic()
                    if left is not None and left <= 0:
                        lane.awake = False
                        break
                    self._changed.wait(LOOK_S if len(self._requests) else left)
                    continue
                if item is not None:
                    lane.take(item.request)  # it is at work from now on, for all to see
            for each, folder in refused:
                self._unfinished.refuse(lane, each, folder)
            if item is not None:
                return item
        lane.process.rest()
        return None

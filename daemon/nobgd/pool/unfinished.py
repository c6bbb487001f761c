"""What becomes of a request that its lane did not answer: asked again, refused, or lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from nobgd.lane.touched import folders
from nobgd.pool.lane import Lane
from nobgd.pool.mishaps import NotBegun, OutOfMemory
from nobgd.pool.places import Places
from nobgd.pool.requests import Item, Requests
from nobgd.pool.seating import allowed
from nobgd.pool.stages import Request
from nobgd.values import Code, Job, wire
from nobgd.values.wire import Finished, Unbegun

_TRIES = 3  # of a request of which nothing was done: then it is to blame


class Unfinished:
    """Answers the futures of such requests.  Used by all lanes' threads."""

    def __init__(
        self, lanes: int, places: Places, requests: Requests,
        told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._lanes, self._places, self._requests = lanes, places, requests
        self._told = told

    def refuse(self, lane: Lane, item: Item, folder: str) -> None:
        """It needs no lane: its folder is silent."""
        why = f"{folder} does not answer; is its share alive?"
        if isinstance(item.request, Job):
            item.future.set_result(Finished(Unbegun(why), lane.number, 0.0))
        else:
            item.future.set_exception(wire.ErrandFailed(Code.GONE_AWAY, why))

    def not_begun(self, lane: Lane, item: Item, end: NotBegun, waited: float) -> None:
        """Nothing was done of it: it waits again, unless it is to blame itself."""
        item.tries += 1
        silent = self._places.silent(end.folders)
        most = self._lanes + 1 if end.folders else _TRIES - 1  # each may have to be let in
        again = silent is None and not end.taken_back and item.tries <= most
        if end.folders and not again:
            self._places.failed(end.folders)
        if not (again or end.folders):
            self._lost(lane, item, Code.CRASHED, f"{_name(item.request)}: {end}", waited)
        elif not again and item.is_of_a_photo:
            self.refuse(lane, item, silent or end.folders[0])
        else:
            item.tries = item.tries if again else 0
            self._requests.again(item)

    def ran_out(
        self, lane: Lane, item: Item, end: OutOfMemory, waited: float, *, several: bool
    ) -> None:
        """The place's fault while ``several`` lanes are open; alone see `Room`."""
        job = isinstance(item.request, Job)
        if job and not several and not self._is_to_blame(lane, item.request):
            self._no_room(lane, end)
            several = True
        if several and job:
            item.future.set_result(Finished(Unbegun("memory ran out"), lane.number, waited))
        elif several:
            self._requests.again(item)
        else:
            reason = (
                f"{end}: it needs more memory than {allowed()}, although nothing else was at work;"
                " give it more, or lower workers.max_megapixels to have such photos refused"
            )
            self._lost(lane, item, Code.OUT_OF_MEMORY, reason, waited)

    def worked(self, lane: Lane, request: Request) -> None:
        """Its photo was done: there is room for one like it."""
        with self._requests.changed:
            self._requests.room.worked(_photo(request), lane.megapixels)

    def _is_to_blame(self, lane: Lane, request: Request) -> bool:
        with self._requests.changed:
            return self._requests.room.is_to_blame(_photo(request), lane.megapixels)

    def _no_room(self, lane: Lane, end: OutOfMemory) -> None:
        with self._requests.changed:
            first = self._requests.room.ran_out(time.monotonic(), lane.megapixels)
        if first:
            why = (
                f"memory ran out: {end}; an ordinary photo does not fit into {allowed()}; photos"
                " wait, it is tried again; give it more, or name a smaller model"
            )
            self._told("lane.unfit", {"lane": lane.number, "why": why})

    def failed(self, lane: Lane, item: Item, error: BaseException) -> None:
        """An errand that ran out of time is kept until its folder answers.

        It can be done again from any point, and nobody else would ask for it anew.
        """
        if lane.overran and not item.is_of_a_photo and self._places.hung(lane.overran) is not None:
            self._requests.again(item)
        else:
            item.future.set_exception(error)

    def judge(self, lane: Lane, request: Request) -> None:
        """What an answer, or its want, says of the folders."""
        if lane.overran:
            self._places.failed(lane.overran)
        else:
            self._places.worked(folders(request))

    def _lost(self, lane: Lane, item: Item, code: Code, reason: str, waited: float) -> None:
        try:
            answer = lane.lost(item.request, code, reason)
            item.future.set_result(Finished(answer, lane.number, waited))
        except wire.ErrandFailed as error:
            item.future.set_exception(error)


def _photo(request: Request) -> str:
    return os.path.join(request.inbox, request.relpath) if isinstance(request, Job) else ""


def _name(request: Request) -> str:
    return request.relpath if isinstance(request, Job) else type(request).__name__

"""Folders that are written to: when each is looked at, and what is said when that changes."""

from __future__ import annotations

import math

from nobgd.jobs.effects import RunErrand
from nobgd.jobs.places import Place
from nobgd.jobs.state import State
from nobgd.values import Code
from nobgd.values.errands import Prepare
from nobgd.values.mount import Mount, recall
from nobgd.values.wire import ErrandFailed

_TOGETHER_S = 0.25  # probes that are due about now are one turn of the loop


class Probing:
    """The probes.  Only accessed from the main loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sent: dict[int, tuple[Prepare, Place]] = {}  # by the errand's identity

    def start(self) -> None:
        """Have lanes look at what may be good again."""
        now = self._state.now.monotonic
        for place in self._state.places():
            if place.by_photo and place.rested(now):
                self.back(place)
            if place.due(now):
                place.probing = True
                errand = Prepare(
                    place.path, not place.swept, self._before(place), self._state.others_s
                )
                self._sent[id(errand)] = errand, place
                self._state.do(RunErrand(errand))

    def ended(self, errand: Prepare, mount: Mount | None, error: ErrandFailed | None) -> None:
        """A lane has looked."""
        _, place = self._sent.pop(id(errand))
        if mount is not None:
            if place.found(mount):
                self.back(place)
            known = mount.mount_id != -1
            self._state.ledger.remember(seen(place.path), mount.to_remember() if known else "yes")
        elif error is not None:
            self.lost(place, error.code, error.reason)

    def _before(self, place: Place) -> Mount | None:
        """What it lay on when it was last good, in this run or an earlier one; None: not known."""
        fact = self._state.ledger.fact(seen(place.path))
        return None if fact is None else place.mount or recall(fact)

    def back(self, place: Place) -> None:
        """A folder that was said to be lost is good again."""
        self._state.say("info", {"event": f"{place.kind}.back", place.kind: place.path})

    def lost(self, place: Place, code: Code, why: str, *, by_photo: bool = False) -> None:
        """A probe, or work on a photo, found a folder bad: said when that is news."""
        if place.failed(why, self._state.now.monotonic, code=code, by_photo=by_photo):
            event = {"event": f"{place.kind}.lost", place.kind: place.path, "code": code}
            self._state.say("warning", {**event, "why": why})

    def next_due(self) -> float | None:
        """When `start` has something to do; together where they are many."""
        waiting = [each for each in self._state.places() if not (each.ready or each.probing)]
        if not waiting:
            return None
        soonest = min(each.probe_at for each in waiting)
        return math.ceil(soonest / _TOGETHER_S) * _TOGETHER_S

    def hopeful(self) -> bool:
        """Whether one that is not ready may soon be (for ``once``)."""
        return any(place.failures < 3 and not place.ready for place in self._state.places())


def seen(folder: object) -> str:
    """The fact that such a folder was found good, and on what; without it, it may lie anywhere."""
    return f"seen {folder}"

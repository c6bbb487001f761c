"""A machine that sleeps in a whole photo, which is changed and done at home meanwhile.

Its lane is held at one of its system calls, the rename right after its last look among them; then
the whole machine stops (SIGSTOP).  The photo changes, or leaves; home does what is there now.  The
machine wakes up: the old photo's cut-out does not stay over the new one's or beside it, nothing is
said twice but what had to be made anew, and the machine works again.
"""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cluster.broker import lacking
from faults import tracing
from faults.changing import PATIENCE_S, Photos
from faults.house import Checks, Stuck, children, until
from faults.machines import APART, SWEPT_S, Machines, calm, sharing

NAME, TITLE = "zombie_work", "a machine sleeps in a whole photo that is changed and done at home"
FULL, SHORT = 240, 1
_PORTION = 8
_HOME_S = 120.0  # leases are of 3 s; that no photo is lost is looked at with more patience
_RENAME, _OVER = "renameat2 a temp of the outbox", "renameat a temp of the outbox"
STAGES = (
    _RENAME, _OVER, "openat a file of the inbox", "write to the line: infer",
    "openat a temp of the outbox", "fsync a temp of the outbox", "fsync the outbox",
    "write to the line: done",
)  # fmt: skip
CHANGES = ("saved over", "saved in place", "left")


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking() or tracing.missing()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Zombies start … stop; yields (next number, violations, counts)."""
    machines = sharing(root, "desk-1")
    scene = Scene(machines, seed)
    try:
        scene.begin()
        while start < stop:
            end = min(start + _PORTION, stop)
            wrong, counts = list[str](), Counter[str]()
            for number in range(start, end):
                wrong += [f"{number}: {why}" for why in scene.play(number, counts)]
            yield end, wrong + scene.end(counts), counts
            start = end
    finally:
        machines.close()


class Scene:
    """A home, the machine, and the photo."""

    def __init__(self, machines: Machines, seed: int) -> None:
        self._machines, self._house, self._seed = machines, machines.house, seed
        (self._worker,) = machines.workers.values()
        self._checks = Checks(self._house, APART)
        self._photos = Photos(self._house, seed)
        self._over: list[tuple[int, str, str, set[str]]] = []  # number, name, old bytes, cut-outs

    def begin(self) -> None:
        """Home first, to learn what is right; then the machine."""
        self._house.start()
        self._photos.learn()
        self._machines.hire()

    def play(self, number: int, counts: Counter[str]) -> list[str]:
        """One zombie; what must not be."""
        photos, name = self._photos, f"{number}.jpg"
        stage, change = STAGES[number % len(STAGES)], CHANGES[number % len(CHANGES)]
        photos.begin(number)
        calm(photos, PATIENCE_S)
        may = random.Random(f"{self._seed}/{number}").random() < 0.5
        if stage == _OVER or (may and stage != _RENAME):
            photos.add(name)
            counts["of a photo that had a cut-out"] += 1
        self._await()
        with self._trap(stage) as sprung:
            moved = self._moved()  # it may come home before it is held, where all is slow
            photos.add(name)
            old = photos.now[name]
            held = sprung(name, old)
            self._worker.signal(signal.SIGSTOP)
            before = self._of(name, old)
            photos.change(name, change, counts)
            if held:
                try:
                    until(lambda: self._moved() > moved, _HOME_S, "the job comes home")
                except Stuck:  # what was held was a proof, by an older photo
                    counts["held at another photo"] += 1
            wrong = self._await()
            counts["done at home meanwhile"] += held and change != "left"
        counts[f"held: {stage}" if held else "was done before it was held"] += 1
        calm(photos, PATIENCE_S)  # it is back, and what it had is over
        wrong += self._await()
        if change != "left" or stage not in (_RENAME, _OVER):  # it was there at the last look
            self._over.append((number, name, old, before))
        return [f"{stage}, {change}: {each}" for each in wrong]

    def end(self, counts: Counter[str]) -> list[str]:
        """All that were played, once nothing waits; what must not be."""
        with contextlib.suppress(Stuck):  # what a machine wrote over is made anew
            until(lambda: not self._stale(), SWEPT_S, "what was written over is made anew")
        wrong = self._stale() + self._machines.swept()
        self._over.clear()
        wrong += self._checks.violations(self._photos.now) + self._photos.violations(counts)
        counts["made anew"] = sum(self._house.spoilt[self._house.path(e)] for e in self._photos.now)
        self._photos.clear()
        return wrong

    def _moved(self) -> int:
        return self._house.listen().events["photo.moved"]

    def _stale(self) -> list[str]:
        return [
            f"{number}: the old photo's cut-out stays as {there}"
            for number, name, old, before in self._over
            if (there := self._of(name, old) - before)
        ]

    def _await(self) -> list[str]:
        return [f"lost: {e}" for e in self._house.await_versions(self._photos.now, PATIENCE_S)]

    def _of(self, name: str, digest: str) -> set[str]:
        """The cut-outs of these bytes."""
        return {
            file.name for file, note in self._photos.cut_outs()
            if note is not None and (note.source, note.sha256) == (name, digest)
        }  # fmt: skip

    @contextlib.contextmanager
    def _trap(self, call: str) -> Iterator[Callable[[str, str], bool]]:
        """Hold a lane at a call, to the end; yields who waits for that, and tells whether it is."""
        assert self._worker.process is not None
        house, watches = self._house, list[tracing.Watch]()

        def sprung(name: str, digest: str) -> bool:
            def over() -> bool:
                done = house.listen().versions[house.path(name), digest]
                return bool(done) or any(call in each.calls() for each in watches)

            until(over, PATIENCE_S, "the lane is held, or the photo done")
            return any(call in each.calls() for each in watches)

        folder = house.root / "calls"
        folder.mkdir(exist_ok=True)
        try:
            for pid in children(self._worker.process.pid):
                out = folder / f"{pid}-{time.monotonic_ns()}"
                watches.append(tracing.Watch(house.root, pid, out, call, 1, call, hold=True))
            until(lambda: all(e.calls() or e.ended() for e in watches), 120, "tracers are attached")
            yield sprung
        finally:
            for each in watches:
                each.end()
            self._worker.signal(signal.SIGCONT)

"""A machine that sleeps in a whole photo, which is changed and done at home meanwhile.

Its lane is held at one of its system calls, the rename right after its last look among them; then
the whole machine stops (SIGSTOP).  The photo changes, or leaves; home does what is there now.  The
machine wakes up: the old photo's cut-out never appears over the new one's or beside it, nothing is
said twice, and the machine works again.
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
from faults.house import Checks, children, until
from faults.machines import APART, Machines, calm, sharing

NAME, TITLE = "zombie_work", "a machine sleeps in a whole photo that is changed and done at home"
FULL, SHORT = 210, 1
_PORTION = 7
_RENAME = "renameat2 a temp of the outbox"
STAGES = (
    _RENAME, "openat a file of the inbox", "write to the line: infer",
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
        # an older cut-out may be there, but not across the rename: see docs/cluster.md
        if random.Random(f"{self._seed}/{number}").random() < 0.5 and stage != _RENAME:
            photos.add(name)
            counts["of a photo that had a cut-out"] += 1
        self._await()
        with self._trap(stage) as sprung:
            photos.add(name)
            old = photos.now[name]
            held, moved = sprung(name, old), self._moved()
            self._worker.signal(signal.SIGSTOP)
            before = self._of(name, old)
            photos.change(name, change, counts)
            if held:
                until(lambda: self._moved() > moved, PATIENCE_S, "the job comes home")
            wrong = self._await()
            counts["done at home meanwhile"] += held and change != "left"
        counts[f"held: {stage}" if held else "was done before it was held"] += 1
        calm(photos, PATIENCE_S)  # it is back, and what it had is over
        wrong += self._await()
        stale = self._of(name, old) - before
        if stale and (change, stage) != ("left", _RENAME):  # it was there at the last look
            wrong.append(f"the old photo's cut-out appeared as {stale}")
        return [f"{stage}, {change}: {each}" for each in wrong]

    def end(self, counts: Counter[str]) -> list[str]:
        """All that were played, once nothing waits; what must not be."""
        wrong = self._machines.swept() + self._checks.violations(self._photos.now)
        wrong += self._photos.violations(counts)
        self._photos.clear()
        return wrong

    def _moved(self) -> int:
        return self._house.listen().events["photo.moved"]

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

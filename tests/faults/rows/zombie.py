"""A lane that sleeps (SIGSTOP) at every stage while its photo is changed and done again.

Two machines share an inbox and an outbox.  One stops in the middle of a photo; the photo changes,
or leaves; the other machine does what is there now; the first wakes up.  The old photo's cut-out
never appears over the new one's or beside it, and the late answer says that the photo changed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from faults.house import House, until
from faults.pictures import commented, valid
from nobgd import config
from nobgd.jobs import plan
from nobgd.picture import provenance
from nobgd.pool import engine
from nobgd.pool.lanes import Lanes
from nobgd.values import Code, Done, Failed, Job
from nobgd.values.wire import Finished

NAME, TITLE = "zombie", "a lane sleeps while its photo is changed and done again"
STAGES = ("encode", "confirm", "infer", "again", "decode", "compose", "read", "publish")
CHANGES = ("exchanged", "written", "same size and time", "left", "moved")
FULL, SHORT = 1_000, 6
_PORTION = 20
_PATIENCE_S = 60.0


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Zombies start … stop; yields (next number, violations, counts)."""
    house = House(root, root.parent / "cache", workers={"count": 1, "deadline_s": 120})
    settings = config.load(house.config)
    machines = [engine.build(settings) for _ in range(2)]
    try:
        for each in machines:
            each.lanes.start()
        scene = Scene(house, machines)
        while start < stop:
            end = min(start + _PORTION, stop)
            wrong: list[str] = []
            seen: Counter[str] = Counter()
            for number in range(start, end):
                wrong += [f"{number}: {why}" for why in scene.play(seed, number, seen)]
            yield end, wrong, seen
            start = end
    finally:
        for each in machines:
            each.lanes.shutdown(wait=False)


class Scene:
    """The two machines and the photo."""

    def __init__(self, house: House, machines: list[engine.Engine]) -> None:
        self.house = house
        every = [each.lanes for each in machines if isinstance(each.lanes, Lanes)]
        self.sleeper, self.other = every
        (self.recipe,) = machines[0].recipes.values()

    def play(self, seed: int, number: int, seen: Counter[str]) -> Iterator[str]:
        """One zombie; yields what must not be."""
        draw = random.Random(seed * 1_000_003 + number)
        name, stage = f"{number}.jpg", STAGES[number % len(STAGES)]
        change = CHANGES[number % len(CHANGES)]
        photo = self.house.inbox / name
        photo.write_bytes(large(2 * number))
        old = hashlib.sha256(photo.read_bytes()).hexdigest()
        late = self.sleeper.submit(self.job(name))
        stopped = stop_at(self.sleeper, late, stage, draw.uniform(0, 0.002))
        (pid,) = self.sleeper.pids()
        try:
            published = self.outputs(name)
            changed(photo, change, number)
            new = hashlib.sha256(photo.read_bytes()).hexdigest() if photo.exists() else None
            if new is not None:
                job = self.job(name, published)
                answer = self.other.submit(job).result(_PATIENCE_S).answer
                if not isinstance(answer, Done):
                    yield f"{stopped}: the other machine: {answer.reason}"
        finally:
            os.kill(pid, signal.SIGCONT)
        answer = late.result(_PATIENCE_S).answer
        there = self.outputs(name)
        stale = [each for each, sha in there.items() if sha == old and each not in published]
        if stale:
            yield f"{stopped}, {change}: the old photo's cut-out appeared as {stale[0]}"
        if new is not None and new not in there.values():
            yield f"{stopped}, {change}: the new photo has no cut-out"
        if isinstance(answer, Failed) and answer.code not in (Code.CHANGED, Code.VANISHED):
            yield f"{stopped}, {change}: {answer.code}: {answer.reason}"
        if isinstance(answer, Done) and not published:
            yield f"{stopped}, {change}: the late answer is that it is done"
        seen[f"stopped: {stopped}"] += 1
        seen["answered late" if isinstance(answer, Failed) else "done before it was stopped"] += 1
        for file in (*self.house.outbox.iterdir(), *self.house.inbox.iterdir()):
            if file.name.startswith(f"{number}.") or file.name.startswith(f"{number}_"):
                file.unlink()
            elif file.suffix == ".tmp":
                yield f"{file.name} was left"
                file.unlink()

    def job(self, name: str, published: dict[str, str] | None = None) -> Job:
        """What a supervisor would hand out for the photo as it is now."""
        inbox, outbox = str(self.house.inbox), str(self.house.outbox)
        info = os.stat(self.house.inbox / name)
        own, replaces = next(iter((published or {}).items()), (None, None))
        return Job(
            inbox, name, info.st_size, info.st_mtime_ns, outbox, plan.outputs(name, "_nobg"),
            frozenset(), frozenset(), plan.inbox_key(inbox), self.recipe, quiet_s=60.0,
            spare=plan.spare(name, "_nobg"), own=own, replaces=replaces,
        )  # fmt: skip

    def outputs(self, name: str) -> dict[str, str]:
        """The photo's cut-outs, and the SHA-256 of what each was made from."""
        found = {}
        for file in self.house.outbox.glob(f"{Path(name).stem}[._]*.png"):
            with file.open("rb") as stream:
                note = provenance.find(stream.read(provenance.HEAD_BYTES))
            found[file.name] = "" if note is None else note.sha256
        return found


def stop_at(lanes: Lanes, future: Future[Finished], stage: str, wait_s: float) -> str:
    """SIGSTOP a lane when it says that it is in this stage, or soon after; where that was.

    "again" is the second time that it is in the outbox.
    """
    (pid,) = lanes.pids()
    been: list[str] = []
    end = time.monotonic() + _PATIENCE_S
    while not future.done() and time.monotonic() < end:
        at = next((busy[2] for busy in lanes.busy()), "")
        if at and at not in been[-1:]:
            been.append(at)
        if at == stage or (stage == "again" and been[-1:] == ["publish"] and "encode" in been):
            break
        time.sleep(0)  # the thread that hears the lane has to run, too
    time.sleep(wait_s)
    os.kill(pid, signal.SIGSTOP)
    with contextlib.suppress(OSError):
        until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T",
              10, "the lane is stopped")  # fmt: skip
    return "after its answer" if future.done() else been[-1] if been else "start"


def changed(photo: Path, how: str, number: int) -> None:
    """Other bytes under the name, in a way that some program saves; or none."""
    if how in ("left", "moved"):
        photo.unlink() if how == "left" else photo.rename(photo.with_suffix(".bak"))
        return
    data = large(2 * number + 1)
    if how == "exchanged":
        photo.with_suffix(".part").write_bytes(data)
        photo.with_suffix(".part").rename(photo)
    elif how == "written":
        photo.write_bytes(data)
    else:
        info, data = photo.stat(), photo.read_bytes()
        photo.write_bytes(data.replace(b"number 0", b"number 1", 1))
        os.utime(photo, ns=(info.st_atime_ns, info.st_mtime_ns))


@functools.cache
def _large() -> bytes:
    return valid(1, side=1000)


def large(number: int) -> bytes:
    """A picture whose every stage takes some milliseconds, unlike all others by a comment."""
    return commented(_large(), number)

"""The commit path of a real daemon: houses to take it in, and each system call on its way.

In the lane it goes from the first look at the outbox to the answer, and on to the answer of the
errand that archives or deletes the photo; in the supervisor from the first byte of the attempt in
the ledger until the ledger, having the photo as said and disposed of, is unlocked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import tracing
from faults.house import Checks, House, children, until
from faults.pictures import subject

PATIENCE_S = 90.0
KEPT = ("first write", "overwrite", "full disk")
DISPOSED = {"archived": "archive", "archived across": "across", "deleted": "delete"}
OVER = "over.jpg"  # the photo that gets other bytes again and again
_BEGIN = {"lane": "openat the outbox", "supervisor": "pwrite64 the ledger WAL"}
_REFUSED = "write to the line: refused"


@dataclass(frozen=True, slots=True)
class Point:
    """The ``count``-th time that ``role`` makes ``call`` on its way."""

    case: str
    role: str
    call: str
    count: int


def kind(case: str) -> str:
    """What becomes of a photo that is done: keep, archive, across (file systems) or delete."""
    return DISPOSED.get(case, "keep")


class Place:
    """Houses for one photo after the other: one each that keeps, archives and deletes."""

    def __init__(self, root: Path, cache: Path, seed: int) -> None:
        self._root, self._cache, self._seed = root, cache, seed
        self._houses: dict[str, House] = {}
        self.checks: dict[str, Checks] = {}
        self.inputs: dict[str, dict[str, str]] = {}  # kind → name → SHA-256 of what lies there
        self._dropped = self._lost = 0

    def close(self) -> None:
        """End everything."""
        for each in list(self._houses):
            self.abandon(each)

    def abandon(self, each: str) -> None:
        """Leave the house of this kind to itself; the next photo gets a new one."""
        house = self._houses.pop(each)
        house.kill()
        for folder in (house.outbox, house.root / "archive"):
            while os.path.ismount(folder):
                subprocess.run(["umount", "-l", str(folder)], check=False)
        os.rename(house.root, f"{house.root}-left-{self._dropped}")

    def house(self, case: str) -> House:
        """The running house for this case; a new one has done a photo already."""
        if kind(case) not in self._houses:
            self._open(kind(case))
        house = self._houses[kind(case)]
        if house.dead():
            house.start()
        return house

    def _open(self, each: str) -> None:
        inbox = {"source": each}
        if each in ("archive", "across"):
            inbox = {"source": "archive", "archive": "archive"}
        awake = {"count": 1, "threads": 1, "idle_s": None}  # its lane is there when it is traced
        house = House(self._root / each, self._cache, inbox=inbox, workers=awake)
        self._houses[each], self.inputs[each] = house, {}
        if each in ("keep", "across"):
            point = house.outbox if each == "keep" else house.root / "archive"
            point.mkdir(exist_ok=True)
            words = ("mount", "-t", "tmpfs", "-o", "size=8m", "nobgd-test", str(point))
            subprocess.run(words, check=True, capture_output=True)
        self.checks[each] = Checks(house, ("archive", "calls"))
        house.start()
        self._drop(house, each, OVER, subject(self._seed))
        self.await_done(house, each, OVER)

    # --- a photo -------------------------------------------------------------------------

    def name(self, case: str) -> str:
        """The photo that `begin` dropped last."""
        return OVER if case == "overwrite" else f"{self._dropped}.jpg"

    def begin(self, house: House, case: str, data: bytes) -> None:
        """Drop a photo: a new one, or other bytes under a name that is done."""
        self._dropped += 1
        self._lost = house.listen().events["outbox.lost"]
        if case == "full disk":
            filler = (house.outbox / "filler").open("wb", buffering=0)
            with filler, contextlib.suppress(OSError):
                while filler.write(bytes(1 << 16)):
                    pass
        self._drop(house, kind(case), self.name(case), data)

    def free(self, house: House) -> None:
        """End what `begin` did to the disk."""
        (house.outbox / "filler").unlink(missing_ok=True)

    def _drop(self, house: House, each: str, name: str, data: bytes) -> None:
        temp = house.inbox / f".{name}.part"
        temp.write_bytes(data)
        os.rename(temp, house.inbox / name)
        self.inputs[each][name] = hashlib.sha256(data).hexdigest()

    def await_done(self, house: House, each: str, name: str) -> None:
        """Wait until these bytes are done, said and booked, and away if they are not kept."""
        digest, path = self.inputs[each][name], house.path(name)
        until(
            lambda: house.dead() or house.listen().versions[path, digest], PATIENCE_S,
            f"{name} is done",
        )  # fmt: skip
        until(
            lambda: house.dead() or _row(house, name)[:3] == ("done", digest, None), PATIENCE_S,
            f"the ledger has {name} as done and said",
        )  # fmt: skip
        if each != "keep":
            until(
                lambda: house.dead() or (os.listdir(house.inbox) == [] and _row(house, name)[3]),
                PATIENCE_S, f"{name} has left the inbox, and the ledger has it so",
            )  # fmt: skip

    # --- its way -------------------------------------------------------------------------

    def watch(self, house: House, role: str, point: Point | None = None) -> tracing.Watch:
        """Begin to trace the supervisor or the lane, to its end at ``point`` if there is one."""
        assert house.process is not None
        pid = house.process.pid if role == "supervisor" else _lane(house.process.pid)
        wanted = (point.count, point.call) if point is not None else (0, "")
        out = house.root / "calls" / role
        out.parent.mkdir(exist_ok=True)
        watch = tracing.Watch(house.root, pid, out, _BEGIN[role], *wanted)
        until(lambda: watch.calls() or watch.ended(), 30, "the tracer is attached")
        return watch

    def over(self, house: House, case: str, watch: tracing.Watch) -> bool:
        """Whether the photo has come to the end of its way, but for a second or two."""
        if case == "full disk":
            return _REFUSED in watch.calls() or house.listen().events["outbox.lost"] > self._lost
        path, digest = house.path(self.name(case)), self.inputs[kind(case)][self.name(case)]
        if case in DISPOSED:
            row = _row(house, self.name(case))
            return bool(row and row[1] == digest and row[3])
        return house.listen().versions[path, digest] > 0

    def walk(self, case: str) -> list[Point]:
        """Take the path once, and list its points in the order in which they come."""
        house = self.house(case)
        watches = {role: self.watch(house, role) for role in _BEGIN}
        self.begin(house, case, subject(self._seed + 1 + self._dropped))
        if case == "full disk":
            lane = watches["lane"]
            until(lambda: _REFUSED in lane.calls(), PATIENCE_S, "the full outbox is noticed")
        else:
            self.await_done(house, kind(case), self.name(case))
            gone = int(case in DISPOSED)
            until(
                lambda: _row(house, self.name(case))[3] == gone, PATIENCE_S,
                "the ledger has it as disposed of",
            )  # fmt: skip
        time.sleep(0.2)  # what the lane does behind its answer: nothing tells when that is over
        found = []
        for role, watch in watches.items():
            seen: Counter[str] = Counter()
            for call in _path(role, watch.end(), case in DISPOSED):
                seen[call] += 1
                found.append(Point(case, role, call, seen[call]))
        self.free(house)
        self.await_done(house, kind(case), self.name(case))
        return found


def _row(house: House, name: str) -> Any:
    path = house.state / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        return ledger.execute(
            "SELECT state, sha256, record, disposed OR gone FROM photo WHERE relpath = ?",
            (os.fsencode(name),),
        ).fetchone()


def _path(role: str, calls: list[str], goes: bool) -> list[str]:
    """The commit path within the calls of a process; ``goes``: with its original's way out."""
    if role == "lane":
        if _REFUSED in calls:
            return calls[: calls.index(_REFUSED) + 1]
        answers = [at for at, call in enumerate(calls) if call == "write to the line: errand"]
        return calls[: answers[-1] + 1] if goes and answers else calls
    calls = [call for call in calls if "inbox" not in call]  # the scanner's
    synced = max(at for at, call in enumerate(calls) if call.startswith("fdatasync"))
    return calls[: synced + 3]  # and the unlocking after it


def _lane(pid: int) -> int:
    """The one lane of a daemon; a list of children that is read while they change may miss it."""
    until(lambda: len(children(pid)) == 1, 60, "one lane is open")
    (lane,) = children(pid)
    return lane

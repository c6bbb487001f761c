"""SIGKILL at every system call of the commit path of a real daemon, supervisor and lane alike.

The path is taken once without a kill, and every call that touches outbox, archive, ledger, log or
the line between the two processes is written down (see `tracing`): in the lane from its first look
at the outbox to its answer, in the supervisor from the first byte of the attempt in the ledger to
the unlocking of the ledger that has the photo as said.  Each call is a point.  Then for each point
a daemon gets a photo and is killed just before that call; the next start finds what is left.

A killed lane's photo waits some seconds by the clock: its time is set to now in the ledger while
the daemon is down, so that the next start has it at once (`kill_lane` waits for the clock).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import tracing
from faults.house import Checks, House, Stuck, picture, until
from faults.pictures import valid
from nobgd import note

NAME = "kill_every_syscall"
TITLE = "SIGKILL at every system call of the commit path: first write, overwrite, full disk"
FULL, SHORT = 565, 4
_AT_A_TIME = 2
_PORTION = 20
_TRIES = 4  # a point that did not come up: the ledger's pages differ from photo to photo
_PATIENCE_S = 90.0
_KEPT = ("first write", "overwrite", "full disk")
_DISPOSED = {"archived": "archive", "deleted": "delete"}
_BEGIN = {"lane": "openat the outbox", "supervisor": "pwrite64 the ledger WAL"}
_OVER = "over.jpg"


@dataclass(frozen=True, slots=True)
class Point:
    """The ``count``-th time that ``role`` makes ``call`` on its way."""

    case: str
    role: str
    call: str
    count: int


def missing() -> str | None:
    """Why it cannot run here."""
    return "mounting needs root" if os.geteuid() != 0 else tracing.missing()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    places = [_Place(root / str(each), root.parent / "cache", seed) for each in range(_AT_A_TIME)]
    truth = _Truth(root / "fault-free", root.parent / "cache")
    try:
        points = _points(places[0], seed, _KEPT)
        if stop > len(points) or stop == FULL:
            points += _points(places[0], seed, _DISPOSED)
        stop = len(points) if stop == FULL else min(stop, len(points))
        while start < stop:
            end = min(start + _PORTION, stop)
            known = truth.pictures([_photo(seed, number) for number in range(start, end)])
            counts: Counter[str] = Counter()
            wrong: list[str] = []
            with ThreadPoolExecutor(_AT_A_TIME) as pool:
                parts = [range(start + each, end, _AT_A_TIME) for each in range(_AT_A_TIME)]
                jobs = [
                    pool.submit(place.kills, points, numbers, known)
                    for place, numbers in zip(places, parts, strict=True)
                ]
                for job in jobs:
                    told, made = job.result()
                    wrong += told
                    counts += made
            if end == stop == len(points):
                counts["points"] = stop
            yield end, wrong, counts
            start = end
    finally:
        for place in places:
            place.close()


def _points(place: _Place, seed: int, cases: Any) -> list[Point]:
    """Every point of these cases, shuffled, so that the first few are of all kinds."""
    found = [point for case in cases for point in place.walk(case)]
    random.Random(seed).shuffle(found)
    return found


def _photo(seed: int, number: int, attempt: int = 0) -> bytes:
    return valid((seed * 1_000_003 + number) * 10 + attempt)


class _Place:
    """Houses for one kill after the other: one each that keeps, archives and deletes photos."""

    def __init__(self, root: Path, cache: Path, seed: int) -> None:
        self._root, self._cache, self._seed = root, cache, seed
        self._houses: dict[str, House] = {}
        self._checks: dict[str, Checks] = {}
        self._inputs: dict[str, dict[str, str]] = {}
        self._dropped = 0

    def close(self) -> None:
        """End everything."""
        for house in self._houses.values():
            house.kill()
            while os.path.ismount(house.outbox):
                subprocess.run(["umount", "-l", str(house.outbox)], check=False)

    def _house(self, case: str) -> House:
        """The running house for this case; a new one has done a photo already."""
        kind = _DISPOSED.get(case, "keep")
        if kind not in self._houses:
            root = self._root / kind
            inbox = {"source": kind, **({"archive": "archive"} if kind == "archive" else {})}
            self._houses[kind] = house = House(
                root, self._cache, inbox=inbox, workers={"count": 1, "threads": 1}
            )
            if kind == "keep":
                words = ("mount", "-t", "tmpfs", "-o", "size=8m", "nobgd-test", str(house.outbox))
                subprocess.run(words, check=True, capture_output=True)
            self._checks[kind] = Checks(house, ("archive", "calls"))
            self._inputs[kind] = {}
            house.start()
            self._drop(house, kind, _OVER, valid(self._seed))
            self._await_done(house, kind, _OVER)
        house = self._houses[kind]
        if house.dead():
            house.start()
        return house

    def _drop(self, house: House, kind: str, name: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        temp = house.inbox / f".{name}.part"
        temp.write_bytes(data)
        os.rename(temp, house.inbox / name)
        self._inputs[kind][name] = digest
        return digest

    def _await_done(self, house: House, kind: str, name: str) -> None:
        """Wait until these bytes are done, said, booked, and disposed of."""
        digest, path = self._inputs[kind][name], house.path(name)
        sentence = f"{name} is done"
        until(lambda: house.dead() or house.listen().versions[path, digest], _PATIENCE_S, sentence)
        wanted = ("done", digest, None, int(kind != "keep"))
        until(
            lambda: house.dead() or self._row(house, name) == wanted, _PATIENCE_S,
            f"the ledger has {name} as {wanted}",
        )  # fmt: skip

    def _row(self, house: House, name: str) -> Any:
        path = house.state / "ledger.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            return ledger.execute(
                "SELECT state, sha256, record, disposed FROM photo WHERE relpath = ?",
                (os.fsencode(name),),
            ).fetchone()

    # --- the path without a kill ---------------------------------------------------------

    def walk(self, case: str) -> list[Point]:
        """Take the path once, and list its points in the order in which they come."""
        house = self._house(case)
        watches = {role: self._watch(house, role) for role in _BEGIN}
        self._begin(house, case, valid(self._seed + 1 + self._dropped))
        if case == "full disk":
            until(
                lambda: "write to the line: refused" in watches["lane"].calls(), _PATIENCE_S,
                "the full outbox is noticed",
            )  # fmt: skip
        else:
            self._await_done(house, _DISPOSED.get(case, "keep"), self._name(case))
        time.sleep(0.2)
        found = []
        for role, watch in watches.items():
            seen: Counter[str] = Counter()
            for call in _path(role, watch.end()):
                seen[call] += 1
                found.append(Point(case, role, call, seen[call]))
        self._free(house)
        self._await_done(house, _DISPOSED.get(case, "keep"), self._name(case))
        return found

    def _watch(self, house: House, role: str, point: Point | None = None) -> tracing.Watch:
        assert house.process is not None
        pid = house.process.pid if role == "supervisor" else _lane(house.process.pid)
        wanted = (point.count, point.call) if point is not None else (0, "")
        out = house.root / "calls" / role
        out.parent.mkdir(exist_ok=True)
        watch = tracing.Watch(house.root, pid, out, _BEGIN[role], *wanted)
        until(lambda: watch.calls() or watch.ended(), 30, "the tracer is attached")
        return watch

    def _name(self, case: str) -> str:
        return _OVER if case == "overwrite" else f"{self._dropped}.jpg"

    def _begin(self, house: House, case: str, data: bytes) -> None:
        self._dropped += 1
        if case == "full disk":
            filler = (house.outbox / "filler").open("wb", buffering=0)
            with filler, contextlib.suppress(OSError):
                while filler.write(bytes(1 << 16)):
                    pass
        self._drop(house, _DISPOSED.get(case, "keep"), self._name(case), data)

    def _free(self, house: House) -> None:
        (house.outbox / "filler").unlink(missing_ok=True)

    # --- the kills -----------------------------------------------------------------------

    def kills(
        self, points: list[Point], numbers: range, known: dict[str, str]
    ) -> tuple[list[str], Counter[str]]:
        """One kill at each of the points with these numbers; violations, and counts."""
        wrong: list[str] = []
        counts: Counter[str] = Counter()
        for number in numbers:
            point = points[number]
            try:
                told = self._kill(point, number, known)
            except Stuck as stuck:
                told = [str(stuck)]
                self._recover(point)
            counts[f"{point.case}, {point.role}"] += 1
            wrong += [f"{number} ({point}): {each}" for each in told]
        return wrong, counts

    def _recover(self, point: Point) -> None:
        """A house that is stuck is left for a new one."""
        kind = _DISPOSED.get(point.case, "keep")
        house = self._houses.pop(kind)
        house.kill()
        if os.path.ismount(house.outbox):
            subprocess.run(["umount", "-l", str(house.outbox)], check=False)
        os.rename(house.root, f"{house.root}-stuck-{self._dropped}")

    def _kill(self, point: Point, number: int, known: dict[str, str]) -> list[str]:
        kind = _DISPOSED.get(point.case, "keep")
        house = self._house(point.case)
        checks, inputs = self._checks[kind], self._inputs[kind]
        checks.pictures.update(known)
        for attempt in range(_TRIES):
            before = dict(inputs)
            watch = self._watch(house, point.role, point)
            self._begin(house, point.case, _photo(self._seed, number, attempt))
            name = self._name(point.case)
            killed = self._await_kill(house, kind, point, watch, name)
            if killed:
                break
            self._free(house)
            self._await_done(house, kind, name)
        else:
            return [f"did not come up in {_TRIES} tries"]
        assert house.process is not None
        if point.role == "supervisor":
            house.process.wait(30)
        else:
            house.stop()
            _hurry(house)
        self._free(house)
        house.start()
        self._await_done(house, kind, name)
        wrong = checks.violations(inputs) + self._disk(house, kind)
        for each in {name: inputs[name], _OVER: before[_OVER], **inputs}.items():
            said = house.versions[house.path(each[0]), each[1]]
            if said != 1:
                wrong.append(f"{each[0]} was said to be done {said} times")
        return wrong

    def _await_kill(
        self, house: House, kind: str, point: Point, watch: tracing.Watch, name: str
    ) -> bool:
        """Whether the kill was made; False when the path was over without that call."""
        end, over = time.monotonic() + _PATIENCE_S, None
        path, digest = house.path(name), self._inputs[kind][name]
        while not watch.ended():
            calls = watch.calls()
            if point.case == "full disk":
                past = "write to the line: refused" in calls or house.listen().events["outbox.lost"]
            else:
                past = bool(house.listen().versions[path, digest])
            over = over or (time.monotonic() + 3.0 if past else None)
            if time.monotonic() > (over or end):
                watch.end()
                return False
            time.sleep(0.01)
        return True

    def _disk(self, house: House, kind: str) -> list[str]:
        """One output for each photo and nothing else; every photo in one place, or in none."""
        wrong = []
        inputs = self._inputs[kind]
        outputs = sorted(os.listdir(house.outbox))
        if outputs != sorted(f"{Path(name).stem}_nobg.png" for name in inputs):
            wrong.append(f"the outbox holds {len(outputs)} files for {len(inputs)} photos")
        kept = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in (house.inbox, house.root / "archive")
            if folder.exists()
            for path in folder.iterdir()
        }
        if kept != ({} if kind == "delete" else inputs):
            wrong.append(f"{len(kept)} originals of {len(inputs)} are there as they were")
        there = any(house.inbox.iterdir())
        if there != (kind == "keep"):
            wrong.append("an original lies in the inbox and should not, or the other way round")
        return wrong


class _Truth:
    """What photos become where nothing ever goes wrong."""

    def __init__(self, root: Path, cache: Path) -> None:
        self._house = House(root, cache, workers={"count": 1})

    def pictures(self, photos: list[bytes]) -> dict[str, str]:
        """SHA-256 of each photo → that of its output without the note."""
        house = self._house
        for number, data in enumerate(photos):
            (house.inbox / f"{number}.jpg").write_bytes(data)
        words = [sys.executable, "-m", "nobgd", "once", "-c", str(house.config)]
        subprocess.run(words, capture_output=True, timeout=_PATIENCE_S, check=True)
        found = {}
        for path in house.outbox.iterdir():
            data = path.read_bytes()
            said = note.find(data[: note.HEAD_BYTES])
            assert said is not None
            found[said.sha256] = picture(data)
            path.unlink()
        for path in house.inbox.iterdir():
            path.unlink()
        return found


def _path(role: str, calls: list[str]) -> list[str]:
    """The commit path within the calls of a process."""
    if role == "lane":
        for last in ("refused", "errand"):
            if f"write to the line: {last}" in calls:
                return calls[: calls.index(f"write to the line: {last}") + 1]
        return calls
    calls = [call for call in calls if "inbox" not in call]  # the scanner's
    synced = max(at for at, call in enumerate(calls) if call.startswith("fdatasync"))
    return calls[: synced + 3]  # and the unlocking after it


def _hurry(house: House) -> None:
    """Let photos that wait to be tried again be due now."""
    path = house.state / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("UPDATE photo SET next_try = 0 WHERE state = 'retry'")


def _lane(pid: int) -> int:
    """The one lane of a daemon."""
    found: set[int] = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        found.update(map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split()))
    (lane,) = found
    return lane

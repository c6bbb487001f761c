"""SIGKILL at every system call of the commit path of a real daemon, supervisor and lane alike.

The path (see `commit_path`) is taken for each case without a kill, and every call that
touches inbox, outbox, archive, ledger, log or the line between the two processes is written down.
Each is a point: a daemon gets a photo and is killed just before that call, and the next start
finds what is left.  Besides the three cases there are photos that are archived, archived to
another file system, and deleted.

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
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faults import tracing
from faults.commit_path import DISPOSED, KEPT, PATIENCE_S, Place, Point, kind
from faults.house import House, Stuck, left_temps
from faults.outputs import without_note
from faults.pictures import subject
from nobgd.picture import provenance

NAME = "kill_every_syscall"
TITLE = "SIGKILL at every system call of the commit path: first write, overwrite, full disk"
FULL, SHORT = 10_000, 2  # more than there are: all; their number is counted in the result
_AT_A_TIME, _AT_A_TIME_SHORT = 8, 2
_PORTION = 40
_TRIES = 2  # for a point to come up: how many pages the ledger writes may differ by photo
_MISSED = "did not come up again"
_GRACE_S = 3.0  # for a point to come up after the photo was said to be done


def missing() -> str | None:
    """Why it cannot run here."""
    return "mounting needs root" if os.geteuid() != 0 else tracing.missing()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    cache = root.parent / "cache"
    at_a_time = _AT_A_TIME if stop > SHORT else _AT_A_TIME_SHORT
    places = [Place(root / str(each), cache, seed) for each in range(at_a_time)]
    truth = _Truth(root / "fault-free", cache)
    try:
        with ThreadPoolExecutor(at_a_time) as pool:
            for place in places[1:]:
                pool.submit(place.house, KEPT[0])
            points = _points(places[0], seed, KEPT, twice=stop > SHORT)
            if stop > len(points):
                points += _points(places[0], seed, DISPOSED, twice=True)
            stop = len(points) if stop == FULL else min(stop, len(points))
            while start < stop:
                end = min(start + _PORTION, stop)
                known = truth.pictures(_photo(seed, number) for number in range(start, end))
                wrong, counts = _portion(pool, places, points, range(start, end), seed, known)
                if end == len(points):
                    counts["points"] = end
                yield end, wrong, counts
                start = end
    finally:
        for place in places:
            place.close()


def _points(place: Place, seed: int, cases: Iterable[str], *, twice: bool) -> list[Point]:
    """Every point of these cases, shuffled, so that the first few are of all kinds.

    ``twice``: those that two photos have, as the way of one may be longer than another's.
    """
    found = [
        point
        for case in cases
        for again in [set(place.walk(case)) if twice else None]
        for point in place.walk(case)
        if again is None or point in again
    ]
    random.Random(seed).shuffle(found)
    return found


def _photo(seed: int, number: int, attempt: int = 0) -> bytes:
    return subject((seed * 1_000_003 + number) * 10 + attempt)


def _portion(
    pool: ThreadPoolExecutor, places: list[Place], points: list[Point], numbers: range, seed: int,
    known: dict[str, bytes],
) -> tuple[list[str], Counter[str]]:  # fmt: skip
    """The kills with these numbers, every place making its share; violations, and counts."""
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    shares: list[Future[list[str]]] = [
        pool.submit(_kills, place, points, numbers[each :: len(places)], seed, known, counts)
        for each, place in enumerate(places)
    ]
    for share in shares:
        wrong += share.result()
    for number in numbers:
        counts[f"{points[number].case}, {points[number].role}"] += 1
    return wrong, counts


def _kills(
    place: Place, points: list[Point], numbers: range, seed: int, known: dict[str, bytes],
    counts: Counter[str],
) -> list[str]:  # fmt: skip
    wrong: list[str] = []
    for number in numbers:
        point = points[number]
        photos = [_photo(seed, number, attempt) for attempt in range(_TRIES)]
        try:
            told = _kill(place, point, photos, known)
        except Stuck as stuck:
            told = [str(stuck)]
            place.abandon(kind(point.case))
        if told == [_MISSED]:  # nothing was killed
            counts[_MISSED] += 1
        else:
            wrong += [f"{number} ({point}): {each}" for each in told]
    return wrong


def _kill(place: Place, point: Point, photos: list[bytes], known: dict[str, bytes]) -> list[str]:
    """One kill, the next start, and what is wrong then."""
    house, each = place.house(point.case), kind(point.case)
    place.checks[each].pictures.update(known)
    for photo in photos:
        versions = set(place.inputs[each].items())  # they are done: no more is to be said of them
        watch = place.watch(house, point.role, point)
        place.begin(house, point.case, photo)
        if _killed(place, house, point, watch):
            break
        place.free(house)
        place.await_done(house, each, place.name(point.case))
    else:
        return [_MISSED]
    assert house.process is not None
    if point.role == "supervisor":
        house.process.wait(30)
    else:
        house.stop()
        _hurry(house)
    place.free(house)
    house.start()
    place.await_done(house, each, place.name(point.case))
    wrong = place.checks[each].violations(place.inputs[each]) + _disk(house, each, place)
    for name, digest in versions | set(place.inputs[each].items()):
        said = house.versions[house.path(name), digest]
        if said != 1:
            wrong.append(f"{name} was said to be done {said} times")
    return wrong


def _killed(place: Place, house: House, point: Point, watch: tracing.Watch) -> bool:
    """Wait for the kill; False when the photo came to its end without that call."""
    end = time.monotonic() + PATIENCE_S
    over = False
    while not watch.ended():
        if not over and place.over(house, point.case, watch):
            over, end = True, time.monotonic() + _GRACE_S
        if time.monotonic() > end:
            watch.end()
            return False
        time.sleep(0.01)
    return watch.calls().count(point.call) == point.count


def _disk(house: House, each: str, place: Place) -> list[str]:
    """One output for each photo and nothing else; every original where it belongs, if any."""
    inputs, wrong = place.inputs[each], []
    left_temps(house.outbox)  # waits for those of a probe
    if set(os.listdir(house.outbox)) != {f"{Path(name).stem}_nobg.png" for name in inputs}:
        wrong.append(f"the outbox holds {sorted(os.listdir(house.outbox))} for {sorted(inputs)}")
    where = {"keep": house.inbox, "archive": house.root / "archive"}
    each = "archive" if each == "across" else each
    for name, folder in where.items():
        found = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in (folder.iterdir() if folder.exists() else ())
        }
        if found != (inputs if name == each else {}):
            wrong.append(f"{folder} holds {sorted(found)} of {sorted(inputs)}, or others")
    return wrong


def _hurry(house: House) -> None:
    """Let photos that wait to be tried again be due now."""
    path = house.state / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("UPDATE photo SET next_try = 0 WHERE state = 'retry'")


class _Truth:
    """What photos become where nothing ever goes wrong."""

    def __init__(self, root: Path, cache: Path) -> None:
        self._house = House(root, cache, workers={"count": 1})

    def pictures(self, photos: Iterable[bytes]) -> dict[str, bytes]:
        """SHA-256 of each photo → its output without the note."""
        house = self._house
        for number, data in enumerate(photos):
            (house.inbox / f"{number}.jpg").write_bytes(data)
        words = [sys.executable, "-m", "nobgd", "once", "-c", str(house.config)]
        subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=True)
        found = {}
        for path in house.outbox.iterdir():
            data = path.read_bytes()
            said = provenance.find(data[: provenance.HEAD_BYTES])
            assert said is not None
            found[said.sha256] = without_note(data)
        for path in (*house.inbox.iterdir(), *house.outbox.iterdir()):
            path.unlink()
        return found

"""Whole photos over real NFSv4.2 and real SMB mounts, of the worker, of home, or of both.

nfsd or smbd serves a disk in a guest (`faults.guest`); who mounts it, has a network namespace of
its own.  Photos are dropped by a third machine that mounts it, too; they come, are changed and
leave, and now and then the cable to the worker or to home is out for 5 or 40 s.  Each photo is
done, there or here, and some there; none is taken for changed for ever, none is set aside.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import TESTS, lacking
from faults import guest
from faults.changing import PATIENCE_S, Photos
from faults.house import Checks
from faults.machines import APART, Machines, elsewhere, sharing
from faults.nas import DISK, KINDS, Nas

NAME, TITLE = "shares_real", "whole photos over real NFS and SMB mounts (in user-mode Linux)"
FULL, SHORT = 60, 1
STRETCH = _PORTION = 5  # batches of photos in one guest
_MOUNTS = ("worker and home", "worker", "home")  # who does not mount is the server
_ARRANGED = [(kind, who) for who in _MOUNTS for kind in KINDS]
_OUT_S = {2: 5, 4: 40}  # in which batch of a portion the cable is out, and how long
_LIMIT_S = 3600.0


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking() or guest.missing()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of batches; yields (next number, violations, counts)."""
    while start < stop:
        end = min((start // _PORTION + 1) * _PORTION, stop)
        words = ["env", f"PYTHONPATH={TESTS}", sys.executable, "-m", f"faults.rows.{NAME}"]
        words += map(str, (seed, start, end))
        said = [json.loads(line) for line in guest.run(root / str(start), words, _LIMIT_S)]
        if not said:
            log = (root / str(start) / "console").read_text()
            raise RuntimeError(f"the guest has ended before its time: {log[-2000:]}")
        yield end, said[-1]["wrong"], Counter(said[-1]["counts"])
        start = end


# --- in the guest --------------------------------------------------------------------------------


def _inside(seed: int, start: int, end: int) -> None:
    kind, mounted = _ARRANGED[start // _PORTION % len(_ARRANGED)]
    place = Path("/tmp/nobgd") / str(start)
    place.mkdir(parents=True)
    nas = Nas(kind)
    with _arranged(place, nas, mounted, seed) as (machines, photos):
        try:
            wrong, counts = _portion(machines, photos, nas, mounted, range(start, end), seed)
        finally:
            print(machines.house.log.read_text())  # the guest's disk is memory, its console stays
    counts[f"batches: {kind}, mounted by {mounted}"] = end - start
    wrong = [f"before {end} ({kind}, mounted by {mounted}): {each}" for each in wrong]
    guest.say(json.dumps({"wrong": wrong, "counts": counts}))


def _portion(
    machines: Machines, photos: Photos, nas: Nas, mounted: str, numbers: range, seed: int
) -> tuple[list[str], Counter[str]]:
    house, counts = machines.house, Counter[str]()
    checks = Checks(house, APART)
    house.start()
    photos.learn()
    machines.hire()
    wrong = _meet(photos)
    for number in numbers:
        photos.begin(number)
        chance = random.Random(seed * 1_000_003 + number)
        out_s = _OUT_S.get(number % _PORTION, 0)
        with _cable_out(nas, chance.choice(mounted.split(" and ")), out_s):
            photos.stir(chance, counts)
        counts[f"cable out for {out_s} s"] += out_s > 0
        wrong += [f"lost: {each}" for each in house.await_versions(photos.now, PATIENCE_S)]
        wrong += _swept(machines, counts) + checks.violations(photos.now)
        wrong += photos.violations(counts)
        counts["photos"] += photos.count
        photos.clear()
    counts["photos done on the other machine"] = elsewhere(house)["photos"]
    if not elsewhere(house)["photos"]:
        wrong.append(f"the other machine does nothing: {house.last.get('machine.unshown')}")
    counts["photos that had to move"] = house.events["photo.moved"]
    return wrong, counts


def _swept(machines: Machines, counts: Counter[str]) -> list[str]:
    """I4: what a lane that was ended left there leaves, at the latest with the next start.

    What its client wrote when the cable was in again is too young for the sweep of that moment.
    """
    if not machines.swept():
        return []
    counts["temporary files that left with the next start"] += 1
    machines.house.stop()
    machines.house.start()
    return machines.swept()


def _meet(photos: Photos) -> list[str]:
    """Drop a few photos at a time until the other machine does one; those that are lost."""
    house, end = photos.house, time.monotonic() + PATIENCE_S
    wrong: list[str] = []
    while not wrong and not elsewhere(house)["photos"] and time.monotonic() < end:
        for _ in range(4):
            photos.add()
        wrong += [f"lost: {each}" for each in house.await_versions(photos.now, PATIENCE_S)]
    photos.clear()
    return wrong


@contextlib.contextmanager
def _cable_out(nas: Nas, whose: str, seconds: float) -> Iterator[None]:
    """Shortly after now, for so long; no longer than what is done meanwhile takes, and 0: never."""
    if not seconds:
        yield
        return

    def out() -> None:
        time.sleep(0.5)
        nas.cut(whose)
        time.sleep(seconds)
        nas.heal(whose)

    thread = threading.Thread(target=out)
    thread.start()
    yield
    thread.join()


@contextlib.contextmanager
def _arranged(place: Path, nas: Nas, mounted: str, seed: int) -> Iterator[tuple[Machines, Photos]]:
    """A home and a worker, each on the server or with a mount of its own."""
    there = place / "there"
    there.mkdir()
    owner = nas.client("owner")
    for name in ("in", "out"):
        (DISK / name).mkdir()
    for end, folder in (("worker", there), ("home", place)):
        below = nas.client(end) if end in mounted else DISK
        for name in ("in", "out"):
            (folder / name).symlink_to(below / name)
    machines = sharing(place, "desk-1", there=there, lanes=1)
    house = machines.house
    try:
        yield machines, Photos(house, seed, owner / "in", DISK / "out", ("gone_away",))
    finally:
        machines.close()


if __name__ == "__main__":
    _inside(*map(int, sys.argv[1:]))

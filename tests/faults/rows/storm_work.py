"""SIGKILL of workers, their lanes, broker, link process and supervisor while photos travel whole.

Two workers mount inbox and outbox under other paths and do photos there; models sleep.  Photos
come, are changed where they stand, and leave meanwhile.  Every few kills all is left alone until
nothing waits; then log, ledger and disk are compared: what lies in the inbox was done once, of
what lay there each version at most once, each cut-out is the one that home made of this picture
before, and no other file is left.
"""

from __future__ import annotations

import hashlib
import io
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cluster.broker import Broker, Worker, lacking
from cluster.sleepy import mounted
from faults.house import Checks, House, Stuck, temps, until
from faults.machines import Machines, drop, elsewhere, sleepy
from faults.outputs import apart, without_note
from faults.pictures import commented
from faults.rows.kill_supervisor import booked
from nobgd.picture import provenance

NAME, TITLE = "storm_work", "SIGKILL of workers, lanes, broker, link, supervisor at whole photos"
FULL, SHORT = 2_000, 3
_PORTION = 10  # kills between two drains
_VICTIMS = ("desk-1", "desk-2", "lane", "lane", "lane", "broker", "link", "supervisor")
_PICTURES = 12
_SLEEPS_S = (0.1, 0.3, 0.8)  # of models
_CALM_S, _TRICKLE_S = 20.0, 0.4
_PATIENCE_S = 240.0
_LEASE_S, _DEADLINE_S = 3, 20
_SWEPT_S = 2 * (_DEADLINE_S + 2 * _LEASE_S) + 10.0  # a temp is too young for one sweep at most


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    machines = _machines(root)
    house = machines.house
    checks = Checks(house, ["broker", "there", "home.sleep"])
    photos = Photos(house, seed)
    try:
        house.start()
        photos.learn()
        machines.hire()
        while start < stop:
            end = min(start + _PORTION, stop)
            counts = Counter({"kills": end - start})
            before, moved = Counter(elsewhere(house)), house.events["photo.moved"]
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                _sleep(machines, chance.choice(_SLEEPS_S))
                photos.begin(number)
                _calm(photos)
                photos.stir(chance, counts)
                counts["photos"] += photos.count
                time.sleep(chance.uniform(0.0, 1.2))
                victim = chance.choice(_VICTIMS)
                counts[f"{victim} killed"] += machines.kill(victim, chance)
            wrong = [f"lost: {each}" for each in house.await_versions(photos.now, _PATIENCE_S)]
            wrong += _swept(house) + checks.violations(photos.now) + booked(house, photos.now)
            wrong += photos.violations(counts)
            counts["photos done on other machines"] = elsewhere(house)["photos"] - before["photos"]
            counts["masks of other machines"] = elsewhere(house)["masks"] - before["masks"]
            counts["photos that had to move"] = house.events["photo.moved"] - moved
            photos.clear()
            yield end, [f"before {end}: {each}" for each in wrong], counts
            start = end
    finally:
        machines.close()


def _machines(root: Path) -> Machines:
    cache = root.parent / "cache"
    broker = Broker(root / "broker", "desk-1", "desk-2").start()
    cluster = {
        "join": str(broker.home), "shares": {"in": "in", "out": "out"}, "lease_s": _LEASE_S,
    }  # fmt: skip
    house = House(
        root, cache, cluster=cluster,
        workers={"count": 2, "infer": 1, "threads": 1, "deadline_s": _DEADLINE_S},
    )  # fmt: skip
    sleepy(house, _SLEEPS_S[0])
    shares = mounted(house, root / "there")
    workers = [
        Worker(broker, host, cache, sleep_s=_SLEEPS_S[0], priority=0, shares=shares)
        for host in ("desk-1", "desk-2")
    ]
    return Machines(house, broker, *workers)


def _sleep(machines: Machines, seconds: float) -> None:
    sleepy(machines.house, seconds)
    for each in machines.workers.values():
        each.sleeps(seconds)


def _calm(photos: Photos) -> None:
    """Drop photos until another machine has done one, as it does once it has shown the folders."""
    house = photos.house
    before, end = elsewhere(house)["photos"], time.monotonic() + _CALM_S
    while elsewhere(house)["photos"] == before and time.monotonic() < end:
        photos.add()
        time.sleep(_TRICKLE_S)


def _swept(house: House) -> list[str]:
    """What a kill has left is old enough for a sweep at last."""
    try:
        until(lambda: not temps(house.outbox), _SWEPT_S, "temporary files are swept")
    except Stuck as stuck:
        return [f"I4: {stuck}: {temps(house.outbox)}"]
    return []


class Photos:
    """Those in the inbox, all that lay there, and the cut-outs that home makes of the pictures."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.now: dict[str, str] = {}  # name: SHA-256
        self._versions: dict[str, dict[str, int]] = {}  # name: SHA-256: which picture
        self._seed, self._number, self.count = seed, 0, 0
        self._made: list[bytes] = []

    def learn(self) -> None:
        """Have home do each picture while there is no other machine."""
        self.begin(-1)
        for _ in range(_PICTURES):
            self.add()
        if left := self.house.await_versions(self.now, _PATIENCE_S):
            raise Stuck(f"home alone does not do {left}")
        for name in self.now:
            made = Path(self.house.outputs[self.house.path(name)]).read_bytes()
            self._made.append(without_note(made))
        self.clear()

    def begin(self, number: int) -> None:
        """Names and bytes follow from this number from now on."""
        self._number, self.count = number, 0

    def add(self, name: str = "", *, in_place: bool = False) -> None:
        """Another photo, or other bytes under a name."""
        which = self.count % _PICTURES
        name = name or f"{self._number}-{self.count}.jpg"
        number = (self._number + 2) * 1_000 + self.count
        data = commented(_picture(self._seed, which), number)
        self.count += 1
        if in_place:
            (self.house.inbox / name).write_bytes(data)
        else:
            drop(self.house.inbox, name, data)
        self.now[name] = hashlib.sha256(data).hexdigest()
        self._versions.setdefault(name, {})[self.now[name]] = which

    def stir(self, chance: random.Random, counts: Counter[str]) -> None:
        """A few more; one is changed and one leaves now and then, done or not."""
        for _ in range(chance.randint(3, 6)):
            self.add()
        time.sleep(chance.choice((0.0, 0.3, 0.6)))  # before, or after it has settled
        if chance.random() < 0.6:
            in_place = chance.random() < 0.5
            self.add(self._one(chance), in_place=in_place)
            counts["saved in place" if in_place else "saved over"] += 1
        if chance.random() < 0.3:
            name = self._one(chance)
            (self.house.inbox / name).unlink()
            del self.now[name]
            counts["left"] += 1

    def _one(self, chance: random.Random) -> str:
        """A photo, rather one of the latest."""
        return chance.choice(list(self.now)[-4:])

    def clear(self) -> None:
        """Away with photos and cut-outs."""
        for name in self.now:
            (self.house.inbox / name).unlink()
        for file in self.house.outbox.glob("*.png"):
            file.unlink()
        self.now.clear()
        self.house.forget()

    # --- what must be true ---------------------------------------------------------------------

    def violations(self, counts: Counter[str]) -> list[str]:
        """Of log and outbox."""
        house, wrong = self.house.listen(), []
        for name, versions in self._versions.items():
            for digest in versions:
                said, there = house.versions[house.path(name), digest], self.now.get(name) == digest
                if said > 1 or (there and not said):
                    wrong.append(f"{name} {digest[:8]} was said to be done {said} times")
        if house.events["photo.failed"] or house.events["photo.quarantined"]:
            wrong.append(f"attempts were burnt: {dict(house.codes)}")
        return wrong + self._outbox(counts)

    def _outbox(self, counts: Counter[str]) -> list[str]:
        house, wrong = self.house, []
        seen: Counter[tuple[str, str]] = Counter()
        for file in sorted(house.outbox.iterdir()):
            data = file.read_bytes()
            note = provenance.find(data[: provenance.HEAD_BYTES])
            which = None if note is None else self._versions.get(note.source, {}).get(note.sha256)
            if note is None or which is None:
                wrong.append(f"{file.name} is of no photo that was here: {note}")
                continue
            seen[note.source, note.sha256] += 1
            if (how := apart(self._made[which], without_note(data))) is not None:
                wrong.append(f"{file.name} differs from what home made of this picture {how}")
            now = self.now.get(note.source)
            if now not in (None, note.sha256):
                if house.versions[house.path(note.source), note.sha256]:
                    wrong.append(f"{file.name} is of what {note.source} was before, and stays")
                counts["cut-outs of what changed before it was booked"] += 1
        wrong += [f"{source}: {count} cut-outs" for (source, _), count in seen.items() if count > 1]
        return wrong


def _picture(seed: int, which: int) -> bytes:
    """A JPEG with black and white, from which each way of making a mask makes the same."""
    pixels = np.random.default_rng((seed, which)).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    pixels[:16, :16], pixels[32:, 32:] = 0, 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()

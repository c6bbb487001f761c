"""Writers of every habit × what becomes of originals × kills and faults: no finished bytes go.

A hundred writers at a time share a place (see `faults.originals.plan`): inboxes, one outbox,
archives, one daemon or two, a fault of one of these folders, kills.  When all writers have ended,
the fault is lifted and the daemons, started again if they were killed, have come to rest, the
bytes of every version that its writer finished, and did not overwrite or clear out itself, are
looked for (see `faults.originals.afterwards`).

Writers follow from the seed and their number, the place from their number divided by a hundred.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faults import refuges
from faults.house import Stuck, until
from faults.originals import afterwards
from faults.originals import place as places
from faults.originals.pictures import ENDINGS, KINDS, Masks
from faults.originals.plan import Plan
from faults.originals.stage import Stage
from faults.originals.versions import Hand, Version
from faults.originals.writers import KINDS as WRITERS
from faults.originals.writers import Desk, Steps, Until

NAME = "originals"
TITLE = "writers of all habits, sources archived or deleted, kills, faults: no original goes"
FULL, SHORT = 20_000, 16
_BATCH = 100  # schedules that share a place
_AT_A_TIME = 5
_LIMIT_S = 100.0  # for an inbox to be worked off when everybody has finished
_QUIET_S = 2.0
_MOVED_TO, _LEFT, _LANDED = 0x80, 0x40 | 0x200, 0x80 | 0x100  # inotify(7)
missing = places.missing


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Batches; yields (next number, violations, counts)."""
    cache = root.parent / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    masks = root / "masks.npz"
    Masks(masks, cache)
    truth: dict[str, bytes] = {}
    batches = []
    while start < stop:
        end = min(stop, (start // _BATCH + 1) * _BATCH)
        batches.append(range(start, end))
        start = end
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        going = [
            pool.submit(_batch, root / f"b{numbers.start}", cache, masks, seed, numbers, truth)
            for numbers in batches
        ]
        try:
            for numbers, future in zip(batches, going, strict=True):
                wrong, counts = future.result()
                yield numbers.stop, wrong, counts
        finally:
            for future in going:
                future.cancel()


def _batch(
    root: Path, cache: Path, masks: Path, seed: int, numbers: range, truth: dict[str, bytes]
) -> tuple[list[str], Counter[str]]:  # fmt: skip
    """All schedules of one place; what is wrong, and counts."""
    chance = random.Random(f"{seed}/place/{numbers.start // _BATCH}")
    plan = Plan.of(chance)
    place = places.Place(root, cache, masks, plan)
    hands: list[Hand] = []
    stage = Stage()
    try:
        for house in place.houses:
            house.start()
        signs = _Signs(place, stage)
        for number in numbers:
            hand, steps = _schedule(place, seed, number)
            hands.append(hand)
            stage.add(steps, hand)
        stage.add(_fault(place, chance))
        stage.add(_kills(place, chance, signs))
        stage.run(time.monotonic() + 150)
        _rest(place, hands)
        versions = [each for hand in hands for each in hand.versions]
        for house in place.houses:
            house.stop()
        _swept(place)
        for ground in place.grounds:
            ground.shut()
        seen = afterwards.Seen.of(place)
        found = afterwards.violations(place, versions, seen, truth)
        found += [("writer", each) for each in stage.wrong]
        counts = _counts(place, plan, hands, found, stage)
        wrong = [f"batch {numbers.start} {plan}: {kind}: {what}" for kind, what in found]
        if wrong and os.environ.get("NOBGD_FAULTS_KEEP"):
            _keep(place, Path(os.environ["NOBGD_FAULTS_KEEP"]) / root.name, wrong)
        return wrong, counts
    finally:
        for hand in hands:
            hand.forget()
        stage.ears.close()
        place.close()


def _schedule(place: places.Place, seed: int, number: int) -> tuple[Hand, Steps]:
    """The writer with this number and what it does: the same every time."""
    chance = random.Random(f"{seed}/writer/{number}")
    pair = random.Random(f"{seed}/name/{number // 2}")  # two inboxes have the same names
    inbox = number % len(place.inboxes)
    kind = KINDS[(pair.randrange(4) + (0 if len(place.inboxes) == 2 else number)) % 4]
    stem = f"{number // 2}" + pair.choice(("", "", "", "-1"))
    stem = pair.choice(("", "", "", "", "", "t")) + stem
    relpath = pair.choice(("", "", "d/")) + f"{stem}.{ENDINGS[kind]}"
    names = list(WRITERS)
    habit = chance.choices(names, [WRITERS[each][1] for each in names])[0]
    ground = place.inboxes[inbox]
    hand = Hand(number, habit, ground.base, relpath)
    if chance.random() < 0.5:
        hand.mode = chance.choice((0o600, 0o640, 0o444))
        hand.mtime_ns = chance.randrange(10**9, 17 * 10**8) * 10**9 + chance.randrange(10**9)
    desk = Desk(
        hand, chance, seed, place.cut, lambda: place.copied(inbox, relpath),
        remote=ground.how == "fuse",
    )  # fmt: skip
    return hand, WRITERS[habit][0](desk)


class _Signs:
    """What is done at a sign of the kernel's: outputs are taken away, disposals are noticed."""

    def __init__(self, place: places.Place, stage: Stage) -> None:
        self._place = place
        self.disposals = 0
        self._count = 0
        self._outboxes = [str(place.outbox.base), str(place.outbox.base / "d")]
        self._archives = []
        os.makedirs(self._outboxes[1], exist_ok=True)
        for each in (*place.inboxes, *place.archives):
            os.makedirs(each.base / "d", exist_ok=True)
        self._archives = [
            str(folder) for each in place.archives for folder in (each.base, each.base / "d")
        ]
        for folder in (*self._outboxes, *self._archives):
            stage.ears.watch(folder)
        for each in place.inboxes:
            stage.ears.watch(str(each.base))
            stage.ears.watch(str(each.base / "d"))
        stage.on_sign = self.sign

    def sign(self, path: str, mask: int) -> None:
        """Something happened to a name."""
        folder, name = os.path.split(path)
        if folder in self._outboxes:
            if mask & _MOVED_TO and name.startswith("t"):
                self._count += 1
                with contextlib.suppress(OSError):
                    os.rename(path, self._place.taken / f"{self._count}-{name}")
        elif mask & (_LANDED if folder in self._archives else _LEFT) and not name.endswith(".part"):
            self.disposals += 1


def _fault(place: places.Place, chance: random.Random) -> Steps:
    """The fault of the plan, for a while."""
    early = 3.0 if (place.plan.fault, place.plan.where) == ("full", "inbox") else 0.5
    yield chance.choice((chance.uniform(early, 5), chance.uniform(8, 16)))
    if place.fault(chance):
        yield chance.uniform(1, 7)
        place.lift()


def _kills(place: places.Place, chance: random.Random, signs: _Signs) -> Steps:
    """The kills of the plan, and new starts."""
    for who in place.plan.kill:
        yield chance.choice((chance.uniform(0.3, 3), chance.uniform(7, 15)))
        if place.plan.at_a_sign:
            before = signs.disposals
            yield Until(lambda before=before: signs.disposals > before, 20.0)  # type: ignore[misc]  # no default has a type
            yield chance.choice((0.0, chance.uniform(0, 0.002), chance.uniform(0, 0.02)))
        house = place.kill(who, chance)
        if house is not None:
            yield chance.choice((0.0, 0.5, 2.0))
            if place.plan.forget:
                place.forget(house)
                # nobody tells a bare mount point from a folder without having seen the share
                yield Until(lambda: not place.away, 20.0)
            house.spawn()


def _rest(place: places.Place, hands: list[Hand]) -> None:
    """Wait until the inboxes are worked off, or do not change any more."""
    end = time.monotonic() + _LIMIT_S
    versions: list[Version] = [each for hand in hands for each in hand.versions]
    while time.monotonic() < end:
        place.revive()
        if not afterwards.standing(place, versions) and not afterwards.unheard(place, versions):
            break
        time.sleep(0.3)
    place.revive()
    time.sleep(_QUIET_S)


def _swept(place: places.Place) -> None:
    """What a killed lane left may stay until the next start, and no longer."""
    folders = [*(each.base for each in place.grounds), *(each.root for each in place.houses)]
    if not refuges.hidden(folders):
        return
    for house in place.houses:
        house.start()
    with contextlib.suppress(Stuck):
        until(lambda: not refuges.hidden(folders), 20, "what a kill left is cleared")
    for house in place.houses:
        house.stop()


def _counts(
    place: places.Place, plan: Plan, hands: list[Hand],
    found: list[afterwards.Finding], stage: Stage,
) -> Counter[str]:  # fmt: skip
    counts: Counter[str] = Counter()
    for hand in hands:
        counts[f"writer: {hand.kind}"] += 1
        counts["versions finished"] += len(hand.versions)
    counts[f"crowd: {plan.crowd}"] += len(hands)
    counts[f"source: {plan.source}"] += len(hands)
    fault = plan.fault if plan.fault in ("none", "no times") else f"{plan.fault}, {plan.where}"
    counts[f"fault: {fault}"] += len(hands)
    counts[f"kill: {' and '.join(plan.kill) or 'none'}"] += len(hands)
    counts["kills"] += place.kills
    counts["ledgers deleted"] += place.forgets
    counts["writers that met the fault"] += stage.met
    for house in place.houses:
        house.listen()
        for what, count in house.codes.items():
            if what.startswith("source.kept"):
                counts[what] += count
        counts["inferred in a lane"] += house.errors.read_bytes().count(b"inferred: ")
    for kind, _ in found:
        counts[f"violation: {kind}"] += 1
    return counts


def _keep(place: places.Place, to: Path, wrong: list[str]) -> None:
    """Logs and listings of a batch that went wrong."""
    to.mkdir(parents=True, exist_ok=True)
    (to / "wrong").write_text("\n".join(wrong) + "\n")
    for number, house in enumerate(place.houses):
        (to / f"log-{number}.jsonl").write_bytes(house.log.read_bytes())
        (to / f"stderr-{number}").write_bytes(house.errors.read_bytes())
        for path in house.state.glob("ledger.sqlite3*"):
            (to / f"{number}-{path.name}").write_bytes(path.read_bytes())
    listing = [path for each in place.grounds for path in map(str, sorted(each.base.rglob("*")))]
    (to / "files").write_text("\n".join(listing) + "\n")

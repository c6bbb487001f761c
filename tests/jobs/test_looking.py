"""What was only touched is looked at: one at a time, when nothing else waits, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd import config
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.events import Configured, ErrandEnded
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now
from nobgd.jobs.policy import RUN
from nobgd.values import Code, Done, Photo, Recipe
from nobgd.values.errands import Digest
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed

SHA = 7
RECIPE = Recipe("u2netp", "0" * 64, "fp32")
EARLY, LATE = Now(0.0, 0.0, 0), Now(1e9, 1e9, 0)


class House:
    """A service without lanes: what errands it sends is kept, to be answered."""

    def __init__(self, root: Path) -> None:
        (root / "in").mkdir()
        rules = config.parse(
            "{state_dir: s, cache_dir: c, inboxes: [{path: in, outbox: out}]}", "f", root
        )
        self.inbox, self.out = str(root / "in"), str(root / "out")
        self.machine = Machine(rules, Ledger(str(root / "ledger"), time.time), RUN)
        self.state, self.looking = self.machine.state, self.machine.rooms.looking
        self.machine.handle(Configured(rules, {self.inbox: RECIPE}, 2), EARLY)
        for box in self.state.outboxes.values():
            box.found(Mount(7, -1, "", "unknown", ""))

    def photo(self, name: str, inode: int = 1, ctime_ns: int = 2) -> Photo:
        return Photo(self.inbox, name, 10, 20, 9.0, inode, ctime_ns)

    def done(self, name: str) -> Photo:
        """A photo that was cut out."""
        photo = self.photo(name)
        self.state.ledger.begin(
            self.inbox, name, 10, 20, self.out, name, inode=photo.inode, ctime_ns=photo.ctime_ns
        )
        done = Done(self.inbox, name, f"{self.out}/{name}", f"{SHA:064x}", "r", 1, 1, 10, 1)
        self.state.ledger.done(done, self.out, None)
        return photo

    def touched(self, photo: Photo) -> bool:
        row = self.state.ledger.get(self.inbox, photo.relpath)
        assert row is not None
        return self.looking.touched(row, photo)

    def look(self, photo: Photo, found: int | None, code: Code | None = None) -> None:
        """Have it looked at and answer what a lane would."""
        self.looking.add(photo)
        (errand,) = self.asked(LATE)
        self.answer(errand, found, code)

    def asked(self, now: Now) -> list[Digest]:
        """What lanes are to hash by now."""
        effects = self.machine.tick(now)
        errands = [each.errand for each in effects if isinstance(each, RunErrand)]
        return [each for each in errands if isinstance(each, Digest)]

    def answer(self, errand: Digest, found: int | None, code: Code | None = None) -> None:
        error = ErrandFailed(code, "it cannot be read") if code else None
        self.machine.handle(ErrandEnded(errand, found, error), EARLY)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.state.ledger.close()


def test_the_same_bytes_are_remembered_as_they_look_now(house: House) -> None:
    """Then nothing has been done to them any more."""
    touched = replace(house.done("a.jpg"), ctime_ns=3)
    assert house.touched(touched)
    house.look(touched, SHA)
    house.machine.tick(LATE)
    assert not house.touched(touched)
    assert len(house.state.backlog) == 0


def test_other_bytes_are_a_new_photo(house: House) -> None:
    """It waits for a lane."""
    house.look(replace(house.done("a.jpg"), inode=3), SHA + 1)
    assert house.state.backlog.find(house.inbox, "a.jpg") is not None


def test_what_the_kernel_said_was_written_is_looked_at(house: House) -> None:
    """Where a file system has no ctime, that is all there is."""
    assert house.touched(replace(house.done("a.jpg"), heard=True))


def test_inodes_that_change_by_themselves_are_believed_sixteen_times(house: House) -> None:
    """FUSE and CIFS number anew with every mount: that is no reason to read a share again."""
    photos = [house.done(f"{number}.jpg") for number in range(30)]
    looked = 0
    for photo in photos:
        renumbered = replace(photo, inode=99)
        if house.touched(renumbered):
            looked += 1
            house.look(renumbered, SHA)
    assert looked == 16
    assert house.touched(replace(photos[-1], inode=99, ctime_ns=3))  # the ctime still counts


def test_one_at_a_time_and_a_pause_after_one_that_cannot_be_read(house: House) -> None:
    """It stays in line."""
    first, second = house.done("a.jpg"), house.done("b.jpg")
    for photo in (first, second):
        house.looking.add(replace(photo, ctime_ns=3))
    (errand,) = house.asked(EARLY)
    assert not house.asked(EARLY)
    house.answer(errand, None, Code.IO_ERROR)
    assert len(house.looking) == 2
    assert not house.asked(EARLY)
    assert [each.relpath for each in house.asked(LATE)] == ["b.jpg"]


def test_what_left_or_is_closed_is_not_looked_at(house: House) -> None:
    """Nor what has left its inbox."""
    house.looking.add(replace(house.done("a.jpg"), ctime_ns=3))
    house.state.lost[house.inbox] = "it was unmounted"
    assert not house.asked(LATE)
    house.state.lost.clear()
    house.looking.drop(house.inbox, ["a.jpg"])
    assert not house.asked(LATE)


def test_an_original_that_was_only_touched_may_still_go(house: House) -> None:
    """What a kill left in the hidden folder, and was put back, is archived or deleted after all."""
    photo = replace(house.done("a"), ctime_ns=9)
    rules = house.state.config.inboxes[0].model_copy(update={"source": "delete"})
    house.state.config = house.state.config.model_copy(update={"inboxes": (rules,)})
    house.look(photo, SHA)
    assert house.machine.rooms.disposals.waits_s(house.inbox, "a", 0.0) is not None
    house.look(replace(house.done("b"), ctime_ns=9), SHA + 1)
    assert house.machine.rooms.disposals.waits_s(house.inbox, "b", 0.0) is None

"""What was only touched is looked at: one at a time, when nothing else waits, and not for ever."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.jobs.ledger import Ledger
from nobgd.record.log import Log
from nobgd.supervisor.service import Service
from nobgd.values import Code, Done, Photo
from nobgd.values.errands import Digest
from nobgd.values.wire import ErrandFailed

SHA = 7


class House:
    """A service without lanes: what errands it sends is kept, to be answered."""

    def __init__(self, root: Path) -> None:
        (root / "in").mkdir()
        rules = config.parse(
            "{state_dir: s, cache_dir: c, inboxes: [{path: in, outbox: out}]}", "f", root
        )
        self.inbox, self.out = str(root / "in"), str(root / "out")
        self.log = Log(file=str(root / "log"), stdout=io.StringIO())
        self.service = Service(rules, Ledger(str(root / "ledger")), self.log)
        self.asked: list[tuple[Any, Any]] = []
        self.service.errand = lambda *what: self.asked.append(what)  # type: ignore[method-assign]
        self.looking = self.service.looking

    def photo(self, name: str, inode: int = 1, ctime_ns: int = 2) -> Photo:
        return Photo(self.inbox, name, 10, 20, 9.0, inode, ctime_ns)

    def done(self, name: str) -> Photo:
        """A photo that was cut out."""
        photo = self.photo(name)
        self.service.ledger.begin(
            self.inbox, name, 10, 20, self.out, name, inode=photo.inode, ctime_ns=photo.ctime_ns
        )
        done = Done(self.inbox, name, f"{self.out}/{name}", f"{SHA:064x}", "r", 1, 1, 10, 1)
        self.service.ledger.done(done, self.out, None)
        return photo

    def touched(self, photo: Photo) -> bool:
        row = self.service.ledger.get(self.inbox, photo.relpath)
        assert row is not None
        return self.looking.touched(row, photo)

    def look(self, photo: Photo, found: int | None, code: Code | None = None) -> None:
        """Have it looked at and answer what a lane would."""
        self.looking.add(photo)
        self.looking.start(1e9, lambda _: True)
        errand, then = self.asked.pop()
        assert isinstance(errand, Digest)
        then(found, ErrandFailed(code, "it cannot be read") if code else None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.service.end()
    made.log.close()


def test_the_same_bytes_are_remembered_as_they_look_now(house: House) -> None:
    """Then nothing has been done to them any more."""
    touched = replace(house.done("a.jpg"), ctime_ns=3)
    assert house.touched(touched)
    house.look(touched, SHA)
    house.looking.write(1e9)
    assert not house.touched(touched)
    assert len(house.service.backlog) == 0


def test_other_bytes_are_a_new_photo(house: House) -> None:
    """It waits for a lane."""
    house.look(replace(house.done("a.jpg"), inode=3), SHA + 1)
    assert house.service.backlog.find(house.inbox, "a.jpg") is not None


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
    house.looking.start(0.0, lambda _: True)
    house.looking.start(0.0, lambda _: True)
    assert len(house.asked) == 1
    house.asked.pop()[1](None, ErrandFailed(Code.IO_ERROR, "bad sector"))
    assert len(house.looking) == 2
    house.looking.start(0.0, lambda _: True)
    assert not house.asked
    house.looking.start(1e9, lambda _: True)
    assert house.asked[0][0].relpath == "b.jpg"


def test_what_left_or_is_closed_is_not_looked_at(house: House) -> None:
    """Nor what has left its inbox."""
    house.looking.add(replace(house.done("a.jpg"), ctime_ns=3))
    house.looking.start(1e9, lambda _: False)
    assert not house.asked
    house.looking.drop(house.inbox, ["a.jpg"])
    house.looking.start(1e9, lambda _: True)
    assert not house.asked


def test_an_original_that_was_only_touched_may_still_go(house: House) -> None:
    """What a kill left in the hidden folder, and was put back, is archived or deleted after all."""
    photo = replace(house.done("a"), ctime_ns=9)
    rules = house.service.config.inboxes[0].model_copy(update={"source": "delete"})
    house.service.config = house.service.config.model_copy(update={"inboxes": (rules,)})
    house.look(photo, SHA)
    assert house.service.disposals.waits_s(house.inbox, "a", 0.0) is not None
    house.look(replace(house.done("b"), ctime_ns=9), SHA + 1)
    assert house.service.disposals.waits_s(house.inbox, "b", 0.0) is None

"""Files that are not named like a photo: looked at once, one at a time, and told what to do."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from nobgd import config
from nobgd.jobs.effects import RunErrand
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.policy import RUN
from nobgd.jobs.state import State
from nobgd.jobs.unnamed import Unnamed
from nobgd.values import Code, Photo
from nobgd.values.errands import Peek
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed

MOUNT = Mount(7, 30, "/in", "ext4", "/dev/sda1")
TEXT = "{state_dir: s, cache_dir: c, inboxes: [{path: /in, outbox: /out}]}"
RULES = config.parse(TEXT, "f", Path("/"))


class House:
    """A machine and what it asks for; nothing is done."""

    def __init__(self) -> None:
        self.ledger = Ledger(":memory:", time.time)
        self.state = State(RULES, self.ledger, RUN)
        self.state.mounts["/in"] = MOUNT
        self.unnamed = Unnamed(self.state)
        self.asked: list[Peek] = []

    def add(self, *names: str, inbox: str = "/in") -> None:
        for name in names:
            self.unnamed.add(_photo(name, inbox), self.ledger.get(inbox, name))
        self.look()

    def look(self) -> None:
        for effect in self.state.asked():
            if isinstance(effect, RunErrand):
                assert isinstance(effect.errand, Peek)
                self.asked.append(effect.errand)

    def answer(self, at: int, number: int | None, error: ErrandFailed | None = None) -> None:
        self.unnamed.ended(self.asked[at], number, error)
        self.look()

    def said(self) -> dict[str, str]:
        """What the ledger has of each file that was skipped."""
        rows = [self.ledger.get("/in", each.relpath) for each in self.asked]
        return {row.relpath: row.reason or "" for row in rows if row is not None}


def _photo(relpath: str, inbox: str = "/in") -> Photo:
    return Photo(inbox, relpath, 10, 20, 3.0)


def test_one_is_looked_at_at_a_time_and_each_is_told() -> None:
    """The next is begun when the one before has been answered; a place that fails costs nothing."""
    house = House()
    house.add("a", "b.mpo", "c.txt", "d.psd", "gone", "locked")
    answers: list[tuple[int | None, ErrandFailed | None]] = [
        (0, None), (0, None), (-1, None), (0, None), (None, ErrandFailed(Code.VANISHED, "left")),
        (None, ErrandFailed(Code.FORBIDDEN, "no")),
    ]  # fmt: skip
    for at, (number, error) in enumerate(answers):
        assert len(house.asked) == at + 1
        assert house.asked[at].mount == MOUNT
        house.answer(at, number, error)
    said = house.said()
    assert sorted(said) == ["a", "b.mpo", "c.txt", "d.psd", "locked"]
    assert said["a"] == "a is a JPEG by its content; call it .jpg and it is done"
    assert "b.mpo is a JPEG by its content; call it .jpg" in said["b.mpo"]
    assert "d.psd is a JPEG by its content; call it .jpg" in said["d.psd"]
    assert "not named like a photo" in said["c.txt"]
    assert "not named like a photo" in said["locked"]


def test_what_was_said_already_is_not_looked_at_again() -> None:
    """Not after a restart either, unless the file has changed."""
    house = House()
    house.add("a")
    house.answer(0, -1)
    house.add("a")
    assert len(house.asked) == 1
    house.unnamed.add(replace(_photo("a"), size=11), house.ledger.get("/in", "a"))
    house.look()
    assert len(house.asked) == 2


def test_what_has_left_is_dropped() -> None:
    """Of files that wait, and of an inbox that is configured no more."""
    house = House()
    house.add("a", "b")
    house.add("c", inbox="/other")
    house.unnamed.drop("/in", ("b",))
    house.answer(0, -1)
    house.answer(1, -1)
    assert [*house.said()] == ["a"]
    assert house.ledger.get("/other", "c") is None

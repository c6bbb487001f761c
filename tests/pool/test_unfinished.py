"""What becomes of a photo beside which memory ran out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd.pool.lane import Lane
from nobgd.pool.memory import Budget
from nobgd.pool.mishaps import OutOfMemory
from nobgd.pool.places import Places
from nobgd.pool.requests import Item, Requests
from nobgd.pool.unfinished import Unfinished
from nobgd.values import Code, Failed, Job, Recipe, wire
from nobgd.values.errands import Prepare
from nobgd.values.wire import Unbegun


class Desk:
    """One lane, one photo, and who judges."""

    def __init__(self, root: Path) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        places = Places(20, lambda *_: None)
        self.requests = Requests(places, lambda: ())
        self._judge = Unfinished(1, places, self.requests, lambda *each: self.told.append(each))
        setup = wire.Setup(0, 1, str(root), (), confine=False)
        self.lane = Lane(setup, 20, Budget(100), lambda *_: None, lambda: 1)
        self.job = Job(
            str(root), "a.jpg", 1, 1, str(root), ("a_nobg.png",), frozenset(), frozenset(), "k",
            Recipe("u2netp", "0", "fp32"),
        )  # fmt: skip

    def runs_out(self, megapixels: float, *, several: bool = False) -> Any:
        """What the photo is answered."""
        future = self.requests.add(self.job)
        item = self._next()
        assert item is not None
        self.lane.take(self.job)
        self.lane.megapixels = megapixels
        self._judge.ran_out(self.lane, item, OutOfMemory("infer"), 0.0, several=several)
        return future.result(1).answer

    def is_done(self, megapixels: float) -> None:
        self.lane.megapixels = megapixels
        self._judge.worked(self.lane, replace(self.job, relpath="b.jpg"))

    def _next(self) -> Item | None:
        return self.requests.next([])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_where_memory_is_too_little_for_anybody_no_photo_is_failed(desk: Desk) -> None:
    """It waits, the log says so once, and photos stay where they are; errands do not."""
    assert isinstance(desk.runs_out(12.0), Unbegun)
    [(event, fields)] = desk.told
    assert event == "lane.unfit"
    assert "photos wait" in fields["why"]
    assert desk.requests.room.lacks
    desk.requests.add(desk.job)
    assert desk.requests.next([]) is None
    assert not desk.requests.any_may_go()
    desk.requests.add(Prepare(desk.job.inbox))
    found = desk.requests.next([])
    assert found is not None
    assert isinstance(found.request, Prepare)


def test_a_photo_that_takes_more_than_others_like_it_is_failed(desk: Desk) -> None:
    """By its size, or as others are done and it never is."""
    large = desk.runs_out(100.0)
    assert isinstance(large, Failed)
    assert large.code is Code.OUT_OF_MEMORY
    answers = []
    for _ in range(10):
        desk.is_done(12.2)
        answers.append(desk.runs_out(12.0))
    assert all(isinstance(each, Unbegun) for each in answers[:9])
    assert isinstance(answers[9], Failed)
    desk.is_done(12.2)
    assert not desk.requests.room.lacks


def test_beside_other_lanes_it_is_nobodys_fault(desk: Desk) -> None:
    """A photo of any size is asked again, at once, by fewer lanes."""
    assert isinstance(desk.runs_out(100.0, several=True), Unbegun)
    desk.requests.add(desk.job)
    assert desk.requests.next([]) is not None

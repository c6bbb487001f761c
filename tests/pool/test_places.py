"""Folders that answer, do not, or say that they do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nobgd.pool.places import Places, ask


class Share:
    """A folder that answers when it is told to, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers, self.asked, self.back = threading.Event(), 0, threading.Event()
        self.told: list[tuple[str, bool]] = []
        self.places = Places(40.0, self.tell, self.look, lambda: self.now)

    def look(self, _: str) -> None:
        self.asked += 1
        self.answers.wait(60)

    def tell(self, folder: str, answers: bool) -> None:
        self.told.append((folder, answers))
        if answers:
            self.back.set()


@pytest.fixture
def share() -> Share:
    return Share()


def test_a_folder_without_an_answer_is_silent_until_it_has_one(share: Share) -> None:
    """It is asked once, told once, and comes back by itself, on trial."""
    share.places.inquire(["/a", "/a"])
    assert share.places.silent(["/a"]) is None
    share.now = 1.5
    assert (share.places.silent(["/b", "/a"]), share.places.hung(["/a"])) == ("/a", "/a")
    share.places.inquire(["/a"])
    share.answers.set()
    assert share.back.wait(20)
    assert share.places.silent(["/a"]) is None
    assert (share.asked, share.told) == (1, [("/a", False), ("/a", True)])
    assert share.places.on_trial(["/a", "/b"]) == {"/a"}
    share.places.worked(["/a"])
    assert share.places.on_trial(["/a"]) == set()


def test_one_that_answers_and_does_not_serve_rests_ever_longer(share: Share) -> None:
    """The first time costs nothing, as one slow photo is no sick share."""
    share.answers.set()
    rests = []
    for _ in range(4):
        share.now += 10.0
        share.places.failed(["/a"])
        began = share.now
        while share.places.silent(["/a"]) is not None:
            share.now += 10.0
        rests.append(share.now - began)
    assert rests == [0.0, 40.0, 80.0, 160.0]


def test_many_failures_at_once_have_one_cause(share: Share) -> None:
    """Twenty requests that meet one remount do not make their folder rest for minutes."""
    share.answers.set()
    for _ in range(20):
        share.places.failed(["/a"])
    assert share.places.silent(["/a"]) is None


def test_patience_doubles_up_to_the_deadline(share: Share) -> None:
    """So a share that is only slow is served in the end."""
    share.answers.set()
    seen = []
    for _ in range(7):
        seen.append(share.places.patience_s(["/a"]))
        share.now += 10.0
        share.places.failed(["/a"])
    assert seen == [2.0, 4.0, 8.0, 16.0, 32.0, 40.0, 40.0]
    share.places.worked(["/a"])
    assert share.places.patience_s(["/b"]) == 2.0


def test_asking_survives_what_a_folder_may_be(tmp_path: Path) -> None:
    """One that is missing, or no folder, has answered."""
    (tmp_path / "file").touch()
    for each in (tmp_path, tmp_path / "none", tmp_path / "file"):
        ask(str(each))

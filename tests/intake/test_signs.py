"""The files `_PAUSE` and `_RETRY`: seen by the scanner, at the top of the inbox only."""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import Message, Settled, Signs
from nobgd.intake.scanner import Scanner


class Watched:
    """A scanner without a thread, and what it told."""

    def __init__(self, root: Path) -> None:
        self.now = 100.0
        self.told: list[Message] = []
        self.scanner = Scanner(
            str(root), recursive=True, ignore=Ignore(), mode="poll", settle_s=1.0, rescan_s=5.0,
            poll_s=5.0, post=lambda each: self.told.append(each), clock=lambda: self.now,
        )  # fmt: skip

    def look(self) -> list[tuple[str, ...]]:
        """The signs told since the last look."""
        self.now += 10.0
        self.scanner.step()
        signs = [each.names for each in self.told if isinstance(each, Signs)]
        self.told = [each for each in self.told if not isinstance(each, Signs)]
        return signs


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_they_are_told_when_they_change_only(watched: Watched, tmp_path: Path) -> None:
    """Once when they come, once when they go; they are no photos."""
    assert watched.look() == []
    (tmp_path / "_PAUSE").touch()
    assert watched.look() == [("_PAUSE",)]
    assert watched.look() == []
    (tmp_path / "_RETRY").touch()
    assert watched.look() == [("_PAUSE", "_RETRY")]
    (tmp_path / "_PAUSE").unlink()
    assert watched.look() == [("_RETRY",)]
    (tmp_path / "_RETRY").unlink()
    assert watched.look() == [()]
    assert not [each for each in watched.told if isinstance(each, Settled)]


def test_case_does_not_matter(watched: Watched, tmp_path: Path) -> None:
    """The name is told as it is written, so that it can be removed."""
    (tmp_path / "_pause").touch()
    assert watched.look() == [("_pause",)]


def test_what_is_no_plain_file_or_lies_deeper_is_none(watched: Watched, tmp_path: Path) -> None:
    """A link, a folder, a file in a sub-folder: nothing is paused by them."""
    (tmp_path / "_PAUSE").symlink_to("/etc/passwd")
    (tmp_path / "_RETRY").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/_PAUSE").touch()
    assert watched.look() == []


def test_they_are_told_before_the_photos_beside_them(watched: Watched, tmp_path: Path) -> None:
    """So a start into a paused inbox begins nothing."""
    (tmp_path / "a.jpg").write_text("photo")
    (tmp_path / "_PAUSE").touch()
    watched.now += 10.0
    watched.scanner.step()
    watched.now += 10.0
    watched.scanner.step()
    kinds = [type(each) for each in watched.told if isinstance(each, Signs | Settled)]
    assert kinds == [Signs, Settled]

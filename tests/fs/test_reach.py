"""Questions to folders, some of which have no answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from nobgd.fs import grants, reach


def test_those_that_answer_are_not_held_up_by_those_that_do_not() -> None:
    """Forty of fifty answers; the others are silent afterwards, and their answers come late."""
    dead = threading.Event()
    late: list[str] = []

    def question(path: str) -> str:
        if int(path) % 5 == 0:
            dead.wait(60)
        return path * 2

    paths = [f"{number}" for number in range(50)]
    found = reach.each(paths, question, 2.0, late.append)
    assert found == {path: path * 2 for path in paths if int(path) % 5}
    assert [path for path in paths if reach.silent(path)] == paths[::5]
    began = time.monotonic()
    assert reach.each(paths, question, 30.0, late.append) == found
    assert time.monotonic() - began < 20.0  # the silent ones are not waited for again
    dead.set()
    while len(late) < 10:
        dead.wait(0.01)
        time.sleep(0)
    assert not any(reach.silent(path) for path in paths) or len(late) == 10


def test_links_are_resolved(tmp_path: Path) -> None:
    """A path that is not there is its own."""
    (tmp_path / "link").symlink_to(tmp_path)
    link, none = str(tmp_path / "link"), str(tmp_path / "none")
    assert reach.real([link, none], 5.0) == {link: str(tmp_path), none: none}


def test_descriptors_are_taken_of_what_is_there(tmp_path: Path) -> None:
    """And given back."""
    taken = grants.take([str(tmp_path), str(tmp_path / "none")])
    assert list(taken) == [str(tmp_path)]
    grants.give_back(taken)

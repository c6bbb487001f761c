"""The probe does what nobgd does to a folder, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from doctor.conftest import Mount
from nobgd.doctor import ask, probe
from nobgd.doctor.ask import Probe, Who


def test_a_good_folder_is_written_and_left_as_it_was(home: Path) -> None:
    """Clock, case and accents are known afterwards."""
    found = probe.look(str(home / "out"), write=True, count=False)
    assert abs(found["clock_s"]) < 5
    assert found["caseless"] is False
    assert "decomposes" not in found
    assert os.listdir(home / "out") == []


def test_folders_are_counted(home: Path) -> None:
    """The inbox itself included."""
    (home / "in/a/b").mkdir(parents=True)
    assert probe.look(str(home / "in"), write=False, count=True)["folders"] == 3


def test_a_file_is_no_folder(home: Path) -> None:
    """And a missing one is missing."""
    (home / "file").write_text("")
    assert probe.look(str(home / "file"), write=False, count=False)["error"] == "is not a folder"
    missing = probe.look(str(home / "none"), write=False, count=False)
    assert missing == {"error": "is missing", "missing": True, "may_make_in": str(home)}
    deep = probe.look(str(home / "none/a/b"), write=False, count=False)
    assert deep["may_make_in"] == str(home)
    within = probe.look(str(home / "file/a"), write=False, count=False)
    assert "may_make_in" not in within


def test_a_full_folder_is_an_error_that_names_the_reason(home: Path, mount: Mount) -> None:
    """And nothing is left of the attempt."""
    folder = mount(home / "out", "size=4k,mode=1777")
    (folder / "big").write_bytes(b"x" * 4096)
    found = probe.look(str(folder), write=True, count=False)
    assert "full" in found["error"] or "space" in found["error"]
    assert os.listdir(folder) == ["big"]


def test_a_read_only_folder_is_an_error_only_where_it_is_written(home: Path, mount: Mount) -> None:
    """An inbox may be read-only."""
    folder = str(mount(home / "in", "size=1m,ro"))
    assert "error" not in probe.look(folder, write=False, count=True)
    assert "read-only" in probe.look(folder, write=True, count=False)["error"].lower()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_it_looks_with_the_eyes_of_the_service_user() -> None:
    """A folder of root's is forbidden to another user, although root asks."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        other = Who("nobody", "nogroup", 65534, 65534)
        found = ask.ask(Probe("inbox", str(folder)), other)
        unable = "could not be examined" in found["error"]  # Python lies in a home of root's
        assert unable or found.get("forbidden") is True
    finally:
        folder.rmdir()


def test_the_service_user_is_ourselves_where_there_is_none() -> None:
    """Without the user nobgd, or without the right to become it."""
    who = ask.service_user()
    known = subprocess.run(["getent", "passwd", "nobgd"], capture_output=True, check=False)
    if known.returncode or os.geteuid() != 0:
        assert who.uid is None
        assert who.name
    else:
        assert who.name == "nobgd"

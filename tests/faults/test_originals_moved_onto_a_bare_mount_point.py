"""An archive whose share was unmounted took originals all the same: onto the disk below it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import subject


def test_they_wait_in_the_inbox_until_it_is_back(tmp_path: Path) -> None:
    """Photos are cut out meanwhile; nothing is written to what lies below the mount."""
    settings = {"source": "archive", "archive": "archive"}
    house = House(tmp_path / "house", tmp_path / "cache", inbox=settings)
    archive = house.root / "archive"
    archive.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "nobgd-test", str(archive)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(archive)], capture_output=True)
        stack.enter_context(house)
        (house.inbox / "a.jpg").write_bytes(subject(1))
        until(lambda: (archive / "a.jpg").exists(), 60, "the first is archived")
        subprocess.run(["umount", "-l", str(archive)], check=True)
        (house.inbox / "b.jpg").write_bytes(subject(2))
        until(
            lambda: house.listen().events["archive.lost"] or os.listdir(archive), 60,
            "it is seen to be gone",
        )  # fmt: skip
        assert os.listdir(archive) == []
        assert (house.outbox / "b_nobg.png").exists()
        assert (house.inbox / "b.jpg").exists()
        assert os.listdir(archive) == []
        subprocess.run(words, check=True)
        until(lambda: (archive / "b.jpg").exists(), 90, "the second is archived")
        assert house.listen().events["archive.back"] == 1
        assert house.events["source.kept"] == 0
    assert os.listdir(house.inbox) in ([], [".nobgd-going"])

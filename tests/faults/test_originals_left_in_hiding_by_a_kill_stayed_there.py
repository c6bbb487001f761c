"""What a kill left in the hidden folder stayed there once `source: keep` was set: lanes only read.

It was tried again for ever, and nothing was said.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import subject
from nobgd.fs.names import GOING, GOING_FILE


def left(house: House) -> None:
    """Two originals as a kill leaves them: in the folder, and on a full disk beside it."""
    (house.inbox / "sub" / GOING).mkdir(parents=True)
    (house.inbox / "sub" / GOING / "a.jpg").write_bytes(subject(1))
    (house.inbox / "sub" / f"{GOING_FILE}b.jpg").write_bytes(subject(2))


@pytest.mark.parametrize("source", ["keep", "delete"])
def test_they_have_their_names_again(tmp_path: Path, source: str) -> None:
    """And are cut out, as any photo."""
    house = House(tmp_path / "house", tmp_path / "cache", inbox={"source": source})
    left(house)
    with house:
        assert house.await_ends(["sub/a.jpg", "sub/b.jpg"], 90) == []
        until(
            lambda: sorted(os.listdir(house.inbox / "sub"))
            == (["a.jpg", "b.jpg"] if source == "keep" else []), 90, "nothing is hidden",
        )  # fmt: skip
    assert house.listen().events["source.kept"] == 0


def test_what_cannot_be_put_back_is_said_once(tmp_path: Path) -> None:
    """Where the inbox can only be read: with the way out."""
    house = House(tmp_path / "house", tmp_path / "cache")
    left(house)
    words = ["mount", "--bind", "-o", "ro", str(house.inbox), str(house.inbox)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(house.inbox)], check=True)
    try:
        with house:
            until(lambda: house.listen().codes["source.kept read_only"], 60, "it is said")
            said = house.last["source.kept"]
            assert said["source"] == house.path(f"sub/{GOING}")
            assert "move them out" in said["reason"]
            house.stop()
        lines = [json.loads(line) for line in house.log.read_text().splitlines()]
        assert sum(line["event"] == "source.kept" for line in lines) == 1
    finally:
        subprocess.run(["umount", "-l", str(house.inbox)], check=True)

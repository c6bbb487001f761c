"""An outbox that was a bound folder of the same disk was unmounted: cut-outs went below it.

The bare mount point had the same st_dev, which was all that was compared.  The originals were
deleted, and once the folder was bound again their cut-outs were out of sight.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import subject


def whole(folder: Path) -> list[str]:
    """What is in it but for a probe's and a copy's temporary files."""
    return [name for name in os.listdir(folder) if not name.startswith(".nobgd-")]


@pytest.mark.parametrize("which", ["outbox", "archive"])
def test_photos_wait_until_it_is_bound_again(tmp_path: Path, which: str) -> None:
    """Nothing is written below it, no original leaves, and then all is done."""
    settings = {"source": "delete"} if which == "outbox" else {
        "source": "archive", "archive": "archive"
    }  # fmt: skip
    house = House(tmp_path / "house", tmp_path / "cache", inbox=settings)
    bound = house.outbox if which == "outbox" else house.root / "archive"
    bound.mkdir(exist_ok=True)
    (tmp_path / "disk").mkdir()
    words = ["mount", "--bind", str(tmp_path / "disk"), str(bound)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(bound)], capture_output=True)
        stack.enter_context(house)
        (house.inbox / "a.jpg").write_bytes(subject(1))
        until(lambda: not (house.inbox / "a.jpg").exists(), 90, "the first goes")
        until(lambda: len(whole(bound)) == 1, 30, "what goes there is there")
        subprocess.run(["umount", "-l", str(bound)], check=True)
        (house.inbox / "b.jpg").write_bytes(subject(2))
        until(
            lambda: house.listen().events[f"{which}.lost"] or os.listdir(bound), 90,
            "it is seen to be gone",
        )  # fmt: skip
        assert os.listdir(bound) == []
        assert (house.inbox / "b.jpg").exists()
        subprocess.run(words, check=True)
        until(lambda: not (house.inbox / "b.jpg").exists(), 150, "the second goes")
        assert house.listen().events[f"{which}.back"] == 1
        until(lambda: len(whole(bound)) == len(whole(house.outbox)) == 2, 30, "all is there")

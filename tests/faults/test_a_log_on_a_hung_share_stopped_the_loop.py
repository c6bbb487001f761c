"""`log.file` on a share that hung held the main loop: no photo was begun, no signal was heard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import servers
from faults.house import House, until
from faults.pictures import valid

pytestmark = pytest.mark.skipif(servers.missing() is not None, reason=str(servers.missing()))


@pytest.fixture
def share(tmp_path: Path) -> Iterator[servers.Share]:
    made = servers.Share(tmp_path, "share")
    made.mount()
    yield made
    made.wake()
    made.close()


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def told(path: Path) -> list[str]:
    return [event["source"] for event in events(path) if event["event"] == "photo.done"]


def drop(house: House, *numbers: int) -> None:
    for number in numbers:
        (house.inbox / f"{number}.jpg").write_bytes(valid(number))
    assert house.await_ends([f"{number}.jpg" for number in numbers], 45) == []


def test_photos_are_done_and_it_gets_all_in_order(tmp_path: Path, share: servers.Share) -> None:
    """Each line once, over a restart while it hangs, too; a stop is obeyed at once."""
    log = share.point / "nobgd.log"
    with House(tmp_path / "house", tmp_path / "cache", log={"file": str(log)}) as house:
        drop(house, 0)
        share.hang()
        drop(house, 1, 2)
        words = [sys.executable, "-m", "nobgd", "status", "-c", str(house.config)]
        subprocess.run(words, check=True, capture_output=True, timeout=30)
        until(lambda: house.listen().events["log.lost"], 30, "the lost log is told")
        began = time.monotonic()
        house.stop()
        house.start()
        assert time.monotonic() - began < 60
        drop(house, 3)
        share.wake()
        until(lambda: house.listen().events["log.back"], 90, "the log is back")
        drop(house, 4)
        house.stop()
        until(lambda: len(told(share.backing / "nobgd.log")) == 5, 60, "all is in the file")
        in_file = told(share.backing / "nobgd.log")
        assert in_file == told(house.log)
        assert len(set(in_file)) == 5
        assert max(house.done.values()) == 1
    assert os.listdir(share.backing) == ["nobgd.log"]

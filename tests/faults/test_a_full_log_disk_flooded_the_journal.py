"""While the log's disk was full, each finished photo was told with every turn of the loop.

What the file had not taken was written to both again, so the journal was flooded, memory grew,
and no metric counted the photos.  And a log whose share had been unmounted went on below it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.house import House, until
from faults.pictures import valid


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own for the log."""
    folder = tmp_path / "share"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "nobgd-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield folder
    while os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def told(path: Path) -> list[str]:
    """Sources of finished photos, in their order."""
    return [event["source"] for event in events(path) if event["event"] == "photo.done"]


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    with (folder / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(1024))
    return folder / "filler"


def test_each_photo_is_told_once_and_the_file_gets_all_in_order(
    tmp_path: Path, share: Path
) -> None:
    """Over a restart in the midst, too; the metrics count each photo once."""
    log = share / "nobgd.log"
    with House(tmp_path / "house", tmp_path / "cache", log={"file": str(log)}) as house:
        (house.inbox / "0.jpg").write_bytes(valid(0))
        assert house.await_ends(["0.jpg"], 60) == []
        filler = fill(share)
        names = [f"{number}.jpg" for number in range(1, 9)]
        for number, name in enumerate(names, 1):
            (house.inbox / name).write_bytes(valid(number))
        assert house.await_ends(names, 90) == []
        time.sleep(3.0)  # another process: many turns of its loop
        assert max(house.listen().done.values()) == 1
        until(lambda: house.listen().events["log.lost"], 60, "the full log is told")
        until(lambda: "photos_total" in prom(house) and counted(house) == 9, 60, "nine are counted")
        assert max(house.done.values()) == 1
        assert house.events["log.lost"] == 1
        house.stop()
        house.start()
        assert max(house.listen().done.values()) == 1
        filler.unlink()
        until(lambda: house.listen().events["log.back"], 120, "the log is back")
        assert max(house.done.values()) == 1
        in_file, on_stdout = told(log), told(house.log)
        assert in_file == on_stdout
        assert len(set(in_file)) == len(in_file) == 9


def prom(house: House) -> str:
    with contextlib.suppress(FileNotFoundError):
        return (house.state / "nobgd.prom").read_text()
    return ""


def counted(house: House) -> float:
    lines = [line for line in prom(house).splitlines() if 'outcome="computed"' in line]
    return sum(float(line.split()[-1]) for line in lines)


def test_a_log_whose_share_is_gone_does_not_go_on_below_it(tmp_path: Path, share: Path) -> None:
    """It is told, and what is missing follows when the share is mounted again."""
    log = share / "nobgd.log"
    with House(tmp_path / "house", tmp_path / "cache", log={"file": str(log)}) as house:
        (house.inbox / "0.jpg").write_bytes(valid(0))
        assert house.await_ends(["0.jpg"], 60) == []
        subprocess.run(["umount", "-l", str(share)], check=True)
        (house.inbox / "1.jpg").write_bytes(valid(1))
        assert house.await_ends(["1.jpg"], 60) == []
        time.sleep(1.0)  # another process: the file is written after stdout
        assert os.listdir(share) == []
        until(lambda: house.listen().events["log.lost"], 30, "the lost log is told")
        subprocess.run(["mount", "-t", "tmpfs", "nobgd-test", str(share)], check=True)
        until(lambda: house.listen().events["log.back"], 120, "the log is back")
        assert told(log) == [house.path("1.jpg")]

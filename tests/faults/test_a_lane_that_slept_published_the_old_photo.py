"""A lane that slept published the photo as it had been, over the one that was there since.

Nobody looked at the photo between its reading and the name of its output: a suspended machine, or
a link that was down, lies in between.  Here a lane is stopped, another daemon does what is there
now, and the lane wakes up.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

from faults.house import House, children, until
from faults.pictures import valid
from faults.rows.kill_model import PROCESS, infers


def said_done(house: House) -> list[str]:
    """SHA-256 of every photo that it said to be done."""
    lines = [json.loads(line) for line in house.log.read_bytes().splitlines()]
    return [line["sha256"] for line in lines if line["event"] == "photo.done"]


def test_what_is_there_now_stays_when_the_lane_wakes_up(tmp_path: Path) -> None:
    """It says nothing of the photo as it was, and what it does is the one that is there."""
    (tmp_path / "nas/in").mkdir(parents=True)
    (tmp_path / "nas/out").mkdir()
    folders = {"path": str(tmp_path / "nas/in"), "outbox": str(tmp_path / "nas/out")}
    photo = tmp_path / "nas/in/a.jpg"
    old, new = valid(1, side=2500), valid(2)
    first, second = (
        House(tmp_path / name, tmp_path / "cache", workers={"count": 1, "deadline_s": 300},
              inbox=folders)
        for name in ("first", "second")
    )  # fmt: skip
    with first:
        assert first.process is not None
        (lane,) = children(first.process.pid)
        (model,) = children(first.process.pid, PROCESS)
        photo.write_bytes(old)
        until(lambda: infers(model), 60, "the lane has read the photo and waits for its mask")
        os.kill(lane, signal.SIGSTOP)
        try:
            assert said_done(first) == []
            photo.with_suffix(".part").write_bytes(new)
            photo.with_suffix(".part").rename(photo)
            with second:
                until(lambda: said_done(second), 120, "the other daemon has done what is there")
        finally:
            os.kill(lane, signal.SIGCONT)
        sha256 = hashlib.sha256(new).hexdigest()
        first.await_ends(["none.jpg"], 15)
        assert hashlib.sha256(old).hexdigest() not in said_done(first)
        assert said_done(second) == [sha256]
        assert os.listdir(tmp_path / "nas/out") == ["a_nobg.png"]
        assert sha256.encode() in (tmp_path / "nas/out/a_nobg.png").read_bytes()[:4096]

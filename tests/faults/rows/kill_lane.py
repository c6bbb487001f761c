"""SIGKILL of a lane that waits for its mask: its photo is tried again, its neighbour goes on.

A kill that fell into another stage, as the log says afterwards, is made again with new photos.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House, children, until
from faults.pictures import valid

NAME, TITLE = "kill_lane", "SIGKILL of a lane inside real inference"
FULL, SHORT = 100, 2
_TRIES = 5  # to hit inference, which is nine tenths of a job
_PORTION = 10  # iterations whose retries, half a minute later, are waited for together
_PATIENCE_S = 180.0
_FAILED = "photo.failed crashed"
_MODEL = "nobgd.inference.process"


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    with House(root, root.parent / "cache", workers={"count": 2}) as house:
        checks = Checks(house)
        while start < stop:
            end = min(start + _PORTION, stop)
            before = house.listen().codes[_FAILED]
            inputs: dict[str, str] = {}
            wrong: list[str] = []
            inside = 0
            for number in range(start, end):
                for attempt in range(_TRIES):
                    names = _drop(house, seed, number + attempt * FULL, inputs)
                    reason = _kill(house, seed, number, names)
                    neighbours = [name for name in names if house.path(name) not in reason]
                    left = house.await_ends(neighbours[:1], _PATIENCE_S)
                    wrong += [f"{number}: disturbed: {source}" for source in left]
                    if "'infer'" in reason:
                        inside += 1
                        break
                else:
                    wrong.append(f"{number}: inference was never hit in {_TRIES} kills")
            left = house.await_ends(inputs, _PATIENCE_S)
            wrong += [f"not tried again: {source}" for source in left]
            wrong += checks.violations(inputs)
            for name in inputs:
                if house.ends.get(house.path(name)) != "photo.done":
                    wrong.append(f"{name} is not done after its lane was killed")
                if house.done[house.path(name)] != 1:
                    wrong.append(f"{name} was said to be done {house.done[house.path(name)]} times")
                (house.inbox / name).unlink()
            failed = house.codes[_FAILED] - before
            yield end, wrong, {"kills": failed, "kills inside inference": inside}
            start = end


def _drop(house: House, seed: int, number: int, inputs: dict[str, str]) -> list[str]:
    """One photo for each lane."""
    names = [f"{number}-{count}.jpg" for count in range(2)]
    for count, name in enumerate(names):
        data = valid(seed * 1_000_003 + number * 2 + count)
        (house.inbox / name).write_bytes(data)
        inputs[name] = hashlib.sha256(data).hexdigest()
    return names


def _kill(house: House, seed: int, number: int, names: list[str]) -> str:
    """Kill one of the lanes once an inference is under way; the reason and source in the log.

    Empty for one that had not begun to read its photo: that costs no attempt, and no word.
    """
    assert house.process is not None
    (model,) = children(house.process.pid, _MODEL)
    spent = _cpu_s(model)
    until(lambda: _cpu_s(model) > spent, 30, "an inference begins")
    lanes = children(house.process.pid)
    victim = lanes[number % len(lanes)]
    time.sleep(random.Random(seed * 1_000_003 + number).uniform(0.0, 0.25))
    seen = house.listen().events["photo.failed"]
    os.kill(victim, signal.SIGKILL)

    def noticed() -> bool:
        failed = house.listen().events["photo.failed"] > seen
        return failed or all(house.path(name) in house.ends for name in names)

    until(noticed, 60, "the killed lane is noticed")
    if house.events["photo.failed"] == seen:
        return ""
    said = house.last["photo.failed"]
    return f"{said['reason']} {said['source']}"


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""SIGKILL of the model process while it infers: no photo notices, none burns an attempt.

A kill that fell between two inferences is counted apart and made again.
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

NAME, TITLE = "kill_model", "SIGKILL of the model process inside real inference"
FULL, SHORT = 500, 5
_PORTION = 10  # kills, and photos
_PATIENCE_S = 180.0
PROCESS = "nobgd.inference.process"


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    with House(root, root.parent / "cache", workers={"count": 2}) as house:
        checks, opened = Checks(house), 0
        while start < stop:
            end = min(start + _PORTION, stop)
            failed, ended = house.listen().events["photo.failed"], house.events["model.ended"]
            inputs: dict[str, str] = {}
            wrong: list[str] = []
            inside = 0
            for number in range(start, end):
                _drop(house, seed, number, inputs)
                killed, opened = _kill(house, seed, number, opened)
                inside += killed
            left = house.await_ends(inputs, _PATIENCE_S)
            wrong += [f"not done: {source}" for source in left]
            wrong += checks.violations(inputs)
            wrong += [
                f"{name} is not done after the model process was killed"
                for name in inputs
                if house.ends.get(house.path(name)) != "photo.done"
            ]
            if (burnt := house.listen().events["photo.failed"] - failed) != 0:
                wrong.append(f"{burnt} attempts were burnt by kills of the model process")
            for name in inputs:
                (house.inbox / name).unlink()
            told = house.events["model.ended"] - ended
            yield end, wrong, {"kills inside inference": inside, "kills told": told}
            start = end


def _drop(house: House, seed: int, number: int, inputs: dict[str, str]) -> None:
    name, data = f"{number}.jpg", valid(seed * 1_000_003 + number)
    (house.inbox / name).write_bytes(data)
    inputs[name] = hashlib.sha256(data).hexdigest()


def _kill(house: House, seed: int, number: int, opened: int) -> tuple[int, int]:
    """Kill it once it is open and works; 1 if it was inside inference, and how often it was open.

    One that is killed while it opens is opened again after a pause that grows, as it should.
    """
    assert house.process is not None
    pid = house.process.pid
    until(
        lambda: house.listen().events["model.confined"] > opened, 120,
        "the model process is opened again",
    )  # fmt: skip
    opened = house.events["model.confined"]
    (victim,) = children(pid, PROCESS)
    until(lambda: infers(victim), 120, "it works on a mask")
    time.sleep(random.Random(seed * 1_000_003 + number).uniform(0.0, 0.1))
    inside = infers(victim)
    os.kill(victim, signal.SIGKILL)
    return int(inside), opened


def infers(pid: int) -> bool:
    """Whether one of its threads that infer runs (proc(5), stat), not its main thread."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            stat = Path(f"/proc/{pid}/task/{task}/stat").read_text()
            if task != str(pid) and stat.rsplit(")", 1)[1].split()[0] == "R":
                return True
    except OSError:
        return False
    return False

"""SIGKILL of link process and worker at every point of a question's way, on a real broker.

Points are each message and each word that either says or hears, before and after, and a mask's
making (see `pointed`).  They are written down while a few questions go their way without a kill;
then each is where the process is killed, once.  Every question gets its own mask, once; nothing
stays away, and the broker keeps no question.  Seen red with questions that are never taken off.
`every_step` does the same to all parts in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import TESTS, Broker, Worker, lacking
from cluster.home import Home, hosts
from faults.house import until
from nobgd.cluster import join, subjects
from nobgd.cluster.link import open_link
from nobgd.pool import link_process, model_process

NAME = "every_message"
TITLE = "SIGKILL of link process and worker at every point of a question's way"
FULL, SHORT = 10_000, 2  # more than there are: all; their number is counted in the result
_PORTION = 10
_HOST = "desk-1"
_QUESTIONS = 3  # at a time
_TRIES = 4  # for a point to come up
_PATIENCE_S = 60.0
_LONG_S = 0.8  # a mask's making, during which its lease is renewed
_RECORD = "link is watched only"


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of kills; yields (next number, violations, counts)."""
    with _scene(root, 0.05 if stop == SHORT else _LONG_S) as scene:
        points = scene.points()
        random.Random(seed).shuffle(points)  # so that the first few are of all kinds
        stop = len(points) if stop == FULL else min(stop, len(points))
        while start < stop:
            end, wrong, counts = min(start + _PORTION, stop), list[str](), Counter[str]()
            for number in range(start, end):
                point = points[number]
                told = scene.kill(point)
                counts["did not come up again" if told is None else point.split()[0]] += 1
                wrong += [f"{number} ({point}): {each}" for each in told or ()]
            if end == len(points):
                counts["points"] = end
            yield end, wrong, counts
            start = end


@contextlib.contextmanager
def _scene(root: Path, mask_s: float) -> Iterator[Scene]:
    """All of it, on what these modules are then."""
    before, asking, models = dict(os.environ), link_process.PROCESS, model_process.PROCESS
    point, passed, sleeps = root / "point", root / "passed", root / "home.sleep"
    for each in (point, passed):
        each.touch()
    sleeps.write_text("0.1")
    os.environ |= {
        "PYTHONPATH": TESTS, "POINTS": str(point), "PASSED": str(passed), "SLEEP_FILE": str(sleeps),
    }  # fmt: skip
    link_process.PROCESS, model_process.PROCESS = "faults.pointed", "cluster.sleeper"
    broker = Broker(root / "broker", _HOST).start()
    worker = Worker(broker, _HOST, root, sleep_s=mask_s, program="faults.pointed", priority=0)
    home = Home(broker, root)
    try:
        worker.start()
        scene = Scene(broker, worker, home, point, passed)
        scene.helped()
        yield scene
    finally:
        home.close()
        worker.kill()
        broker.kill()
        link_process.PROCESS, model_process.PROCESS = asking, models
        os.environ.clear()
        os.environ |= before


class Scene:
    """A home, a worker that is faster, and what kills one of them."""

    def __init__(
        self, broker: Broker, worker: Worker, home: Home, point: Path, passed: Path
    ) -> None:
        self._broker, self._worker, self._home = broker, worker, home
        self._point, self._passed = point, passed

    def helped(self) -> None:
        """Wait until the worker makes masks."""
        until(lambda: _HOST in hosts(self._home.ask(1)), _PATIENCE_S, "the worker makes masks")

    def points(self) -> list[str]:
        """Those that some questions pass."""
        until(self._quiet, _PATIENCE_S, "the broker keeps nothing")
        self._point.write_text(_RECORD)
        hosts(self._home.ask(_QUESTIONS))
        until(self._quiet, _PATIENCE_S, "the broker has forgotten them")
        self._point.write_text("")
        return list(dict.fromkeys(self._passed.read_text().splitlines()))

    def kill(self, point: str) -> list[str] | None:
        """One kill and what is wrong then; None where the point did not come up."""
        for _ in range(_TRIES):
            self._point.write_text(point)
            asked = self._home.ask(_QUESTIONS)
            wrong = self._wrong(asked)
            if wrong or self._killed():
                break
        else:
            self._point.write_text("")
            return None
        if point.startswith("worker"):
            assert self._worker.process is not None
            self._worker.process.wait(_PATIENCE_S)
            self._worker.start()
        self.helped()
        until(self._quiet, _PATIENCE_S, "nothing is away, and the broker keeps nothing")
        return wrong

    def _killed(self) -> bool:
        """Whether it came up; what goes on after the last mask may be it, too."""
        end = time.monotonic() + 2.5
        while self._point.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        return not self._point.read_text()

    def _wrong(self, asked: list[Any]) -> list[str]:
        end, wrong = time.monotonic() + _PATIENCE_S, []
        for number, each in enumerate(asked):
            try:
                each.result(max(0.1, end - time.monotonic()))
            except TimeoutError:
                wrong.append(f"question {number} was lost")
            except AssertionError:
                wrong.append(f"question {number} got another's mask")
        return wrong

    def _quiet(self) -> bool:
        queue = self._home.inference._queue
        with queue.changed:
            away = self._home.inference.elsewhere
            assert away is not None
            if away.away._out or queue.waiting or queue.busy:
                return False
        return asyncio.run(_stored(self._broker)) == 0


async def _stored(broker: Broker) -> int:
    """Questions that the broker keeps."""
    link = await open_link(join.read(broker.home), "looks")
    said = json.loads(await link.ask(f"$JS.API.STREAM.INFO.{subjects.THINK}", b"", 10.0))
    await link.close()
    return int(said["state"]["messages"])

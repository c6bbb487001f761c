"""The link to a worker is cut, both ways or one way, for 5, 40 or 400 s, while masks are made.

The worker lives in a network namespace.  A cut is a wrong link-layer address of the other end:
packets go nowhere and nobody is told, as with a pulled cable.  What the worker had is done here,
every mask is the right one, and the worker comes back by itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import TESTS, Broker, Worker, lacking
from cluster.home import Home, holds, hosts
from nobgd.pool import model_process
from nobgd.values.machine import LOST

NAME, TITLE = "cut", "the link to a worker is cut, both ways or one way, for 5 to 400 s"
FULL, SHORT = 24, 1
_SECONDS = (5, 5, 40, 5, 5, 40, 5, 400)
_WAYS = ("both", "from the worker", "to the worker")
_HERE, _THERE, _MASK = "10.77.83.1", "10.77.83.2", "24"
_NOWHERE = "02:00:00:00:00:fe"


def missing() -> str | None:
    """Why it cannot be done here."""
    if (why := lacking()) is not None:
        return why
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and iproute2"
    return None


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout


class Cable:
    """A pair of ends: one here, one in a namespace."""

    def __init__(self) -> None:
        self.space, self._end = f"nobgd-{os.getpid()}", f"nb{os.getpid()}"
        _ip("netns", "add", self.space)
        _ip("link", "add", self._end, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        _ip("addr", "add", f"{_HERE}/{_MASK}", "dev", self._end)
        _ip("link", "set", self._end, "up")
        _ip("-n", self.space, "addr", "add", f"{_THERE}/{_MASK}", "dev", "eth0")
        _ip("-n", self.space, "link", "set", "eth0", "up")

    def cut(self, way: str) -> None:
        """From now on packets of this way go nowhere."""
        if way != "to the worker":
            self._say(["-n", self.space], _HERE, "eth0")
        if way != "from the worker":
            self._say([], _THERE, self._end)

    def _say(self, where: list[str], whom: str, end: str) -> None:
        _ip(*where, "neigh", "replace", whom, "lladdr", _NOWHERE, "dev", end, "nud", "permanent")

    def heal(self) -> None:
        """As before."""
        for where, whom, end in (([], _THERE, self._end), (["-n", self.space], _HERE, "eth0")):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip(*where, "neigh", "del", whom, "dev", end)

    def close(self) -> None:
        """Take it away."""
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.space)


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One cut after the other; yields (next number, violations, counts)."""
    (root / "home.sleep").write_text("0.2")
    before = model_process.PROCESS
    model_process.PROCESS = "cluster.sleeper"
    os.environ |= {"PYTHONPATH": TESTS, "SLEEP_FILE": str(root / "home.sleep")}
    cable = Cable()
    try:
        broker = Broker(root / "broker", "desk-1", address=_HERE).start()
        within = ("ip", "netns", "exec", cable.space)
        worker = Worker(broker, "desk-1", root, sleep_s=0.2, priority=0, within=within).start()
        home = Home(broker, root)
        try:
            for number in range(start, stop):
                seconds = _SECONDS[(seed + number) % len(_SECONDS)]
                way = _WAYS[number % len(_WAYS)]
                wrong, counts = _one(home, worker, cable, way, seconds)
                yield number + 1, [f"{number} ({way}, {seconds} s): {each}" for each in wrong], {
                    **counts, f"cuts of {seconds} s": 1,
                }  # fmt: skip
        finally:
            home.close()
            worker.kill()
            broker.kill()
    finally:
        cable.close()
        model_process.PROCESS = before


def _one(
    home: Home, worker: Worker, cable: Cable, way: str, seconds: float
) -> tuple[list[str], dict[str, int]]:
    wrong = []
    home.has("desk-1")
    worker.sleeps(2.0)
    asked = home.ask(3)
    began = time.monotonic()
    while not holds(worker, home)() and time.monotonic() - began < 60:
        time.sleep(0.01)
    cable.cut(way)
    began = time.monotonic()
    made = hosts(asked)  # raises where a mask is not the right one
    during = 0
    while time.monotonic() - began < seconds:
        during += len(hosts(home.ask(1)))
        time.sleep(0.2)
    cable.heal()
    worker.sleeps(0.2)
    if seconds > 30 and way != "to the worker" and not home.events("machine.lost"):
        wrong.append("a machine that says nothing was not said to be lost")
    home.has("desk-1")
    end = time.monotonic() + 60
    while "desk-1" not in hosts(home.ask(2)):
        if time.monotonic() > end:
            wrong.append("the worker gets nothing although its link is back")
            break
    machine = home.machine("desk-1")
    if machine is None or machine.state == LOST:
        wrong.append("the worker is not back")
    return wrong, {"cuts": 1, "masks that were out": len(made), "masks meanwhile": during}

"""A day of photos, a broker and three workers, and a certificate that is turned every minute.

Everything is real but the models, which sleep.  With each turn the broker has a new certificate,
reads it, and is then held until everybody has lost it and dials again: a week in fast motion.
Every photo is done, once.  After the first half hour the memory of supervisor, link process,
broker and each worker grows by no more than 1 MB an hour, beyond what the line through its samples
may be off (twice the standard error).  What the supervisor keeps of its ledger's pages is not
counted: 12 MB at most, which a day fills.  What a portion measured is among its counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import signal
import socket
import sqlite3
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import Broker, Worker, lacking
from faults.house import House, Stuck, children, until
from faults.machines import sleepy
from faults.pictures import drop, valid
from nobgd.broker import acts
from nobgd.broker.folder import BrokerError
from nobgd.pool import link_process

NAME, TITLE = "soak", "three workers and a certificate that is turned every minute, for a day"
FULL, SHORT = 1440, 1  # turns
_PORTION = 30
_TURN_S, _TURN_SHORT_S = 60.0, 1.0
_HELD_S, _PATIENCE_S = 12.0, 120.0
_PHOTO_S, _LOOK_S = 0.5, 5.0
_WARM_S = 1800.0  # what drift, rates and the broker remember of the last photos is full by then
_BAR_MB = 1.0  # an hour
_CACHE_MB = 12.0  # see `jobs.database`
_HOSTS = ("desk-1", "desk-2", "desk-3")


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of turns; yields (next number, violations, counts)."""
    short = stop == SHORT
    with _scene(root, seed) as scene:
        while start < stop:
            end = min(start + _PORTION, stop)
            wrong, counts = list[str](), Counter({"turns": end - start})
            for number in range(start, end):
                until_ = time.monotonic() + (_TURN_SHORT_S if short else _TURN_S)
                wrong += scene.turn(hold=not short)
                scene.photos(until_, number)
                wrong += scene.photos_done(counts)  # what lies in the inbox takes memory, too
            wrong += scene.growth(counts)
            yield end, [f"before {end}: {each}" for each in wrong], counts
            start = end


@contextlib.contextmanager
def _scene(root: Path, seed: int) -> Iterator[Scene]:
    cache = root.parent / "cache"
    broker = Broker(root.parent / "soak-broker", *_HOSTS).start()
    workers = [Worker(broker, host, cache, sleep_s=0.5, priority=0) for host in _HOSTS]
    house = House(
        root, cache, cluster={"join": str(broker.home), "lease_s": 3},
        workers={"count": 4, "infer": 1, "threads": 1, "engine": "onnxruntime"},
    )  # fmt: skip
    sleepy(house, 0.5)
    scene = Scene(house, broker, workers, seed)
    try:
        for each in workers:
            each.start()
        house.start()
        until(
            lambda: house.listen().events["machine.joined"] >= len(_HOSTS), _PATIENCE_S,
            "all machines are here",
        )  # fmt: skip
        scene.begin()
        yield scene
    finally:
        scene.end()
        house.kill()
        for each in workers:
            each.kill()
        broker.kill()


class Scene:
    """All of it, and the memory of each process in time."""

    def __init__(self, house: House, broker: Broker, workers: list[Worker], seed: int) -> None:
        self._house, self._broker, self._workers, self._seed = house, broker, workers, seed
        self._samples: dict[str, list[tuple[float, float]]] = {}  # name: seconds, MB
        self._dropped: dict[str, str] = {}
        self._began, self._over = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def begin(self) -> None:
        """Look at memory from now on."""
        self._began = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            for name, pid in self._processes().items():
                with contextlib.suppress(OSError, StopIteration):
                    kept = self._ledger_mb() if name == "supervisor" else 0.0
                    found = (time.monotonic() - self._began, _mb(pid) - kept)
                    self._samples.setdefault(f"{name} {pid}", []).append(found)

    def _ledger_mb(self) -> float:
        """Pages of the ledger that its cache has, if it has all of them."""
        file = self._house.state / "ledger.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as ledger:
            (pages,), (size,) = (
                ledger.execute(f"PRAGMA {each}").fetchone() for each in ("page_count", "page_size")
            )
        return min(_CACHE_MB, float(pages * size) / 1e6)

    def _processes(self) -> dict[str, int]:
        home, broker = self._house.process, self._broker.process
        found = {each.host: each.process.pid for each in self._workers if each.process}
        if broker is not None:
            found["broker"] = broker.pid
        if home is not None:
            found["supervisor"] = home.pid
            found |= {f"link {each}": each for each in children(home.pid, link_process.PROCESS)}
        return found

    def turn(self, *, hold: bool) -> list[str]:
        """Another certificate; with ``hold`` everybody has to dial again, too."""
        try:
            before = self._shown()
            (self._broker.folder.path / "broker.pem").unlink()
            acts.set_up(self._broker.config, [self._broker.address])
            until(lambda: self._shown() != before, 30, "the broker shows its new certificate")
            if hold:
                back = self._house.listen().events["broker.back"]
                self._hold()
                until(
                    lambda: self._house.listen().events["broker.back"] > back, 30,
                    "home has the broker again",
                )  # fmt: skip
        except (Stuck, OSError, BrokerError) as stuck:
            return [f"a turn of the certificate: {stuck}"]
        return []

    def _hold(self) -> None:
        assert self._broker.process is not None
        self._broker.process.send_signal(signal.SIGSTOP)
        time.sleep(_HELD_S)
        self._broker.process.send_signal(signal.SIGCONT)

    def _shown(self) -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((self._broker.address, self._broker.port), 10) as plain:
            plain.recv(1 << 16)  # what NATS says before TLS
            with context.wrap_socket(plain) as shown:
                return shown.getpeercert(binary_form=True) or b""

    def photos(self, until_: float, turn: int) -> None:
        """Drop one after the other until that time; those that are done go."""
        house, number = self._house, 0
        while not number or time.monotonic() < until_:
            name = f"{turn}-{number}.jpg"
            data = valid(self._seed * 1_000_003 + turn * 1000 + number)
            drop(house.inbox, name, data)
            self._dropped[name] = hashlib.sha256(data).hexdigest()
            number += 1
            time.sleep(_PHOTO_S)

    def photos_done(self, counts: Counter[str]) -> list[str]:
        """Each of them, once; then they go."""
        house = self._house
        counts["photos"] += len(self._dropped)
        wrong = [f"lost: {each}" for each in house.await_ends(self._dropped, _PATIENCE_S)]
        for name, digest in self._dropped.items():
            if (said := house.versions[house.path(name), digest]) != 1:
                wrong.append(f"{name} was said to be done {said} times")
            (house.inbox / name).unlink()
        self._dropped.clear()
        return wrong

    def growth(self, counts: Counter[str]) -> list[str]:
        """MB an hour of each process since it was warm."""
        wrong = []
        for name, samples in self._samples.items():
            warm = [each for each in samples if each[0] > _WARM_S]
            if len(warm) < 60:
                continue
            hours = (warm[-1][0] - warm[0][0]) / 3600
            slope, error = _line(warm)
            counts[f"{name.split()[0]}: {slope:+.2f} ± {error:.2f} MB/h in {hours:.2f} h"] = 1
            if slope - 2 * error > _BAR_MB:
                wrong.append(f"{name} grows by {slope:.2f} ± {error:.2f} MB/h")
        return wrong


def _line(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope of the line of least squares through (seconds, MB), in MB/h, and its error."""
    many = len(samples)
    at = sum(each for each, _ in samples) / many
    mean = sum(each for _, each in samples) / many
    width = sum((seconds - at) ** 2 for seconds, _ in samples)
    slope = sum((seconds - at) * (mb - mean) for seconds, mb in samples) / width
    off = sum((mb - mean - slope * (seconds - at)) ** 2 for seconds, mb in samples)
    return slope * 3600, math.sqrt(off / (many - 2) / width) * 3600


def _mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

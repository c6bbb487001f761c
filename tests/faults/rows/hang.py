"""Shares that hang: every kind, folder, moment and length; the others go on with the lanes left."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults import servers
from faults.house import House, Stuck, until
from faults.pictures import valid

NAME, TITLE = "hang", "shares that hang: kinds, folders, moments, lengths; others go on"
_DEADLINE_S = 10.0
_KINDS = ("bindfs", "own", "sshfs")
_FOLDERS = ("inbox", "outbox", "archive", "quarantine")
_MOMENTS = ("work", "start", "reload", "stop")
_SHARES = ((1, 2), (1, 3), (2, 3))  # of how many inboxes that many hang
_LENGTHS_S = (5.0, 2 * _DEADLINE_S, None)
_ALL = list(itertools.product(_KINDS, _FOLDERS, _MOMENTS, _SHARES, _LENGTHS_S))
random.Random(4).shuffle(_ALL)
FULL, SHORT = 216, 1
_PHOTOS = 6
_READY_S, _STOP_S = 5.0, 90.0
_SLACK_S = 10.0  # to find out that a folder is silent, and to open a lane, on a busy machine

missing = servers.missing


class Own(servers.Share):
    """A FUSE file system of ours, in one thread."""

    def words(self) -> list[str]:
        """As the base class."""
        return [sys.executable, "-m", "faults.faulty", str(self.backing), str(self.point)]


_MADE = {"bindfs": servers.Share, "own": Own, "sshfs": servers.SshShare}


class Scene:
    """A daemon with inboxes of which the first few have one folder on a share."""

    def __init__(self, root: Path, kind: str, folder: str, shares: tuple[int, int]) -> None:
        self.folder, (count, inboxes) = folder, shares
        self.shares: list[servers.Share] = []
        self.backing: list[Path] = []  # of every inbox, where photos are dropped
        rules: list[dict[str, Any]] = []
        for number in range(inboxes):
            home = root / f"box-{number}"
            home.mkdir()
            made = {"path": str(home / "in"), "outbox": str(home / "out")}
            (home / "in").mkdir()
            (home / "out").mkdir()
            self.backing.append(home / "in")
            if number < count:
                share = _MADE[kind](home, "share")
                (share.backing / "below").mkdir()
                self.shares.append(share)
                made["path" if folder == "inbox" else folder] = str(share.point / "below")
                if folder == "archive":
                    made["source"] = "archive"
                if folder == "inbox":
                    self.backing[number] = share.backing / "below"
            rules.append(made)
        self.paths = [str(each["path"]) for each in rules]
        self.count = count
        self.house = House(
            root, root.parent / "cache", workers={"count": 2, "deadline_s": _DEADLINE_S},
            inboxes=rules,
        )  # fmt: skip
        for share in self.shares:
            share.mount()

    def drop(self, boxes: range, name: str, seed: int) -> set[str]:
        """Photos into these inboxes, in turn; their names as sources."""
        sources = set()
        for number in range(_PHOTOS):
            box = boxes[number % len(boxes)]
            bad = self.folder == "quarantine" and box < self.count
            data = b"no picture" if bad else valid(seed + number)
            (self.backing[box] / f"{name}-{number}.jpg").write_bytes(data)
            sources.add(os.path.join(self.paths[box], f"{name}-{number}.jpg"))
        return sources

    @property
    def others(self) -> range:
        """The inboxes that nothing happens to."""
        return range(self.count, len(self.paths))

    def ended(self, sources: set[str], limit_s: float, what: str) -> float:
        """Wait until all have an end; how long that took."""
        began = time.monotonic()
        ends = self.house.ends
        until(lambda: self.house.listen() and sources <= ends.keys(), limit_s, what)
        return time.monotonic() - began

    def hang(self) -> None:
        """All shares at once."""
        for share in self.shares:
            share.hang()

    def wake(self) -> None:
        """They answer again."""
        for share in self.shares:
            share.wake()

    def reload(self) -> None:
        """Other lanes for another deadline; wait until they stand."""
        house = self.house
        values = json.loads(house.config.read_text())
        values["workers"]["deadline_s"] = _DEADLINE_S + 1
        house.config.write_text(json.dumps(values))
        before = house.listen().events["service.reloaded"]
        assert house.process is not None
        house.process.send_signal(signal.SIGHUP)
        until(lambda: house.listen().events["service.reloaded"] > before, 60, "it is reloaded")

    def close(self) -> None:
        """The daemon first."""
        self.wake()
        self.house.kill()
        for share in self.shares:
            with contextlib.suppress(Exception):
                share.close()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One hang each; yields (next number, violations, counts)."""
    for number in range(start, stop):
        kind, folder, moment, shares, length_s = _ALL[number % len(_ALL)]
        case = f"{number} ({kind}, {folder}, {moment}, {shares[0]} of {shares[1]}, {length_s} s)"
        home = root / f"hang-{number}"
        home.mkdir()
        scene, wrong = Scene(home, kind, folder, shares), []
        counts: dict[str, int] = {kind: 1, folder: 1, f"at {moment}": 1}
        try:
            wrong += _case(scene, seed + number * 100, moment, length_s, counts)
        except Stuck as stuck:
            wrong.append(str(stuck))
        finally:
            scene.close()
        yield number + 1, [f"{case}: {each}" for each in wrong], counts


def _case(
    scene: Scene, seed: int, moment: str, length_s: float | None, counts: dict[str, int]
) -> list[str]:
    house, wrong = scene.house.start(), []
    usual_s = scene.ended(scene.drop(scene.others, "before", seed), 180, "photos before it")
    if moment == "start":
        house.stop()
        scene.hang()
        wrong += _ready(house)
    own = scene.drop(range(scene.count), "own", seed + 20)
    if moment != "start":
        time.sleep(0.7)  # seen, and partly in lanes
        scene.hang()
    hung_at = time.monotonic()
    if moment == "reload":
        scene.reload()
    if moment != "stop":
        sources = scene.drop(scene.others, "while", seed + 40)
        most_s = 2 * usual_s / 0.9 + _SLACK_S * (1 + _busy())
        took_s = scene.ended(sources, max(most_s, 120), "photos of others while it hangs")
        if took_s > most_s:
            wrong.append(f"others took {took_s:.1f} s, {usual_s:.1f} before")
    if length_s is not None and moment != "stop":
        time.sleep(max(0.0, length_s - (time.monotonic() - hung_at)))
        scene.wake()
        scene.ended(own, 180, "its own photos once it is back")
    began = time.monotonic()
    house.stop()
    if time.monotonic() - began > _STOP_S:
        wrong.append(f"stopped after {time.monotonic() - began:.0f} s")
    if not house.held and (house.process is None or house.process.returncode != 0):
        wrong.append("it did not end well")
    if house.held and length_s is not None and moment != "stop":
        wrong.append("it is held although its shares answer")
    elif house.held:  # by the kernel, for the share's sake: another starts beside what is left
        counts["left in the kernel by the share"] = 1
        wrong += _ready(house)
        house.stop()
    if length_s is None or moment == "stop":  # back after all, for a daemon that knows nothing
        scene.wake()
        until(lambda: None not in [each.poll() for each in house.held], 30, "what was left ends")
        if any(each.returncode for each in house.held):
            wrong.append("it did not end well once its share was back")
        house.start()
        scene.ended(own, 180, "its own photos after a restart")
    others = tuple(scene.paths[box] + "/" for box in scene.others)
    wrong += [
        f"{source} ended in {end}" for source, end in house.listen().ends.items()
        if end != "photo.done" and (source.startswith(others) or scene.folder != "quarantine")
    ]  # fmt: skip
    wrong += [f"no JSON: {line}" for line in house.unparsable]
    return wrong


def _ready(house: House) -> list[str]:
    """Start it; what is wrong with how long that took."""
    house.start()
    ready_s = house.last["service.ready"]["start_ms"] / 1000
    return [f"ready after {ready_s:.1f} s"] if ready_s > _READY_S + _busy() else []


def _busy() -> float:
    """How many others want each core of this machine now."""
    return max(0.0, os.getloadavg()[0] / (os.cpu_count() or 1) - 1)

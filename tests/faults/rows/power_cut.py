"""Power cuts on ext4: FS_IOC_SHUTDOWN throws away all that is not on disk, at a random moment.

Inbox, outbox and ledger lie on one small file system; the log does not, as it is the witness of
what was promised.  Photos are synced before they count as dropped.  After each cut the file
system is mounted anew and looked at before the next start: what was said to be done must be
there, whole.  Every few cuts the daemon is left alone until nothing waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import random
import shutil
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House, Stuck, until
from faults.pictures import valid
from nobgd.picture import provenance

NAME = "power_cut"
TITLE = "power cuts on ext4, data=ordered and data=writeback,noauto_da_alloc"
FULL, SHORT = 1_000, 2
_MODES = ("data=ordered", "data=writeback,noauto_da_alloc")
_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, 2  # linux/fs.h; ext4.h: EXT4_GOING_FLAGS_NOLOGFLUSH
_PORTION = 10  # cuts of one file system between two drains
_PHOTOS = 2
_AFTER_A_PROMISE = 0.5  # of the cuts come when a photo has just been said to be done
_LATEST_S = 1.1  # settling, jobs, publishing
_PATIENCE_S = 120.0


def missing() -> str | None:
    """Why it cannot run here."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed"
    return None if os.path.exists("/dev/loop-control") else "there are no loop devices"


class Disk:
    """A small ext4 in a file, mounted."""

    def __init__(self, root: Path, options: str) -> None:
        self._image, self.point, self._options = root / "image", root / "mnt", options
        self.point.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(96 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        self.mount()

    def mount(self) -> None:
        """Mount it; its journal is replayed."""
        options = f"loop,{self._options}"
        subprocess.run(["mount", "-o", options, str(self._image), str(self.point)], check=True)

    def cut(self) -> None:
        """Let all be lost that is not on disk; nothing can be written any more."""
        folder = os.open(self.point, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def unmount(self) -> None:
        """Unmount it as soon as nobody uses it."""
        words = ["umount", str(self.point)]
        until(lambda: subprocess.run(words, capture_output=True, check=False).returncode == 0,
              30, "the file system is in use")  # fmt: skip
        # who made a mount namespace meanwhile has it still, shut down as it is
        words = ["losetup", "--associated", str(self._image)]
        until(lambda: not subprocess.run(words, capture_output=True, check=True).stdout,
              300, "the file system is mounted in somebody's namespace")  # fmt: skip


class Site:
    """A daemon on a disk, and the photos that were dropped since the last drain."""

    def __init__(self, root: Path, cache: Path, options: str) -> None:
        root.mkdir()
        self.disk = Disk(root, options)
        self.house = House(self.disk.point / "house", cache, workers={"count": 1})
        self.house.log, self.house.errors = root / "log.jsonl", root / "stderr"
        self.house.log.touch()
        os.sync()
        self.checks = Checks(self.house)
        self.inputs: dict[str, str] = {}
        self.older: dict[str, set[str]] = {}

    def close(self) -> None:
        """End the daemon and leave no mount behind."""
        self.house.kill()
        if os.path.ismount(self.disk.point):
            with contextlib.suppress(Stuck):
                self.disk.unmount()
            subprocess.run(["umount", "-l", str(self.disk.point)], check=False, capture_output=True)

    def drop(self, name: str, data: bytes) -> None:
        """Put a photo into the inbox so that it outlives a cut."""
        target = self.house.inbox / name
        if not target.parent.exists():
            target.parent.mkdir()
            _sync(self.house.inbox)
        temp = target.with_name(f".{target.name}.part")
        with temp.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temp, target)
        _sync(target.parent)
        if name in self.inputs:
            self.older.setdefault(name, set()).add(self.inputs[name])
        self.inputs[name] = hashlib.sha256(data).hexdigest()

    def await_promise(self, before: int) -> None:
        """Wait until more than ``before`` photos were said to be done, ever."""
        until(lambda: self.house.listen().versions.total() > before, 60, "a photo is done")

    def cut(self) -> None:
        """Cut the power, and give it back."""
        self.disk.cut()
        self.house.kill()
        self.disk.unmount()
        self.disk.mount()

    def kept(self) -> list[str]:
        """Promises that were not kept, and what is torn."""
        house, wrong = self.house.listen(), []
        for path in house.outbox.rglob("*_nobg.png"):
            with path.open("rb") as stream:
                if not provenance.whole(stream):
                    wrong.append(f"torn: {path.name}")
        for name, digest in self.inputs.items():
            path = house.inbox / name
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                wrong.append(f"I3: {name} was changed")
            source = house.path(name)
            promised = {digest, *self.older.get(name, ())}
            if not any(house.versions[source, each] for each in promised):
                continue
            try:
                with open(house.outputs[source], "rb") as stream:
                    said = provenance.find(stream.read(provenance.HEAD_BYTES))
            except FileNotFoundError:
                wrong.append(f"lost after it was said to be done: {house.outputs[source]}")
                continue
            right = {digest} if house.versions[source, digest] else promised
            if said is None or said.sha256 not in right:
                wrong.append(f"older than what was said to be done: {house.outputs[source]}")
        return wrong

    def drain(self) -> list[str]:
        """Let the daemon do what is left; what is wrong then."""
        house = self.house.start()
        wrong = [f"lost: {source}" for source in house.await_versions(self.inputs, _PATIENCE_S)]
        wrong += self.checks.violations(self.inputs)
        for name, digest in self.inputs.items():
            for each in (digest, *self.older.get(name, ())):
                if house.versions[house.path(name), each] > 1:
                    wrong.append(f"{name} was said to be done twice")
        house.stop()
        for name in self.inputs:
            (house.inbox / name).unlink()
            with contextlib.suppress(KeyError, FileNotFoundError):
                os.unlink(house.outputs[house.path(name)])
        os.sync()
        house.forget()
        self.inputs, self.older = {}, {}
        return wrong


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of cuts, of one file system and then the other; yields as every row does."""
    sites: dict[str, Site] = {}
    portion = min(_PORTION, max(1, (stop - start) // len(_MODES)))
    try:
        while start < stop:
            mode = _MODES[start // portion % len(_MODES)]
            if mode not in sites:
                sites[mode] = Site(root / mode, root.parent / "cache", mode)
            end = min(start + portion, stop)
            wrong, counts = _portion(sites[mode], range(start, end), seed)
            counts[mode] = end - start
            yield end, [f"before {end}, {mode}: {each}" for each in wrong], counts
            start = end
    finally:
        for site in sites.values():
            site.close()


def _portion(site: Site, numbers: range, seed: int) -> tuple[list[str], Counter[str]]:
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    for number in numbers:
        chance = random.Random(seed * 1_000_003 + number)
        site.house.start()
        for count in range(_PHOTOS):
            name = f"{number}-{count}.jpg"
            if count == 1 and len(site.inputs) > 1 and chance.random() < 0.5:
                name = chance.choice(sorted(site.inputs))
                counts["changed"] += 1
            elif count == 1:
                name = f"{number}/{name}"  # a folder that the outbox does not have yet
            site.drop(name, valid(seed * 1_000_003 + number * _PHOTOS + count))
        before = site.house.listen().versions.total()
        if chance.random() < _AFTER_A_PROMISE:
            site.await_promise(before)
            time.sleep(chance.uniform(0.0, 0.3))
        else:
            time.sleep(chance.uniform(0.0, _LATEST_S))
        site.cut()
        promised = site.house.listen().versions.total() - before
        counts[f"{promised} said to be done before the cut"] += 1
        wrong += [f"{number}: {each}" for each in site.kept()]
    return wrong + site.drain(), counts


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

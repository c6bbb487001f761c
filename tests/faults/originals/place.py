"""Inboxes, an outbox and archives, what they lie on, the daemons that use them, and their faults.

``base`` is a folder as the machine sees it that has the disk, ``point`` as nobgd is told of it: the
same, a bind mount, or a FUSE file system.  Writers and checks go to the base.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.house import House, children
from faults.originals.plan import Plan
from nobgd.picture import provenance

_ERRNOS = (errno.EIO, errno.EIO, errno.EIO, errno.ESTALE, errno.EROFS, errno.ENOSPC)
_OPERATIONS = {
    "inbox": ("read", "open", "rename", "stat", "listdir", "unlink", "dir-fsync"),
    "outbox": ("open", "write", "fsync", "close", "rename", "dir-fsync", "stat", "read"),
    "archive": ("open", "write", "fsync", "close", "rename", "dir-fsync", "stat", "unlink"),
}
HOOK = Path(__file__).parent.parent / "quick"


@dataclass(slots=True)
class Ground:
    """One folder, and what nobgd's way to it is."""

    base: Path
    point: Path
    how: str = "plain"  # plain | bind | fuse
    fuse: Any = None
    bare: list[str] = field(default_factory=list)  # found on the bare mount point

    def open(self) -> None:
        """Make the way."""
        self.point.mkdir(parents=True, exist_ok=True)
        if self.how == "fuse":
            from faults.faulty import Mount

            self.fuse = Mount(self.base, self.point)
        elif self.how == "bind":
            _mount("--bind", str(self.base), str(self.point))

    def shut(self) -> None:
        """Take the way away, whoever uses it."""
        if self.fuse is not None:
            self.fuse.close()
        elif self.how == "bind":
            subprocess.run(["umount", "-l", str(self.point)], check=False, capture_output=True)
        if self.how != "plain":
            self.look()

    def look(self) -> None:
        """Note what lies on the bare mount point."""
        if not os.path.ismount(self.point):
            self.bare += [
                os.path.join(folder, name)
                for folder, folders, files in os.walk(self.point)
                for name in (*folders, *files)
            ]


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


class Place:
    """All of a batch."""

    def __init__(self, root: Path, cache: Path, masks: Path, plan: Plan) -> None:
        self.root, self.plan = root, plan
        self._tmpfs: list[Path] = []
        self._cut: dict[tuple[str, int], str] = {}
        self._cut_at = 0.0
        self.kills = self.forgets = 0
        self.away = False  # something is unmounted
        self.unexpected: list[str] = []
        root.mkdir(parents=True)
        self.inboxes = [self._ground(f"in{n}", "inbox") for n in range(plan.inboxes)]
        self.outbox = self._ground("out", "outbox")
        self.taken = self.outbox.base.parent / "taken"
        self.taken.mkdir()
        count = 1 if plan.one_archive else plan.inboxes
        archives = plan.source != "delete"
        self.archives = [self._ground(f"arch{n}", "archive") for n in range(count * archives)]
        for ground in self.grounds:
            ground.open()
        self.houses = self._houses(cache, masks)
        self.known = set(os.listdir(root))

    @property
    def grounds(self) -> list[Ground]:
        """Every folder."""
        return [*self.inboxes, self.outbox, *self.archives]

    def _ground(self, name: str, where: str) -> Ground:
        plan, across = self.plan, where == "archive" and self.plan.source == "archive across"
        target = where == plan.where
        how = "plain"
        if target and plan.fault in ("errno", "no times"):
            how = "fuse"
        elif across and plan.kill and not plan.tmpfs and (plan.fault == "none" or not target):
            how = "fuse"  # slow, so that kills find something under way
        elif across or (target and plan.fault in ("unmounted", "full")):
            how = "bind"
        base = self.root / name
        if how != "plain":
            disk = self.root / f"disk-{name}"
            disk.mkdir()
            told_apart = plan.fault == "unmounted" and "supervisor" in plan.kill
            if plan.tmpfs or across or (target and (plan.fault == "full" or told_apart)):
                _mount("-t", "tmpfs", "-o", "size=24m", "nobgd-test", str(disk))
                self._tmpfs.append(disk)
            base = disk / name
        base.mkdir()
        return Ground(base, self.root / f"{name}-point" if how != "plain" else base, how)

    def _houses(self, cache: Path, masks: Path) -> list[House]:
        plan = self.plan
        made = []
        for number in range(2 if plan.crowd.startswith("two machines") else 1):
            mine = self.inboxes
            if plan.crowd == "two machines":
                mine = [self.inboxes[number]]
            inboxes = []
            for each, inbox in enumerate(mine):
                rules: dict[str, Any] = {
                    "path": str(inbox.point), "outbox": str(self.outbox.point),
                    "source": plan.source.split()[0],
                    "quarantine": str(self.root / f"m{number}" / f"quarantine{each}"),
                }  # fmt: skip
                if self.archives:
                    at = self.inboxes.index(inbox) % len(self.archives)
                    rules["archive"] = str(self.archives[at].point)
                inboxes.append(rules)
            house = House(
                self.root / f"m{number}",
                cache,
                inboxes=inboxes,
                workers={"count": plan.lanes, "threads": 1},
                review={"below": 1.0},
            )  # fmt: skip - what may be doubted stays, too, which is not tried here
            here = os.pathsep.join([str(HOOK), os.environ.get("PYTHONPATH", "")])
            house.environment = {"PYTHONPATH": here, "NOBGD_FAULTS_MASKS": str(masks)}
            made.append(house)
        return made

    def close(self) -> None:
        """End everything."""
        for house in self.houses:
            house.kill()
        for ground in self.grounds:
            with contextlib.suppress(OSError):
                ground.shut()
        for disk in self._tmpfs:
            subprocess.run(["umount", "-l", str(disk)], check=False, capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)

    # --- what is where -------------------------------------------------------------------

    def cut(self, sha256: str) -> bool:
        """Whether a cut-out of these bytes was seen in the outbox, or taken."""
        if time.monotonic() > self._cut_at + 0.1:
            self._cut_at = time.monotonic()
            for path in (*_files(self.outbox.base), *_files(self.taken)):
                with contextlib.suppress(OSError):
                    key = path, os.stat(path).st_ino
                    if key not in self._cut:
                        with open(path, "rb") as stream:
                            said = provenance.find(stream.read(provenance.HEAD_BYTES))
                        self._cut[key] = said.sha256 if said is not None else ""
        return sha256 in self._cut.values()

    def copied(self, inbox: int, relpath: str) -> bool:
        """Whether quarantine has a copy of this name."""
        at = inbox if self.plan.crowd == "two inboxes" else 0
        folders = [house.root / f"quarantine{at}" for house in self.house_of(inbox)]
        return any(os.path.lexists(os.path.join(each, relpath)) for each in folders)

    def quarantines(self) -> list[Path]:
        """The folders for what cannot be done."""
        return [each for house in self.houses for each in house.root.glob("quarantine*")]

    def house_of(self, inbox: int) -> list[House]:
        """Who works on an inbox."""
        return [self.houses[inbox]] if self.plan.crowd == "two machines" else self.houses

    # --- what is done to it --------------------------------------------------------------

    def fault(self, chance: random.Random) -> bool:
        """Begin the fault of the plan; False when there is none."""
        for ground in self.targets():
            match self.plan.fault:
                case "unmounted":
                    self.away = True
                    ground.shut()
                case "full":
                    with (
                        contextlib.suppress(OSError),
                        open(ground.base.parent / "filler", "wb", buffering=0) as filler,
                    ):
                        while filler.write(bytes(1 << 16)):
                            pass
                case "errno":
                    operation = chance.choice(_OPERATIONS[self.plan.where])
                    ground.fuse.fail(
                        operation, chance.choice(_ERRNOS), chance.choice((1, 3, 10_000))
                    )
                case "no times":
                    ground.fuse.fail("utimens", errno.EPERM, 1_000_000)
        return self.plan.fault != "none"

    def lift(self) -> None:
        """End it."""
        for ground in self.targets():
            match self.plan.fault:
                case "unmounted":
                    ground.look()
                    ground.open()
                    self.away = False
                case "full":
                    (ground.base.parent / "filler").unlink(missing_ok=True)
                case "errno":
                    ground.fuse.lift()

    def targets(self) -> list[Ground]:
        """Where the fault is."""
        match self.plan.where:
            case "inbox":
                return self.inboxes
            case "outbox":
                return [self.outbox]
            case _:
                return self.archives

    def kill(self, who: str, chance: random.Random) -> House | None:
        """SIGKILL; the house, when it is the daemon itself that has to be started again."""
        house = chance.choice(self.houses)
        if house.dead():
            return None
        assert house.process is not None
        self.kills += 1
        if who == "supervisor":
            house.kill()
            return house
        lanes = children(house.process.pid)
        if lanes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(lanes), signal.SIGKILL)
        return None

    def forget(self, house: House) -> None:
        """Delete its ledger, as a machine does that is set up anew."""
        self.forgets += 1
        for path in house.state.glob("ledger.sqlite3*"):
            path.unlink(missing_ok=True)

    def revive(self) -> None:
        """Start what has died; if nobody killed it, that is a finding."""
        for house in self.houses:
            if house.dead():
                status = house.process.returncode if house.process is not None else None
                if status not in (None, -signal.SIGKILL):
                    said = house.errors.read_text(errors="replace")[-400:]
                    self.unexpected.append(f"the daemon ended with {status}: {said}")
                house.spawn()


def _files(root: Path) -> list[str]:
    return [os.path.join(folder, name) for folder, _, files in os.walk(root) for name in files]


def missing() -> str | None:
    """Why it cannot run here."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/fuse") or shutil.which("fusermount3") is None:
        return "there is no FUSE"
    try:
        import mfusepy  # noqa: F401 - it loads libfuse
    except (ImportError, OSError) as error:
        return f"mfusepy cannot be used: {error}"
    tried = subprocess.run(
        [sys.executable, "-c", "import ctypes,os,tempfile\n"
         "point = tempfile.mkdtemp()\n"
         "sys = ctypes.CDLL(None)\n"
         "good = sys.mount(b'x', point.encode(), b'tmpfs', 0, None) == 0\n"
         "good and sys.umount(point.encode())\n"
         "os.rmdir(point)\n"
         "raise SystemExit(not good)"],
        check=False,
    )  # fmt: skip
    return None if tried.returncode == 0 else "mounting is not allowed"

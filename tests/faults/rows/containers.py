"""Memory limits below what the cores suggest: cgroups of several sizes, lanes and photos."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faults.house import Checks, House, Stuck
from nobgd import models

NAME, TITLE = "containers", "memory limits by cgroup: every size, lanes and photos"
_LIMITS_MB = (700, 400, 1000, 1500, 3000)
_LANES: tuple[int | str, ...] = (4, 2, 1, "auto")
_MEGAPIXELS = (12, 100)
CASES = [(mb, lanes, mp) for mp in _MEGAPIXELS for mb in _LIMITS_MB for lanes in _LANES]
FULL, SHORT = len(CASES), 1
_PHOTOS = {12: 6, 100: 2}
_ROOM_MB = {12: 700, 100: 1500}  # with which such a photo has to be done; with less it may be
_ORDINARY = 25  # megapixels: no such photo is set aside for want of memory, it waits
_TOP = Path("/sys/fs/cgroup")
_PATIENCE_S = 400.0
_WAITS_S = 120.0  # that such a photo is watched where it need not be done


def _home() -> Path | None:
    """The folder in which memory groups can be made."""
    for folder, name in ((_TOP / "memory", "memory.limit_in_bytes"), (_TOP, "cgroup.procs")):
        if (folder / name).exists() and os.access(folder, os.W_OK):
            controllers = folder / "cgroup.subtree_control"
            if not controllers.exists() or "memory" in controllers.read_text():
                return folder
    return None


def missing() -> str | None:
    """Why this cannot run here."""
    return "no memory cgroup can be made" if os.geteuid() != 0 or _home() is None else None


def _model() -> str:
    """The large one, whose lanes need the more memory, where it was fetched."""
    try:
        models.find("u2net", "fp32", None)
    except models.ModelError:
        return "u2netp"
    return "u2net"


class Container:
    """A memory cgroup with a limit."""

    def __init__(self, name: str, limit_mb: int) -> None:
        home = _home()
        assert home is not None
        self.folder = home / name
        self.folder.mkdir()
        for each in ("memory.max", "memory.limit_in_bytes", "memory.swap.max"):
            if (self.folder / each).exists():
                swap = each == "memory.swap.max"
                (self.folder / each).write_text("0" if swap else str(limit_mb * 1_000_000))

    def take_in(self, pid: int) -> None:
        """A process; what it starts follows."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int:
        """How often memory ran out in it."""
        for each in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = (self.folder / each).read_text().splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def close(self) -> None:
        """Away with it."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                self.folder.rmdir()
                return
            time.sleep(0.1)


def _refused(house: House) -> bool:
    """Whether it ended at its start, as not even the model fits, and said so."""
    ended = house.process is not None and house.process.poll() == 3
    return ended and "the model does not fit into" in house.errors.read_text()


def photo(megapixels: int, seed: int) -> bytes:
    """A JPEG with a subject: a bright blot before noise."""
    scale = (megapixels / 12) ** 0.5
    height, width = 250 * round(12 * scale), 250 * round(16 * scale)
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 90, (height // 50, width // 50, 3), dtype=np.uint8)
    y, x = np.mgrid[: small.shape[0], : small.shape[1]]
    inside = ((y / small.shape[0] - 0.5) ** 2 + (x / small.shape[1] - 0.5) ** 2) < 0.06
    small[inside] = (240, 180, 60)
    stream = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(stream, "JPEG", quality=80)
    return stream.getvalue()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One container each; yields (next number, violations, counts)."""
    for number in range(start, stop):
        limit_mb, lanes, megapixels = CASES[number % len(CASES)]
        case = f"{limit_mb} MB, {lanes} lanes, {megapixels} MP"
        folder = root / f"house-{number}"
        container = Container(f"nobgd-faults-{os.getpid()}-{number}", limit_mb)
        house = House(
            folder, root.parent / "cache-u2net", model={"name": _model()}, workers={"count": lanes},
        )  # fmt: skip
        checks, wrong, counts = Checks(house), [], {case: 1}
        names = {f"{n}.jpg": photo(megapixels, seed + n) for n in range(_PHOTOS[megapixels])}
        try:
            house.spawn()
            assert house.process is not None
            container.take_in(house.process.pid)
            for name, data in names.items():
                (house.inbox / name).write_bytes(data)
            room = limit_mb >= _ROOM_MB[megapixels]
            waits = megapixels <= _ORDINARY and not room
            left = house.await_ends(names, _WAITS_S if waits else _PATIENCE_S)
            counts["wait for memory"] = len(left) if waits else 0
            wrong += [f"{case}: not done: {each}" for each in left if not waits]
            kills = container.kills()
            counts["kills"] = kills
            if kills > 3 * len(names) + 4:  # three tries alone each, and one for each lane
                wrong.append(f"{case}: {kills} kills for {len(names)} photos")
            for code, count in house.codes.items():
                if not code.startswith("photo.quarantined"):
                    continue
                counts[code] = count
                if room or waits or "out_of_memory" not in code:
                    wrong.append(f"{case}: {count} x {code}")
            digests = {name: hashlib.sha256(data).hexdigest() for name, data in names.items()}
            held = checks.violations(digests, drained=not (waits and left))
            if waits and _refused(house):
                counts["refused to start"] = 1
                held.remove("the daemon has died")
            wrong += [f"{case}: {each}" for each in held]
        except Stuck as stuck:
            wrong.append(f"{case}: {stuck}")
        finally:
            house.kill()
            container.close()
        yield number + 1, wrong, counts

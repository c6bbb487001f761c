"""A folder on cores of half the speed: a quota of processor time, as small machines and NAS have.

Both programs run in a control group that may use half of what the cores have.  nobgd looks at the
quota and opens so many lanes and inferences as it allows; rembg takes a thread for each core.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import folder, photos
from benchmarks.part import Bench, Verdict, label

_TOP = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000
_COUNT = 8


def measure(bench: Bench) -> dict[str, Any] | None:
    """The folder's row with half of the cores' time."""
    home = _home()
    if home is None:
        bench.say("no control group can be made here: slow cores are left out")
        return None
    cores = os.cpu_count() or 1
    with _held(home, cores * _PERIOD_US // 2):
        row = folder.beside_rembg(bench, "slow", photos.sources(bench.photos), _COUNT)
    return None if row is None else row | {"cores": cores}


def _home() -> Path | None:
    """The folder in which groups with a quota can be made."""
    for each, file in ((_TOP / "cpu", "cpu.cfs_quota_us"), (_TOP, "cgroup.procs")):
        controllers = each / "cgroup.subtree_control"
        given = not controllers.exists() or "cpu" in controllers.read_text().split()
        if given and (each / file).exists() and os.access(each, os.W_OK):
            return each
    return None


@contextlib.contextmanager
def _held(home: Path, quota_us: int) -> Iterator[None]:
    """Have this process, and what it starts, in a group that gets so much in each period."""
    group = home / f"nobgd-bench-{os.getpid()}"
    group.mkdir()
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
    finally:
        with contextlib.suppress(OSError):
            (home / "cgroup.procs").write_text(str(os.getpid()))
        with contextlib.suppress(OSError):
            group.rmdir()


def section(row: dict[str, Any] | None) -> list[str]:
    """A table; nothing where no group could be made."""
    if row is None:
        return []
    lines = [
        "## Slow cores", "",
        f"The folder of {row['photos']} photos with half of the time of {row['cores']} cores, by a"
        f" control group's quota; medians of {row['rounds']} rounds in turns.", "",
        "| | photos/min | wall s | CPU s | MB, all | × rembg |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for who, each in row["contenders"].items():
        lines.append(
            f"| {label(who)} | {each['photos_per_minute']:.1f} | {each['wall_s']:.1f} |"
            f" {each['cpu_s']:.0f} | {each['all_mb']:.0f} | {each.get('ratio', 1):.2f} |"
        )
    return lines


def verdicts(_row: dict[str, Any] | None) -> list[Verdict]:
    """None was asked for."""
    return []

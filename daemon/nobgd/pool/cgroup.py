"""What the control groups above this process allow it: memory and processor time.

Both versions, mixed ones, and any depth: a limit anywhere above holds.  Sources: cgroups(7),
Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ENDLESS = 1 << 60  # bytes: v1 says "no limit" as a huge number


@dataclass(frozen=True, slots=True)
class Group:
    """A control group as a folder."""

    folder: str
    unified: bool  # version 2

    def read(self, name: str) -> str:
        """A file of it; empty where there is none."""
        with contextlib.suppress(OSError), open(os.path.join(self.folder, name)) as file:
            return file.read()
        return ""

    def number(self, name: str) -> int | None:
        """A number in a file of it; None for "max", for none and where there is no such file."""
        with contextlib.suppress(ValueError):
            found = int(self.read(name))
            return found if 0 <= found < _ENDLESS else None
        return None

    def entry(self, name: str, *keys: str) -> int:
        """The sum of these lines of a file of "key number" lines."""
        found = dict(line.split(" ", 1) for line in self.read(name).splitlines() if " " in line)
        return sum(int(found.get(key, 0)) for key in keys)


def above(controller: str, cgroup: str | None = None, mountinfo: str | None = None) -> list[Group]:
    """The groups of this process for ``controller`` ("memory", "cpu"), its own first.

    The arguments are the texts of ``/proc/self/cgroup`` and ``/proc/self/mountinfo``.
    """
    cgroup = _text("/proc/self/cgroup") if cgroup is None else cgroup
    mountinfo = _text("/proc/self/mountinfo") if mountinfo is None else mountinfo
    groups: list[Group] = []
    for line in cgroup.splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        unified = number == "0" and not names
        if unified or controller in names.split(","):
            for point, root in _mounts(mountinfo, controller, unified):
                groups += [Group(each, unified) for each in _folders(point, root, path)]
    return groups


def _mounts(mountinfo: str, controller: str, unified: bool) -> Iterator[tuple[str, str]]:
    """(mount point, what of the hierarchy is mounted there)."""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == ("cgroup2" if unified else "cgroup") and (
            unified or controller in kind[2].split(",")
        ):
            yield _plain(fields[4]), _plain(fields[3])
            return


def _folders(point: str, root: str, path: str) -> Iterator[str]:
    """The group's folder and those above it, as far as they are mounted."""
    below = path
    if root != "/":  # a container's view: what it sees as the top is its own group
        below = path[len(root) :] if path == root or path.startswith(root + "/") else ""
    parts = [part for part in below.split("/") if part]
    if ".." in parts or not os.path.isdir(os.path.join(point, *parts)):
        parts = []
    for depth in range(len(parts), -1, -1):
        yield os.path.join(point, *parts[:depth])


def memory_mb() -> tuple[float | None, float | None]:
    """The least limit above this process and the least that is left below one, 10^6 bytes.

    What others in such a group use is taken off; what the kernel only keeps of files is not.
    A group that is slowed down (memory.high) is one that is full.  None: no limit.
    """
    limits, left = [], []
    for group in above("memory"):
        names, used, cache = ["memory.max", "memory.high"], "memory.current", ""
        if not group.unified:
            names, used, cache = ["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_"
        found = [value for name in names if (value := group.number(name)) is not None]
        if found:
            files = group.entry("memory.stat", f"{cache}inactive_file", f"{cache}active_file")
            limits.append(min(found) / 1e6)
            left.append(max(0, min(found) - max(0, (group.number(used) or 0) - files)) / 1e6)
    return min(limits, default=None), min(left, default=None)


def cpus() -> float | None:
    """Processors' worth of time that the quotas above this process allow; None: no quota."""
    found = []
    for group in above("cpu"):
        if group.unified:
            quota, _, period = group.read("cpu.max").strip().partition(" ")
        else:
            quota, period = (group.read(f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        with contextlib.suppress(ValueError, ZeroDivisionError):
            if int(quota) > 0:
                found.append(int(quota) / int(period))
    return min(found, default=None)


def oom_kills() -> int:
    """How often the kernel ended a process for want of memory, here or on the whole machine.

    Only its growth means something.
    """
    count = 0
    for group in above("memory")[:1]:
        count += group.entry("memory.events" if group.unified else "memory.oom_control", "oom_kill")
    found = re.search(r"^oom_kill (\d+)$", _text("/proc/vmstat"), re.MULTILINE)
    return count + (int(found[1]) if found else 0)


def _text(path: str) -> str:
    with contextlib.suppress(OSError), open(path, errors="surrogateescape") as file:
        return file.read()
    return ""


def _plain(field: str) -> str:
    r"""Undo mountinfo's octal escapes (\040 is a space)."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field)

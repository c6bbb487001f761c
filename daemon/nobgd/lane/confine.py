"""Confine a lane or the model process: what it cannot do, no picture can make it do.

Each measure is taken where the kernel has it and left out where not; which of them hold is
returned for the log.  They work as root and as a plain user, and only ever narrow: none can
be taken back.  docs/security.md says what is left.

Root keeps no capability.  One exception: where a folder belongs to another user, root could not
write there, so DAC_OVERRIDE stays, and only if Landlock says which files that is about.

Landlock covers this thread and those started later, so confine before
ONNX Runtime starts its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence

from nobgd.fs import grants
from nobgd.fs.beneath import known
from nobgd.lane import landlock, privileges, seccomp

_SET_PDEATHSIG, _SET_NO_NEW_PRIVS = 1, 38  # prctl(2)
_OPEN_FILES = 256
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/os-release", "/etc/fstab",
    "/nix/store", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm",
    "/sys/bus", "/sys/class", "/sys/devices", "/sys/fs/cgroup",
    "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
)  # fmt: skip
_DRIVER = (  # what CUDA reads besides, and where its libraries may lie
    "/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/sys/module", "/opt/cuda",
)  # fmt: skip
_RESOLVING = ("/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")
_Identity = tuple[int, int, int] | None  # device, inode, mount; None: not there, or not asked
_granted: dict[str, _Identity] = {}  # what Landlock lets us into, if it does


def confine(
    read: Sequence[str], write: Sequence[str], memory_bytes: int | None,
    taken: Mapping[str, int] | None = None, *, leases: bool = False, model: bool = False,
    device: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Confine this process for good; return what holds, such as "landlock:6" or "seccomp".

    `read` are folders it may read (its own program and libraries it may anyway), `write`
    those it may also write to; `memory_bytes` limits its address space, of which ONNX
    Runtime and shared weights take a part.  `taken` are open descriptors of these folders
    (see `grants`): with them no share is asked, and a folder without one is left out until
    `outdated` tells that it is there.  `leases` and `model`: see `seccomp.program`.  `device`
    are device files of NVIDIA's driver, which CUDA opens to write and asks by ioctl(2).  Ends
    the process when the thread that started it ends.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    holds = []
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        holds.append("no_new_privs")
    threads = _threads()
    places = grants.take((*read, *write)) if taken is None else dict(taken)
    seen = {path: _identity(places[path]) if path in places else None for path in (*read, *write)}
    # a folder that is missing counts as root's, who will make it
    others = os.geteuid() == 0 and any(known(fd).owner != 0 for fd in places.values())
    fenced = False
    readable = [places[path] for path in read if path in places]
    writable = [places[path] for path in write if path in places]
    system = [*_SYSTEM, *(_DRIVER if device else ())]
    if landlock.apply([*system, *_program(), *readable], writable, devices=device):
        alone = "" if threads <= 1 else f" but for {threads - 1} older threads"
        holds.append(f"landlock:{landlock.abi()}{alone}")
        _granted.update(seen)
        fenced = True
    if taken is None:
        grants.give_back(places)
    if privileges.drop(privileges.DAC_OVERRIDE if others and fenced else None):
        holds.append("capabilities" + (" but for dac_override" if others and fenced else ""))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if memory_bytes is not None and _limit(resource.RLIMIT_AS, memory_bytes):
        holds.append("rlimit_as")
    if seccomp.apply(leases=leases, model=model, device=bool(device)):
        holds.append("seccomp")
    return tuple(holds)


def networked(file: str) -> tuple[str, ...]:
    """Confine a process that dials others and needs nothing else; return what holds.

    It may read what resolving a host's name takes, and ``file``'s folder; it writes nowhere.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    holds = []
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        holds.append("no_new_privs")
    try:
        others = os.geteuid() == 0 and os.stat(file).st_uid != 0
    except OSError:
        others = False
    places = [*_SYSTEM, *_program(), *_RESOLVING, os.path.dirname(file)]
    if fenced := landlock.apply(places, [], connects=True):
        holds.append(f"landlock:{landlock.abi()}")
    if privileges.drop(privileges.DAC_OVERRIDE if others and fenced else None):
        holds.append("capabilities" + (" but for dac_override" if others and fenced else ""))
    _limit(resource.RLIMIT_CORE, 0)
    return tuple(holds)


def outdated(folders: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return those granted folders that are others now than when they were granted.

    A Landlock rule goes by the folder that was there.  One that was missing then, was
    replaced since, or has been mounted anew is out of bounds for this process ("permission
    denied"), and only a new process can be let in.  Without Landlock there is none.  May
    block on a share that hangs.
    """
    asked = _granted if folders is None else {f: _granted[f] for f in folders if f in _granted}
    return tuple(path for path, before in asked.items() if _identity(path) not in (before, None))


def _program() -> list[str]:
    """Where this program and its libraries lie; not the working folder, which can be "/"."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    working = os.path.realpath(os.curdir)
    paths = [path for path in sys.path if path and os.path.realpath(path) != working]
    return [here, *(p for p in (sys.prefix, sys.base_prefix, *paths) if os.path.realpath(p) != "/")]


def _identity(folder: str | int) -> _Identity:
    try:
        if isinstance(folder, str):
            fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                return _identity(fd)
            finally:
                os.close(fd)
        found = known(folder)
    except OSError:
        return None
    return found.device, found.inode, found.stamp


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _limit(what: int, value: int) -> bool:
    """Lower a limit, the hard one too; one that is lower already stays."""
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(what, (value, value))
    except (OSError, ValueError):
        return False
    return True

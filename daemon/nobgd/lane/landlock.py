"""Landlock: which folders this process may read or write, kept by the kernel.

Sources: landlock(7), linux/landlock.h.  The kernel's ABI decides how much is covered: 1 files;
2 moves between folders; 3 truncation; 4 TCP; 5 ioctl on devices; 6 signals and abstract
sockets to processes outside.  A rule goes by the folder (inode) that was there when it was
made, see `confine.outdated`.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from nobgd.fs.beneath import known

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture but alpha
_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_READ = _READ_FILE | _READ_DIR
_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
)
_DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL
_FILE = _DEVICE | _TRUNCATE  # what a rule on a file, not a folder, may hold
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_HANDLED_LATER = (1 << 16) - 1  # ABI 5 and later: ioctl on devices too
_NET, _BIND = 0b11, 0b01  # bind and connect, TCP
_SCOPED = 0b11  # abstract sockets, signals

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the kernel's Landlock ABI; 0 when it has none or it is switched off."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def apply(
    read: Iterable[str | int], write: Iterable[str | int], *, devices: Iterable[str] = (),
    connects: bool = False,
) -> bool:  # fmt: skip
    """Let this thread, and those it starts from now on, touch only what lies beneath.

    Each is a path or an open descriptor, of which no share is asked; paths that are not there
    are left out.  ``devices`` may be read, written and asked by ioctl(2).  Nothing may listen at
    or dial a TCP port; with ``connects`` it may dial.
    The process must have no_new_privs (or be
    privileged).  Returns False where the kernel refuses.
    """
    version = abi()
    if version == 0:
        return False
    handled = _HANDLED.get(version, _HANDLED_LATER)
    net = [_BIND if connects else _NET] if version >= 4 else []
    fields = [handled, *net, *([_SCOPED] if version >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for places, access in ((read, _READ), (write, _WRITE), (devices, _DEVICE)):
            for place in places:
                _allow(ruleset, place, access & handled)
        return _call(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, place: str | int, access: int) -> None:
    if isinstance(place, int):
        _add(ruleset, place, access)
        return
    try:
        fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _add(ruleset, fd, access)
    finally:
        os.close(fd)


def _add(ruleset: int, fd: int, access: int) -> None:
    if not stat.S_ISDIR(known(fd).mode):
        access &= _FILE
    _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, fd), 0)


def _call(number: int, *arguments: int | bytes | None) -> int:
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *given))

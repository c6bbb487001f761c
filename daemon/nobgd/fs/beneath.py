"""Open what lies beneath a folder, whatever a name on the way is swapped for.

openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS does it in
one call (Linux 5.6); where the kernel or a sandbox has none, every component is opened on
its own with O_NOFOLLOW.  Names are `str` as `os.fsdecode` makes them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import NamedTuple

_OPENAT2 = 437  # the same number on every architecture but alpha
_RESOLVE = 0x02 | 0x04 | 0x08  # NO_MAGICLINKS | NO_SYMLINKS | BENEATH
_RETRIES = 32  # EAGAIN: a rename went on meanwhile, so the kernel could not be sure

_EMPTY_PATH, _DONT_SYNC = 0x1000, 0x4000  # statx(2)
_MOUNT, _MOUNT_UNIQUE = 0x1000, 0x4000
_BASIC = 0x0001 | 0x0002 | 0x0008 | 0x0100  # type, mode, owner, inode

_libc = ctypes.CDLL(None, use_errno=True)
_missing: set[int] = set()  # holds _OPENAT2 once the kernel has refused it


class Known(NamedTuple):
    """What there is to know of a file without asking its file system."""

    mode: int  # st_mode
    owner: int  # st_uid
    device: int  # st_dev
    inode: int
    stamp: int  # see `mount_stamp`


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_beneath(folder: int, relpath: str, flags: int, mode: int = 0) -> int:
    """Open `relpath` beneath the open directory `folder` and return a new descriptor.

    No symbolic link is followed anywhere, and neither ``..`` nor an absolute path leads
    out.  O_CLOEXEC and O_NOFOLLOW are added.  Raises OSError: ELOOP for a link, EXDEV for a
    way out, else as open(2) does.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    relpath = relpath or "."
    if _OPENAT2 not in _missing:
        try:
            return _openat2(folder, relpath, flags, mode)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM):
                raise
            if error.errno == errno.EPERM and _works(folder):
                raise  # about this file, not about the call
            _missing.add(_OPENAT2)
    return _walk(folder, relpath, flags, mode)


def mount_stamp(fd: int) -> int:
    """Return a number that no other mount on this machine has had or will have (Linux 6.8).

    On older kernels it is the mount's id, which the next mount may be given again, and -1
    without even that.  No share is asked.
    """
    return known(fd).stamp


def known(fd: int) -> Known:
    """What the kernel knows of an open descriptor; no share is asked.

    Raises OSError where there is no statx(2) and fstat(2), which may block, fails.
    """
    buffer = ctypes.create_string_buffer(256)  # struct statx
    if hasattr(_libc, "statx"):
        for mask in (_MOUNT_UNIQUE, _MOUNT):
            done = _libc.statx(fd, b"", _EMPTY_PATH | _DONT_SYNC, mask | _BASIC, buffer)
            if done == 0 and (got := struct.unpack_from("=I", buffer)[0]) & _BASIC:
                owner, _, mode, inode = struct.unpack_from("=IIHxxQ", buffer, 20)
                device = os.makedev(*struct.unpack_from("=II", buffer, 136))
                stamp = struct.unpack_from("=Q", buffer, 144)[0] if got & mask else -1
                if stamp != -1 or mask == _MOUNT:
                    return Known(mode, owner, device, inode, stamp)
    info = os.fstat(fd)
    return Known(info.st_mode, info.st_uid, info.st_dev, info.st_ino, -1)


def _openat2(folder: int, relpath: str, flags: int, mode: int) -> int:
    how = _OpenHow(flags, mode if flags & (os.O_CREAT | os.O_TMPFILE) else 0, _RESOLVE)
    path = os.fsencode(relpath)
    if b"\0" in path:
        raise ValueError("a file name cannot hold a NUL")
    for _ in range(_RETRIES):
        fd = _libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(folder),
            ctypes.c_char_p(path),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if fd >= 0:
            return int(fd)
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code), relpath)


def _works(folder: int) -> bool:
    try:
        os.close(_openat2(folder, ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, 0))
    except OSError:
        return False
    return True


def _walk(folder: int, relpath: str, flags: int, mode: int) -> int:
    """Open one component after the other; no link is followed, ``..`` is refused."""
    if relpath.startswith("/") or ".." in relpath.split("/"):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), relpath)
    *above, name = [part for part in relpath.split("/") if part not in ("", ".")] or ["."]
    at = folder
    try:
        for part in above:
            step = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            down = os.open(part, step, dir_fd=at)
            if at != folder:
                os.close(at)
            at = down
        return os.open(name, flags, mode, dir_fd=at)
    finally:
        if at != folder:
            os.close(at)

"""Which file system a path lies on, how changes on it can be noticed, and whether it left.

inotify tells what this kernel does to a file system.  On a network or user-space file
system others do it, and nothing is told: those are polled.  A mount that goes away leaves
its bare mount point behind, which looks like an empty folder and can be written to; so
the identity of the mount is compared before an empty listing is believed (see `judge`).
Sources: proc_pid_mountinfo(5), proc_pid_fdinfo(5), inotify(7).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable

from nobgd.fs.beneath import open_beneath
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount

_MOST_LINKS = 40  # in one path, as the kernel has it


def parse(mountinfo: bytes) -> dict[int, Mount]:
    """Read the text of ``/proc/self/mountinfo``: mount id → `Mount` (device as listed)."""
    mounts = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(b" - ")
        fields, kind = left.split(b" "), right.split(b" ")
        if len(fields) < 6 or len(kind) < 2:
            continue
        major, _, minor = fields[2].partition(b":")
        mounts[int(fields[0])] = Mount(
            os.makedev(int(major), int(minor)),
            int(fields[0]),
            _unescape(fields[4]),
            os.fsdecode(kind[0]),
            _unescape(kind[1]),
        )
    return mounts


def identify(folder: str | int, below: str = "") -> Mount:
    """Say which mount a folder lies on now: a path, or a descriptor and a path `below` it.

    Raises OSError when the folder cannot be opened.  May block on a share that hangs.
    """
    if isinstance(folder, str):
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    else:
        fd = open_beneath(folder, below, os.O_PATH | os.O_DIRECTORY)
    try:
        return _of(fd)
    finally:
        os.close(fd)


def above(path: str) -> Mount | None:
    """What a path lies on by the table of mounts alone: no share is touched, whatever it does.

    Symbolic links are followed as long as local disks have them.  The mount's ``device`` is the
    table's.  None where there is no table.
    """
    try:
        with open("/proc/self/mountinfo", "rb") as table:
            seen = tuple(parse(table.read()).values())
    except OSError:
        return None
    at, names, links = "/", path.split("/")[::-1], 0
    while names:
        at = os.path.normpath(os.path.join(at, names.pop()))
        found = _over(at, seen)
        if found is not None and found.local and links < _MOST_LINKS:
            with contextlib.suppress(OSError):  # it is none, or not there
                names += os.readlink(at).split("/")[::-1]
                at, links = "/" if names[-1] == "" else os.path.dirname(at), links + 1
    return _over(at, seen)


def _over(path: str, seen: Iterable[Mount]) -> Mount | None:
    path = path.rstrip("/") + "/"
    over = [each for each in seen if path.startswith(each.mountpoint.rstrip("/") + "/")]
    return max(over, key=lambda each: (len(each.mountpoint), each.mount_id), default=None)


def _of(fd: int) -> Mount:
    device = os.fstat(fd).st_dev
    try:
        number = mount_id(fd)
        with open("/proc/self/mountinfo", "rb") as table:
            seen = parse(table.read())[number]
    except (OSError, KeyError, ValueError):  # no /proc; or unmounted lazily meanwhile
        return Mount(device, -1, "", "unknown", "")
    return Mount(device, number, seen.mountpoint, seen.fstype, seen.source)


def open_root(root: str, before: Mount | None) -> int:
    """Open an inbox or outbox and make sure that it lies on the mount that it lay on `before`.

    Its st_dev alone does not tell: a folder of the same file system may have been bound there.
    Returns a directory descriptor for the caller to close.  Raises OSError, or `NobgdError`
    GONE_AWAY when the folder is missing or its mount has left: then what is there is the bare
    mount point.
    """
    try:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NobgdError(
            Code.GONE_AWAY, f"the folder {root} is missing; make it, or mount its share"
        ) from error
    try:
        why = None if before is None else judge(before, _of(fd))
    except BaseException:
        os.close(fd)
        raise
    if why is None:
        return fd
    os.close(fd)
    raise NobgdError(Code.GONE_AWAY, f"{root}: {why}; mount it and it goes on")


def open_file(root: str, relpath: str, before: Mount | None) -> int:
    """Open what is at ``relpath`` of such a folder to be read, whatever it is, without waiting.

    Returns a descriptor for the caller to close.  Raises as `open_root` and `open_beneath` do.
    """
    folder = open_root(root, before)
    try:
        return open_beneath(folder, relpath, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    finally:
        os.close(folder)


def sight(device: int, mount_id: int) -> int:
    """One number for what a folder lies on: its st_dev and the id of its mount (-1: unknown)."""
    return device << 32 | mount_id & 0xFFFFFFFF


def sighted(sight: int) -> Mount:
    """The mount that another process saw, by its `sight`; without an id where it is not known."""
    device, number = sight >> 32, sight & 0xFFFFFFFF
    try:
        with open("/proc/self/mountinfo", "rb") as table:
            seen = parse(table.read())[number]
    except (OSError, KeyError, ValueError):
        return Mount(device, -1, "", "unknown", "")
    return Mount(device, number, seen.mountpoint, seen.fstype, seen.source)


def mount_id(fd: int) -> int:
    """Return the id of the mount an open descriptor belongs to; no share is touched.

    Raises OSError or ValueError without a usable /proc.
    """
    with open(f"/proc/self/fdinfo/{fd}", "rb") as info:
        found = re.search(rb"^mnt_id:\s*(\d+)", info.read(), re.MULTILINE)
    if found is None:
        raise ValueError("no mnt_id in fdinfo")
    return int(found[1])


def options(mount: Mount) -> dict[str, str]:
    """How it was mounted, by `/proc/self/mountinfo`: {"ro": "", "acdirmax": "60"}; {}: unknown.

    The mount's own and its file system's are put together, so something is read-only by ``ro``
    though ``rw`` may stand there, too.
    """
    try:
        with open("/proc/self/mountinfo", "rb") as table:
            return parse_options(table.read(), mount.mount_id)
    except OSError:
        return {}


def parse_options(mountinfo: bytes, number: int) -> dict[str, str]:
    """The same of a text and a mount id."""
    found: dict[str, str] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(b" - ")
        fields, kind = left.split(b" "), right.split(b" ")
        if len(fields) < 6 or len(kind) < 3 or fields[0] != b"%d" % number:
            continue
        for each in b",".join((fields[5], kind[2])).split(b","):
            name, _, value = each.partition(b"=")
            found[os.fsdecode(name)] = os.fsdecode(value)
    return found


def judge(before: Mount, now: Mount) -> str | None:
    """Say why a folder that once lay on `before` is to be taken for lost; None: it is there.

    Another device alone is no loss: NFS, FUSE and tmpfs get a new one with every mount.
    What counts is the mount *point*: when the mount that covered the folder is gone, the
    folder lies on a mount further up, and what is seen there is the bare mount point.  A
    new mount on the same point, or one further down (the daemon started before the share
    was mounted), is taken for the folder.  Of a mount that is remembered from an earlier run
    what it was of counts, too.
    """
    if (before.device, before.mount_id) == (now.device, now.mount_id):
        return None
    if before.remembered:
        same = (before.fstype, before.source) == (now.fstype, now.source)
        if same or now.mount_id == -1:  # a unit binds a folder of the same disk here, or does not
            return None
    elif before.mount_id == -1 or now.mount_id == -1:
        return None if before.device == now.device else "another file system is in its place"
    if before.mountpoint == now.mountpoint or _is_below(now.mountpoint, before.mountpoint):
        return None
    return f"{before.source} ({before.fstype}) is no longer mounted on {before.mountpoint}"


def unmounted(path: str, fstab: str = "/etc/fstab") -> str | None:
    """Say which entry of fstab should cover a path and is not mounted; None: all is well.

    This is how a share that was not mounted when the daemon started is told from an
    empty inbox.  Systems without an entry for it have only the missing folder to go by.
    """
    try:
        with open(fstab, "rb") as table:
            lines = table.read().splitlines()
        with open("/proc/self/mountinfo", "rb") as table:
            mounted = {mount.mountpoint for mount in parse(table.read()).values()}
    except OSError:
        return None
    real = os.path.realpath(path)
    for line in lines:
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith(b"#"):
            continue
        point = os.path.normpath(_unescape(fields[1]))
        if not point.startswith("/") or point == "/" or fields[2] == b"swap":
            continue
        if (real == point or _is_below(real, point)) and os.path.realpath(point) not in mounted:
            return f"{_unescape(fields[0])} belongs on {point} (/etc/fstab) and is not mounted"
    return None


def strategy(mount: Mount, mode: str) -> tuple[str, str]:
    """Choose ``inotify`` or ``poll`` for a mount, and say why.

    `mode` is ``watch.mode`` of the configuration: auto, inotify or poll.
    """
    on = mount.fstype
    if mode == "poll":
        return "poll", f"{on}, as the configuration asks"
    if mode == "inotify":
        hint = "" if mount.local else "; changes by other machines wait for the next rescan"
        return "inotify", f"{on}, as the configuration asks{hint}"
    if mount.local:
        return "inotify", on
    if mount.network:
        return "poll", f"{on}, where changes by others send no events"
    return "poll", f"{on}, not known to send events"


def _is_below(path: str, parent: str) -> bool:
    return path != parent and path.startswith(parent.rstrip("/") + "/")


def _unescape(field: bytes) -> str:
    r"""Undo the kernel's octal escapes (\040 is a space), then decode as the OS does."""
    plain = re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), field)
    return os.fsdecode(plain)

"""A seccomp filter for a process that only decodes pictures: raw BPF, no library needed.

The filter is a list of what is allowed (`calls`).  Anything else is refused with EPERM, so a
library that merely tries goes on; calls newer than the table do not exist (ENOSYS); what only
an attacker would try ends the process (SIGSYS).  Where a call is fine with some arguments only,
the arguments are looked at: numbers and flags, for a filter cannot follow a pointer.

To see what is refused, start nobgd with ``NOBGD_SECCOMP=log``: the kernel then logs each
(``journalctl -k --grep 'type=1326'``), with its number.

Sources: seccomp(2), linux/filter.h, linux/audit.h, and the headers that each constant names.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from nobgd.lane import calls, nvidia_calls

_ARCH = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}  # audit's name; seccomp(2)

_CREATE = 0o100 | 0o20000000  # fcntl.h: O_CREAT, O_TMPFILE
_TRUNCATE, _WRITABLE = 0o1000, 0o3  # O_TRUNC; O_WRONLY | O_RDWR
_SET_ID = 0o6000  # S_ISUID | S_ISGID
_THREAD = 0x00010000  # linux/sched.h: CLONE_THREAD; what it may not come with: traced, and the
_APART = 0x00002000 | 0x00020000 | 0x02000000 | 0x7C000000  # namespaces (NEWNS, NEWCGROUP … NEWNET)
# F_DUPFD … F_SETLKW, F_OFD_*, F_DUPFD_CLOEXEC, F_GET_SEALS
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1034)
_LEASE, _WRITE = 1024, 1  # F_SETLEASE; F_WRLCK
_ASYNC = 0o20000  # O_ASYNC, which asks for signals
# asm-generic/ioctls.h: TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_IOCTL = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_PRCTL = (3, 15, 16, 23, 0x53564D41)  # GET_DUMPABLE, SET_NAME, GET_NAME, CAPBSET_READ, SET_VMA

_SET_MODE_FILTER, _TSYNC, _LOG = 1, 1, 2
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # LD, JEQ, JGE, JSET
_AND = 0x54
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data (low words)


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def apply(*, leases: bool = False, model: bool = False, device: bool = False) -> bool:
    """Put the filter over all threads of this process; False where that cannot be.

    The process must have no_new_privs (or be privileged).  It cannot be taken off again.
    """
    machine = platform.machine()
    if machine not in _ARCH or struct.calcsize("P") != 8:
        return False
    code = program(machine, os.getpid(), leases=leases, model=model, device=device)
    filled = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _TSYNC | (_LOG if os.environ.get("NOBGD_SECCOMP") == "log" else 0)
    done = libc.syscall(
        ctypes.c_long(_ARCH[machine][1]),
        ctypes.c_uint(_SET_MODE_FILTER),
        ctypes.c_uint(flags),
        ctypes.byref(filled),
    )
    return int(done) == 0


def program(
    machine: str, pid: int, *, leases: bool = False, model: bool = False, device: bool = False
) -> bytes:
    """Return the BPF code: 8 bytes per instruction, as struct sock_filter holds it.

    With ``leases`` a read lease may be taken, which tells whether somebody has a file open for
    writing.  It can make that somebody wait, so it is for lanes that may remove the file anyway.
    The ``model`` process opens files to read and changes none.  With a ``device`` it opens what
    Landlock lets it write, makes and empties none, and asks what `nvidia_calls` names.
    """
    code = [
        _op(_LOAD, _AT_ARCH),
        _op(_EQUAL, _ARCH[machine][0], 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _AT_NUMBER),
    ]
    if machine == "x86_64":  # the x32 table has other numbers for the same calls
        code += [_op(_ANY_BIT, 0x40000000, 0, 1), _op(_RETURN, _KILL_PROCESS)]
    for number in calls.allowed(machine, model=model).values():
        code += [_op(_EQUAL, number, 0, 1), _YES]
    for name, number in calls.checked(machine).items():
        body = _body(name, pid, leases=leases)
        if device and name == "ioctl":
            body = _asking_a_device()
        elif model:
            body = _model_body(name, pid, device=device)
        code += [_op(_EQUAL, number, 0, len(body)), *body]
    for number in calls.fatal(machine).values():
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _KILL_PROCESS)]
    code += [_op(_AT_LEAST, calls.NEWEST + 1, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS), _NO]
    return b"".join(code)


def _body(name: str, pid: int, *, leases: bool) -> list[bytes]:
    """What decides about a checked call, from its arguments; always ends in an answer."""
    match name:
        case "open":
            return _opening(1)
        case "openat":
            return _opening(2)
        case "clone":  # threads; no processes
            threads = [_argument(0), _op(_ANY_BIT, _THREAD, 1, 0), _NO]
            return [*threads, _op(_ANY_BIT, _APART, 0, 1), _NO, _YES]
        case "clone3" | "openat2":  # what they do is behind a pointer: callers fall back
            return [_op(_RETURN, _ERRNO | errno.ENOSYS)]
        case "kill" | "tgkill":  # abort() and raise()
            return [*_one_of(0, (pid,)), _YES]
        case "fcntl":  # locks and flags; no owner, whom the kernel would send signals to
            flags = [_op(_EQUAL, 4, 0, 3), _argument(2), _op(_ANY_BIT, _ASYNC, 0, 1), _NO]
            if not leases:
                return [*_one_of(1, _FCNTL), *flags, _YES]
            lease = [_op(_EQUAL, _LEASE, 0, 3), _argument(2), _op(_EQUAL, _WRITE, 0, 1), _NO]
            return [*_one_of(1, (*_FCNTL, _LEASE)), *lease, *flags, _YES]
        case "ioctl":
            return [*_one_of(1, _IOCTL), _YES]
        case "prctl":
            return [*_one_of(0, _PRCTL), _YES]
        case "prlimit64":  # reading its own
            return [*_one_of(0, (0, pid)), *_null(2), _YES]
        case "utimensat":  # of a file that is open
            return [*_null(1), _YES]
    raise KeyError(name)


def _asking_a_device() -> list[bytes]:
    """`_IOCTL`, what CUDA asks the driver of unified memory, and a card's in whatever size."""
    first, card = (*_IOCTL, *nvidia_calls.UNIFIED_MEMORY), nvidia_calls.CARD
    tests = [_op(_EQUAL, one, len(first) + len(card) + 1 - at) for at, one in enumerate(first)]
    cards = [_op(_EQUAL, one, len(card) - at) for at, one in enumerate(card)]
    return [_argument(1), *tests, _op(_AND, nvidia_calls.TYPE_AND_NUMBER), *cards, _NO, _YES]


def _model_body(name: str, pid: int, *, device: bool) -> list[bytes]:
    """The same for the model process: nothing is opened to write, no time of a file is set."""
    match name:
        case "open" | "openat":
            changes = _CREATE | _TRUNCATE | (0 if device else _WRITABLE)
            return [_argument(1 if name == "open" else 2), _op(_ANY_BIT, changes, 0, 1), _NO, _YES]
        case "utimensat":
            return [_NO]
    return _body(name, pid, leases=False)


def _opening(flags: int) -> list[bytes]:
    """No file that runs as its owner is made; none is emptied by opening it to read.

    The latter needs the right to write, of which Landlock before its third version knows nothing.
    """
    return [
        _argument(flags),
        _op(_ANY_BIT, _TRUNCATE, 0, 2), _op(_ANY_BIT, _WRITABLE, 1, 0), _NO,
        _op(_ANY_BIT, _CREATE, 0, 3), _argument(flags + 1), _op(_ANY_BIT, _SET_ID, 0, 1), _NO,
        _YES,
    ]  # fmt: skip


def _one_of(at: int, values: tuple[int, ...]) -> list[bytes]:
    """Refuse unless argument ``at`` is one of ``values``; it is still loaded afterwards."""
    tests = [_op(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [_argument(at), *tests, _NO]


def _null(at: int) -> list[bytes]:
    """Refuse unless argument ``at``, a pointer, is NULL."""
    high = _op(_LOAD, _AT_ARGUMENT + 8 * at + 4)
    return [*_one_of(at, (0,)), high, _op(_EQUAL, 0, 1, 0), _NO]


def _argument(at: int) -> bytes:
    return _op(_LOAD, _AT_ARGUMENT + 8 * at)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


_YES, _NO = _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | errno.EPERM)

"""The web process fences itself in: no socket but a local one, no program, no folder but its own.

Taken when it listens already.  Each measure is left out where the kernel has it not; none can be
taken back.  Sources: prctl(2), seccomp(2), linux/filter.h, linux/audit.h; asm-generic/unistd.h and
the x86-64 table for the numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys

from nobgd.config import Config, webbing
from nobgd.lane import landlock, privileges

_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _TSYNC = 1, 1
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_AT_NUMBER, _AT_ARCH, _AT_FIRST = 0, 4, 16  # of struct seccomp_data, low words
_UNIX = 1  # AF_UNIX
# audit's name of the machine, seccomp's number, socket's, and those of what is refused: connect is
# not among them, for the daemon is asked by it
_MACHINES = {
    "x86_64": (0xC000003E, 317, 41, {
        "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "ptrace": 101, "mount": 165,
        "unshare": 272, "setns": 308, "bpf": 321, "process_vm_writev": 311, "kexec_load": 246,
        "init_module": 175, "finit_module": 313, "io_uring_setup": 425, "userfaultfd": 323,
        "chmod": 90, "fchmodat": 268, "chown": 92, "fchownat": 260, "setuid": 105, "kill": 62,
    }),
    "aarch64": (0xC00000B7, 277, 198, {
        "execve": 221, "execveat": 281, "ptrace": 117, "mount": 40, "unshare": 97, "setns": 268,
        "bpf": 280, "process_vm_writev": 271, "kexec_load": 104, "init_module": 105,
        "finit_module": 273, "io_uring_setup": 425, "userfaultfd": 282, "fchmodat": 53,
        "fchownat": 54, "setuid": 146, "kill": 129,
    }),
}  # fmt: skip
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/localtime", "/nix/store", "/proc/self",
           "/proc/sys/kernel", "/dev/null", "/dev/urandom")  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def close(config: Config) -> tuple[str, ...]:
    """Fence this process in for good; which measures hold.  Before it has other threads."""
    libc = ctypes.CDLL(None, use_errno=True)
    holds = []
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        holds.append("no_new_privs")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = [here, sys.prefix, sys.base_prefix, *(path for path in sys.path if path)]
    log = [] if config.log.file is None else [str(config.log.file.parent)]
    reading = [*_SYSTEM, *(path for path in program if os.path.realpath(path) != "/"), *log,
               str(webbing.home(config))]  # fmt: skip
    writing = [str(each(config)) for each in (webbing.drop, webbing.sessions, webbing.touches)]
    others = os.geteuid() == 0 and any(os.stat(path).st_uid for path in writing)
    if landlock.apply(reading, writing):
        holds.append(f"landlock:{landlock.abi()}")
        if privileges.drop(privileges.DAC_OVERRIDE if others else None):
            holds.append("capabilities")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _filter(libc):
        holds.append("seccomp")
    return tuple(holds)


def _filter(libc: ctypes.CDLL) -> bool:
    found = _MACHINES.get(platform.machine())
    if found is None or struct.calcsize("P") != 8:
        return False
    code = program(platform.machine())
    filled = _Program(len(code) // 8, code)
    done = libc.syscall(
        ctypes.c_long(found[1]), ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_TSYNC),
        ctypes.byref(filled),
    )  # fmt: skip
    return int(done) == 0


def program(machine: str) -> bytes:
    """The BPF code: sockets are local ones, and what a page has no need of is refused."""
    audit, _, socket, refused = _MACHINES[machine]
    no = _op(_RETURN, _ERRNO | errno.EPERM)
    code = [_op(_LOAD, _AT_ARCH), _op(_EQUAL, audit, 1, 0), no, _op(_LOAD, _AT_NUMBER)]
    if machine == "x86_64":  # the x32 table has other numbers for the same calls
        code += [_op(_ANY_BIT, 0x40000000, 0, 1), no]
    for number in refused.values():
        code += [_op(_EQUAL, number, 0, 1), no]
    code += [
        _op(_EQUAL, socket, 0, 3), _op(_LOAD, _AT_FIRST), _op(_EQUAL, _UNIX, 1, 0),
        _op(_RETURN, _ERRNO | errno.EAFNOSUPPORT), _op(_RETURN, _ALLOW),
    ]  # fmt: skip
    return b"".join(code)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)

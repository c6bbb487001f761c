"""A seccomp filter for a process that only decodes pictures: raw BPF, no library needed.

What is refused gives EPERM, so a library that merely tries is not killed.  The lists name
what a process can harm others with: starting programs and processes, sockets of any kind
(the line to the supervisor is open already), signals to others, tracing, mounting, modules,
keys, io_uring, namespaces.  Sources: seccomp(2), linux/filter.h, linux/audit.h, and the
system call tables of x86-64 and asm-generic (64-bit ARM).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_ARCH = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}  # audit, seccomp, column
_REFUSED = """
execve 59 221; execveat 322 281; fork 57 -; vfork 58 -;
socket 41 198; connect 42 203; bind 49 200; listen 50 201; accept 43 202; accept4 288 242;
tkill 200 130; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240; pidfd_send_signal 424 424;
pidfd_open 434 434; pidfd_getfd 438 438; ptrace 101 117; process_vm_readv 310 270;
process_vm_writev 311 271; kcmp 312 272; perf_event_open 298 241; userfaultfd 323 282;
bpf 321 280; seccomp 317 277; io_uring_setup 425 425; io_uring_enter 426 426;
io_uring_register 427 427; memfd_secret 447 447; mount 165 40; umount2 166 39;
pivot_root 155 41; chroot 161 51; mount_setattr 442 442; open_tree 428 428; move_mount 429 429;
fsopen 430 430; fsconfig 431 431; fsmount 432 432; fspick 433 433; open_by_handle_at 304 265;
fanotify_init 300 262; mknod 133 -; mknodat 259 33; quotactl 179 60; quotactl_fd 443 443;
unshare 272 97; setns 308 268; kexec_load 246 104; kexec_file_load 320 294;
init_module 175 105; finit_module 313 273; delete_module 176 106; keyctl 250 219;
add_key 248 217; request_key 249 218; swapon 167 224; swapoff 168 225; reboot 169 142;
acct 163 89; syslog 103 116; clock_settime 227 112; settimeofday 164 170; adjtimex 159 171;
clock_adjtime 305 266; sethostname 170 161; setdomainname 171 162; personality 135 92;
iopl 172 -; ioperm 173 -; modify_ldt 154 -; vhangup 153 58; lookup_dcookie 212 18;
migrate_pages 256 238; move_pages 279 239
"""
_CLONE, _CLONE3, _KILL, _TGKILL, _SOCKETPAIR, _IOCTL = range(6)
_SPECIAL = {  # x86-64, aarch64
    _CLONE: (56, 220),
    _CLONE3: (435, 435),
    _KILL: (62, 129),
    _TGKILL: (234, 131),
    _SOCKETPAIR: (53, 199),
    _IOCTL: (16, 29),
}
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into somebody's terminal

_SET_MODE_FILTER, _TSYNC = 1, 1
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: LD|W|ABS, JMP|JEQ|K, JSET, RET|K
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data (low words)


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def apply() -> bool:
    """Put the filter over all threads of this process; False where that cannot be.

    The process must have no_new_privs (or be privileged).  It cannot be taken off again.
    """
    machine = platform.machine()
    if machine not in _ARCH or struct.calcsize("P") != 8:
        return False
    code = program(machine, os.getpid())
    filled = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(
        ctypes.c_long(_ARCH[machine][1]),
        ctypes.c_uint(_SET_MODE_FILTER),
        ctypes.c_uint(_TSYNC),
        ctypes.byref(filled),
    )
    return int(done) == 0


def program(machine: str, pid: int) -> bytes:
    """Return the BPF code: 8 bytes per instruction, as struct sock_filter holds it."""
    arch, _, column = _ARCH[machine]
    refuse = _ERRNO | errno.EPERM
    code = [
        _op(_LOAD, _AT_ARCH),
        _op(_EQUAL, arch, 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _AT_NUMBER),
    ]
    if machine == "x86_64":  # the x32 table has other numbers for the same calls
        code += [_op(_ANY_BIT, 0x40000000, 0, 1), _op(_RETURN, _KILL_PROCESS)]
    for entry in _REFUSED.split(";"):
        if (number := entry.split()[1 + column]) != "-":
            code += [_op(_EQUAL, int(number), 0, 1), _op(_RETURN, refuse)]

    def special(call: int, *then: bytes) -> list[bytes]:
        return [_op(_EQUAL, _SPECIAL[call][column], 0, len(then)), *then]

    def only(argument: int, value: int) -> tuple[bytes, ...]:
        test = _op(_EQUAL, value, 0, 1)
        at = _op(_LOAD, _AT_ARGUMENT + 8 * argument)
        return at, test, _op(_RETURN, _ALLOW), _op(_RETURN, refuse)

    allow, no = _op(_RETURN, _ALLOW), _op(_RETURN, refuse)
    code += special(_CLONE3, _op(_RETURN, _ERRNO | errno.ENOSYS))  # libc falls back to clone
    threads = _op(_ANY_BIT, _CLONE_THREAD, 0, 1)
    code += special(_CLONE, _op(_LOAD, _AT_ARGUMENT), threads, allow, no)
    code += special(_KILL, *only(0, pid))
    code += special(_TGKILL, *only(0, pid))  # abort() and raise()
    code += special(_SOCKETPAIR, *only(0, _AF_UNIX))
    typing = (_op(_EQUAL, _TIOCSTI, 1, 0), _op(_EQUAL, _TIOCLINUX, 0, 1), no, allow)
    code += special(_IOCTL, _op(_LOAD, _AT_ARGUMENT + 8), *typing)
    return b"".join([*code, allow])


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)

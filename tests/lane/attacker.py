"""What a captured lane tries: run as a program, it confines itself and then attacks.

``python attacker.py '{"places": {...}, "victim": PID, "abi": 7, "user": "nobody", "only": null}'``
prints one JSON object: for each attack whether it ``works`` or is ``refused``.  Attacks in FATAL
end the process, so each is run alone (``only``).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import pty
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
COLUMN = ("x86_64", "aarch64").index(platform.machine())
NUMBERS = {
    "ioprio_set": (251, 30), "fchmodat2": (452, 452), "openat2": (437, 437), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "io_uring_setup": (425, 425),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "rt_sigqueueinfo": (129, 138),
    "tgkill": (234, 131), "tkill": (200, 130), "memfd_create": (319, 279), "capset": (126, 91),
    "clone": (56, 220), "sched_setattr": (314, 274), "setfsuid": (122, 151), "openat": (257, 56),
    "syslog": (103, 116), "fanotify_init": (300, 262), "open_by_handle_at": (304, 265),
    "process_vm_writev": (311, 271), "memfd_secret": (447, 447), "seccomp": (317, 277),
    "setxattrat": (463, 463), "utimensat": (280, 88), "vmsplice": (278, 75),
    "remap_file_pages": (216, 234), "execveat": (322, 281),
}  # fmt: skip
AT_FDCWD = -100


def call(name: str, *arguments: Any) -> int:
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return done(libc.syscall(ctypes.c_long(NUMBERS[name][COLUMN]), *given))


def done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def write(path: str, flags: int = os.O_WRONLY | os.O_CREAT) -> None:
    file = os.open(path, flags, 0o666)
    os.write(file, b"captured")
    os.close(file)


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def attacks(at: dict[str, str], victim: int, line: socket.socket) -> dict[str, Any]:
    """Name → what to try; it works when nothing is raised."""
    own = line.fileno()
    photo, ledger, secret = at["inbox"] + "/photo", at["state"] + "/ledger", at["other"] + "/secret"
    program, result = at["other"] + "/program", at["outbox"] + "/result.png"
    readable = at["readable"] + "/library"  # readable to every lane, as /usr is

    def opened(path: str, flags: int = os.O_RDONLY) -> int:
        return os.open(path, flags)

    def through(path: str) -> str:
        return f"/proc/self/fd/{opened(path)}"

    def limits(what: int) -> None:
        resource.prlimit(victim, what, (1, 1))

    def owner(command: int, value: Any) -> None:
        fcntl.fcntl(own, command, value)

    def set_uid(name: str, opening: Callable[[str, int, int], int]) -> None:
        path = f"{at['outbox']}/{name}"
        os.umask(0)
        opening(path, os.O_WRONLY | os.O_CREAT, 0o6755)
        if not os.stat(path).st_mode & 0o6000:
            raise PermissionError("the bits were not taken")

    def openat2(path: str, flags: int, mode: int) -> int:
        how = struct.pack("=QQQ", flags, mode, 0)
        return call("openat2", AT_FDCWD, path.encode(), how, len(how))

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    def typed(command: int) -> None:
        fcntl.ioctl(int(at["terminal"]), command, b"x")

    def unix(path: str) -> None:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)

    def paired() -> None:
        for one in socket.socketpair():
            one.close()

    def fleeting(path: str) -> None:
        write(path)
        os.unlink(path)

    def times(path: str) -> None:
        os.utime(path, (1, 1))

    files: dict[str, Any] = {
        "read another file": lambda: read(secret),
        "list another folder": lambda: os.listdir(at["other"]),
        "list /": lambda: os.listdir("/"),
        "read the password file": lambda: read("/etc/passwd"),
        "read the ledger": lambda: read(ledger),
        "write the ledger": lambda: write(ledger, os.O_WRONLY),
        "truncate the ledger by name": lambda: os.truncate(ledger, 0),
        "remove the ledger": lambda: os.unlink(at["state"] + "/removable"),
        "write a file beside the ledger": lambda: write(at["state"] + "/new"),
        "write a kept photo": lambda: write(photo, os.O_WRONLY),
        "truncate a kept photo by name": lambda: os.truncate(photo, 0),
        "truncate a kept photo by opening it": lambda: opened(photo, os.O_RDONLY | os.O_TRUNC),
        "remove a kept photo": lambda: os.unlink(at["inbox"] + "/removable"),
        "rename a kept photo": lambda: os.rename(at["inbox"] + "/movable", at["inbox"] + "/moved"),
        "move a kept photo out": lambda: os.rename(
            at["inbox"] + "/movable", at["outbox"] + "/moved"
        ),
        "hard link of a kept photo in the outbox": lambda: os.link(
            photo, at["outbox"] + "/hard", src_dir_fd=None, follow_symlinks=False
        ),
        "symbolic link in the outbox": lambda: os.symlink(secret, at["outbox"] + "/soft"),
        "pipe in the outbox": lambda: os.mkfifo(at["outbox"] + "/pipe"),
        "device in the outbox": lambda: os.mknod(at["outbox"] + "/device", 0o20666, 0x0101),
        "change a model of the cache": lambda: write(at["cache"] + "/model", os.O_WRONLY),
        "put a model into the cache": lambda: write(at["cache"] + "/other"),
        "replace a folder of the cache": lambda: os.rename(
            at["cache"] + "/folder", at["cache"] + "/aside"
        ),
        "change the program": lambda: write(readable, os.O_WRONLY),
        "write below /proc/self": lambda: opened("/proc/self/oom_score_adj", os.O_WRONLY),
        "write below /proc/sys": lambda: opened("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    }
    modes: dict[str, Any] = {
        "chmod of a file of its user": lambda: os.chmod(secret, 0o644),
        "chmod of the ledger": lambda: os.chmod(ledger, 0o666),
        "chmod u+s of a program": lambda: os.chmod(program, 0o4755),
        "chmod of its own cut-out": lambda: os.chmod(result, 0o4755),
        "fchmod of what it can read": lambda: os.fchmod(opened(readable), 0o666),
        "fchmod u+s of its own cut-out": lambda: os.fchmod(opened(result), 0o4755),
        "fchmodat": lambda: os.chmod("secret", 0o644, dir_fd=os.open(at["other"], os.O_PATH)),
        "fchmodat2": lambda: call("fchmodat2", AT_FDCWD, secret.encode(), 0o644, 0),
        "chmod through /proc/self/fd": lambda: os.chmod(through(readable), 0o666),
        "a new program with u+s": lambda: set_uid("one", os.open),
        "a new program with u+s by openat2": lambda: set_uid("two", openat2),
        "chown": lambda: os.chown(secret, 65533, 65533),
        "chown of its own cut-out": lambda: os.chown(result, -1, os.getgid()),
        "lchown": lambda: os.lchown(result, -1, os.getgid()),
        "fchown": lambda: os.fchown(opened(result), -1, os.getgid()),
        "fchownat": lambda: os.chown(result, -1, os.getgid(), follow_symlinks=False),
        "setxattr": lambda: os.setxattr(secret, "user.captured", b"1"),
        "lsetxattr": lambda: os.setxattr(secret, "user.captured", b"1", follow_symlinks=False),
        "setxattr through /proc/self/fd": lambda: os.setxattr(
            through(readable), "user.captured", b"1"
        ),
        "removexattr": lambda: os.removexattr(secret, "user.there"),
        "setxattrat": lambda: call(
            "setxattrat", AT_FDCWD, secret.encode(), 0, b"user.captured", bytes(16), 16
        ),
        "utime": lambda: times(secret),
        "utime of the ledger": lambda: times(ledger),
        "utime through /proc/self/fd": lambda: times(through(readable)),
        "utimes": lambda: done(libc.utimes(secret.encode(), None)),
        "futimesat": lambda: done(libc.futimesat(AT_FDCWD, secret.encode(), None)),
    }
    processes: dict[str, Any] = {
        "limit the supervisor's CPU time": lambda: limits(resource.RLIMIT_CPU),
        "limit the supervisor's files": lambda: limits(resource.RLIMIT_FSIZE),
        "limit the supervisor's descriptors": lambda: limits(resource.RLIMIT_NOFILE),
        "read the supervisor's limits": lambda: resource.prlimit(victim, resource.RLIMIT_CPU),
        "raise its own limits": lambda: resource.setrlimit(resource.RLIMIT_CPU, (9999, 9999)),
        "tie the supervisor to a core": lambda: os.sched_setaffinity(victim, {0}),
        "schedule the supervisor last": lambda: os.sched_setscheduler(
            victim, os.SCHED_IDLE, os.sched_param(0)
        ),
        "sched_setattr": lambda: call("sched_setattr", victim, bytes([48]) + bytes(47), 0),
        "setpriority": lambda: os.setpriority(os.PRIO_PROCESS, victim, 19),
        "setpriority of a group of processes": lambda: os.setpriority(os.PRIO_PGRP, victim, 19),
        "ioprio_set": lambda: call("ioprio_set", 1, victim, 3 << 13),
        "kill": lambda: os.kill(victim, 0),
        "kill of its group": lambda: os.kill(0, 0),
        "kill of everything": lambda: os.kill(-1, 0),
        "tgkill": lambda: call("tgkill", victim, victim, 0),
        "tkill": lambda: call("tkill", victim, 0),
        "rt_sigqueueinfo": lambda: call("rt_sigqueueinfo", victim, 0, bytes(128)),
        "pidfd_open": lambda: call("pidfd_open", victim, 0),
        "signal by the owner of a descriptor": lambda: owner(fcntl.F_SETOWN, victim),
        "F_SETOWN_EX": lambda: owner(15, struct.pack("=ii", 1, victim)),
        "F_SETSIG": lambda: owner(fcntl.F_SETSIG, signal.SIGKILL),
        "O_ASYNC": lambda: owner(fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC),
        "FIOSETOWN": lambda: fcntl.ioctl(own, 0x8901, struct.pack("=i", victim)),
        "SIOCSPGRP": lambda: fcntl.ioctl(own, 0x8902, struct.pack("=i", victim)),
        "a lease on what others read": lambda: fcntl.fcntl(
            opened(result), fcntl.F_SETLEASE, fcntl.F_RDLCK
        ),
        "notice of what changes in a folder": lambda: fcntl.fcntl(
            opened(at["inbox"]), fcntl.F_NOTIFY, fcntl.DN_CREATE
        ),
        "join another group of processes": lambda: os.setpgid(0, 0),
        "a session of its own": os.setsid,
        "outlive the supervisor": lambda: done(libc.prctl(1, 0, 0, 0, 0)),
        "read the supervisor's environment": lambda: read(f"/proc/{victim}/environ"),
        "read the supervisor's memory": lambda: read(f"/proc/{victim}/mem"),
        "write the supervisor's oom_score_adj": lambda: opened(
            f"/proc/{victim}/oom_score_adj", os.O_WRONLY
        ),
        "fork": fork,
        "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "a process by clone": lambda: call("clone", int(signal.SIGCHLD), 0, 0, 0, 0) or os._exit(0),
    }
    outside: dict[str, Any] = {
        "internet socket": lambda: socket.socket(socket.AF_INET).close(),
        "local socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "pair of sockets": paired,
        "the control socket": lambda: unix(at["state"] + "/control"),
        "listen on its line": lambda: done(libc.listen(own, 1)),
        "send descriptors": lambda: socket.send_fds(line, [b"x"], [0]),
        "type into a terminal (TIOCSTI)": lambda: typed(0x5412),
        "type into a terminal (TIOCLINUX)": lambda: typed(0x541C),
        "take a terminal (TIOCSCTTY)": lambda: typed(0x540E),
        "shared memory": lambda: done(libc.shmget(0x4242, 4096, 0o1666)),
        "semaphores": lambda: done(libc.semget(0x4242, 1, 0o1666)),
        "message queue": lambda: done(libc.msgget(0x4242, 0o1666)),
        "a file without a name, to be run": lambda: call("memfd_create", b"x", 0),
        "memory that nobody else can read": lambda: call("memfd_secret", 0),
        "watch a folder (inotify)": lambda: done(libc.inotify_init1(0)),
        "fanotify": lambda: call("fanotify_init", 0, 0),
        "become root": lambda: os.setuid(0),
        "setresuid": lambda: done(libc.setresuid(-1, 0, -1)),
        "setgroups": lambda: os.setgroups([0]),
        "regain capabilities": lambda: call(
            "capset", struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", 2, 2, 0, 0, 0, 0)
        ),
        "set the clock": lambda: time.clock_settime(
            time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME)
        ),
        "read the kernel's log": lambda: call("syslog", 3, ctypes.create_string_buffer(64), 64),
        "personality": lambda: done(libc.personality(0x0040000)),
        "sethostname": lambda: socket.sethostname(socket.gethostname()),
        "another filter": lambda: call("seccomp", 2, 0, None, 0),
    }
    left: dict[str, Any] = {
        "see whether any file is there, its size and times": lambda: os.stat(secret),
        "set the times of a file that it has open": lambda: os.utime(opened(result), (1, 1)),
        "set an attribute of a file that it can read and its user owns": lambda: os.setxattr(
            opened(result), "user.captured", b"1"
        ),
        "write and remove in the outbox": lambda: fleeting(at["outbox"] + "/new"),
    }
    return {
        "Files": files, "Modes, owners, times": modes, "Other processes": processes,
        "The machine": outside, "Left to it": left,
    }  # fmt: skip


def fatal(at: dict[str, str], victim: int) -> dict[str, Any]:
    """Name → what ends the process (SIGSYS) at once."""
    return {
        "run a program (execve)": lambda: os.execv("/bin/true", ["true"]),
        "run a program (execveat)": lambda: call("execveat", AT_FDCWD, b"/bin/true", 0, 0, 0),
        "trace the supervisor": lambda: done(libc.ptrace(16, victim, 0, 0)),
        "be traced": lambda: done(libc.ptrace(0, 0, 0, 0)),
        "write the supervisor's memory": lambda: call("process_vm_writev", victim, 0, 0, 0, 0, 0),
        "compare processes": lambda: call("kcmp", os.getpid(), victim, 2, 0, 0),
        "mount": lambda: done(libc.mount(b"x", at["outbox"].encode(), b"tmpfs", 0, None)),
        "unmount": lambda: done(libc.umount2(at["outbox"].encode(), 2)),
        "chroot": lambda: done(libc.chroot(at["outbox"].encode())),
        "namespaces (unshare)": lambda: done(libc.unshare(0x10000000)),
        "namespaces (setns)": lambda: done(libc.setns(0, 0)),
        "open by handle": lambda: call("open_by_handle_at", 0, bytes(16), 0),
        "io_uring": lambda: call("io_uring_setup", 1, bytes(120)),
        "bpf": lambda: call("bpf", 0, bytes(64), 64),
        "perf_event_open": lambda: call("perf_event_open", bytes(128), 0, -1, -1, 0),
        "userfaultfd": lambda: call("userfaultfd", 0),
        "keys": lambda: call("add_key", b"user", b"x", b"x", 1, -3),
    }


def main() -> None:
    order = json.loads(sys.argv[1])
    at, victim = order["places"], order["victim"]
    line, _theirs = socket.socketpair()
    _master, terminal = pty.openpty()
    at["terminal"] = str(terminal)
    from nobgd.lane import confine, landlock

    if order["user"] == "nobody":
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    kernel = landlock.abi()
    if order["abi"] < 0:  # not confined at all: shows that the attacks are real ones
        confine.confine = lambda *_: ()
    elif order["abi"] == 0:
        landlock.apply = lambda *_, **__: False
    elif order["abi"] < kernel:
        landlock.abi = lambda: order["abi"]
    os.chdir("/")
    holds = confine.confine([at["inbox"], at["cache"], at["readable"]], [at["outbox"]], 4 << 30)
    said: dict[str, Any] = {"holds": list(holds)}
    with open("/proc/self/status", encoding="utf-8") as status:
        said["status"] = {
            name: value.strip() for name, _, value in (row.partition(":") for row in status)
        }
    if order["only"]:
        fatal(at, victim)[order["only"]]()
        print(json.dumps("works"), flush=True)
        os._exit(0)
    for group, tries in attacks(at, victim, line).items():
        for name, act in tries.items():
            try:
                act()
            except (OSError, ValueError) as error:
                number = getattr(error, "errno", None)
                said[f"{group}/{name}"] = "refused"
                said.setdefault("errors", {})[name] = errno.errorcode.get(number or 0, str(error))
            else:
                said[f"{group}/{name}"] = "works"
    threading.Thread(target=str).start()
    os.kill(os.getpid(), 0)
    print(json.dumps(said), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

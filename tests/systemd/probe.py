"""Run as the service: try what the unit should forbid, and print one JSON line of what happened.

Arguments: folders that must not be writable, and folders that must be, each list with commas.
Standard library only; whether it is allowed is for the test to say.
"""

import ctypes
import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path


def write(folder: str) -> None:
    path = Path(folder) / ".probe"
    path.write_text("x")
    path.unlink()


def connect(family: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(1)
        line.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", 9))


def executable() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def made_executable() -> None:
    """Write first, then ask for the right to run it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    rights = mmap.PROT_READ | mmap.PROT_EXEC
    if libc.mprotect(ctypes.c_void_p(address), 4096, rights):
        raise OSError(ctypes.get_errno(), "mprotect")


def call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"
    return "allowed"


def main() -> None:
    forbidden, own = (each.split(",") for each in sys.argv[1:3])
    tried = {
        "socket inet": attempt(lambda: connect(socket.AF_INET)),
        "socket inet6": attempt(lambda: connect(socket.AF_INET6)),
        "socket packet": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "socket netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        "W+X memory": attempt(executable),
        "W, then X memory": attempt(made_executable),
        "kill 1": attempt(lambda: os.kill(1, 0)),
        "root": attempt(lambda: os.setuid(0)),
        "namespace": attempt(lambda: call("unshare", 0x10000000)),
        "mount": attempt(lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None)),
        "host name": attempt(lambda: call("sethostname", b"x", 1)),
        "set-uid file": attempt(lambda: os.close(os.open("/tmp/.s", os.O_CREAT, 0o4755))),
        "sysctl": attempt(lambda: Path("/proc/sys/vm/swappiness").write_text("1")),
        "real-time": attempt(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
        "disk": attempt(lambda: os.mknod("/tmp/.d", 0o60600, os.makedev(7, 0))),
        "other processes": attempt(lambda: os.stat("/proc/1/status")),
        **{f"write {folder}": attempt(partial(write, folder)) for folder in forbidden},
        **{f"own {folder}": attempt(partial(write, folder)) for folder in own},
        "network": Path("/proc/net/dev").read_text(),
        "homes": str([os.access(home, os.R_OK) for home in ("/root", "/home")]),
        "core": str(resource.getrlimit(resource.RLIMIT_CORE)),
    }
    print(json.dumps(tried), flush=True)


if __name__ == "__main__":
    main()

"""Watches a process's system calls by ptrace(2) and kills it at the very one that is asked for.

``python -m faults.tracing ROOT PID BEGIN COUNT CALL`` attaches to every thread of PID, says
``attached``, and from the first call on that reads like BEGIN prints each that touches what lies
below ROOT (or the line between supervisor and lane), in words such as ``fsync the outbox``.  At
the COUNT-th that reads like CALL the whole process gets SIGKILL *before* the kernel does that
call: a tracee that is killed in its entry stop never runs it.  With ``hold`` behind CALL it stands
still there instead, and makes the call when the tracer is killed.  Ends with the process, or
leaves it alone when killed itself.

Reads, waits and memory are not shown: they change nothing, so a kill there leaves what a kill at
the next call leaves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from nobgd.fs import publish

_CALLS = """
write 1 64; pwrite64 18 68; writev 20 66; sendto 44 206; sendmsg 46 211; close 3 57; fstat 5 80;
flock 73 32; fcntl 72 25; fsync 74 82; fdatasync 75 83; ftruncate 77 46; fallocate 285 47;
dup 32 23; open 2 -; openat 257 56; openat2 437 437; stat 4 -; lstat 6 -; newfstatat 262 79;
statx 332 291; rename 82 -; renameat 264 38; renameat2 316 276; link 86 -; linkat 265 37;
unlink 87 -; unlinkat 263 35; mkdir 83 -; mkdirat 258 34; utimensat 280 88
"""
_MACHINES = {"x86_64": 0, "aarch64": 1}
_PATH_FIRST = {"open", "stat", "lstat", "rename", "link", "unlink", "mkdir"}
_PATH_SECOND = {
    "openat", "openat2", "newfstatat", "statx", "renameat", "renameat2", "linkat", "unlinkat",
    "mkdirat", "utimensat",
}  # fmt: skip
_SEIZE, _INTERRUPT, _SYSCALL, _INFO = 0x4206, 0x4207, 24, 0x420E  # linux/ptrace.h
_SYSGOOD, _ENTRY, _WALL = 1, 1, 0x40000000
_CWD = -100

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def missing() -> str | None:
    """Why processes cannot be watched here."""
    if platform.machine() not in _MACHINES:
        return f"no numbers of system calls for {platform.machine()}"
    with tempfile.TemporaryDirectory() as folder:
        sleeper = subprocess.Popen(["sleep", "60"])
        watch = Watch(Path(folder), sleeper.pid, Path(folder, "calls"), "")
        try:
            while not watch.ended() and not watch.calls():
                time.sleep(0.01)
            if watch.calls():
                return None
            told = Path(folder, "calls.errors").read_text().strip().splitlines()
            return f"ptrace is refused: {told[-1] if told else 'the tracer said nothing'}"
        finally:
            watch.end()
            sleeper.kill()
            sleeper.wait()


def numbers() -> dict[int, str]:
    """The calls that are watched, by their numbers on this machine."""
    column = _MACHINES[platform.machine()]
    rows = (row.split() for row in _CALLS.split(";"))
    return {int(row[1 + column]): row[0] for row in rows if row[1 + column] != "-"}


class Watched:
    """One process, stopped at each system call of each of its threads."""

    def __init__(self, root: str, pid: int) -> None:
        self._root, self._pid = root, pid
        self._names = numbers()
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        self._info = ctypes.create_string_buffer(88)
        self._stopped = pid
        for task in os.listdir(f"/proc/{pid}/task"):
            _trace(_SEIZE, int(task), 0, _SYSGOOD)
            _trace(_INTERRUPT, int(task))

    def next(self) -> str:
        """Wait for the next call worth telling; its thread stands still until `go_on`.

        Raises ChildProcessError when all threads have ended.
        """
        while True:
            task, status = os.waitpid(-1, _WALL)
            if not os.WIFSTOPPED(status):
                continue
            number = os.WSTOPSIG(status)
            said = self._call(task) if number == signal.SIGTRAP | 0x80 else None
            if said is not None:
                self._stopped = task
                return said
            event = status >> 16
            deliver = 0 if event or number == signal.SIGTRAP | 0x80 else number
            with contextlib.suppress(ProcessLookupError):
                _trace(_SYSCALL, task, 0, deliver)

    def go_on(self) -> None:
        """Let the thread that `next` told of make its call."""
        with contextlib.suppress(ProcessLookupError):
            _trace(_SYSCALL, self._stopped)

    def _call(self, task: int) -> str | None:
        try:
            _trace(_INFO, task, len(self._info), ctypes.addressof(self._info))
        except OSError:
            return None
        operation, number, *arguments = struct.unpack_from("=B23xQ6Q", self._info.raw)
        name = self._names.get(number)
        if operation != _ENTRY or name is None:
            return None
        try:
            thing = self._thing(name, arguments)
        except OSError:
            return None
        return f"{name} {thing}" if thing else None

    def _thing(self, name: str, arguments: list[int]) -> str | None:
        if name in _PATH_FIRST:
            return self._place(_CWD, self._text(arguments[0]))
        if name in _PATH_SECOND and arguments[1]:
            text = self._text(arguments[1])
            return self._place(_signed(arguments[0]), text)
        path = os.readlink(f"/proc/{self._pid}/fd/{_signed(arguments[0])}")
        if path.startswith("socket:"):
            if name not in ("write", "sendto"):
                return None
            data = os.pread(self._memory, min(arguments[2], 24), arguments[1])
            word = data.partition(b'{"')[2].partition(b'"')[0].decode("ascii", "replace")
            return f"to the line: {word or 'a job or an answer'}"
        return words(self._root, path)

    def _place(self, folder: int, text: str) -> str | None:
        if not text.startswith("/"):
            of = "cwd" if folder == _CWD else f"fd/{folder}"
            text = os.path.normpath(os.path.join(os.readlink(f"/proc/{self._pid}/{of}"), text))
        return words(self._root, text)

    def _text(self, address: int) -> str:
        """A string of the process; it may end just before memory that is not there."""
        data = b""
        while b"\0" not in data and len(data) < 4096:
            at = address + len(data)
            data += os.pread(self._memory, 256 - at % 256, at)
        return os.fsdecode(data.partition(b"\0")[0])


def words(root: str, path: str) -> str | None:
    """How a path below ``root`` is called whatever the photo's name; None if it is no matter."""
    if path == f"{root}/log.jsonl":
        return "the log"
    for suffix, called in (("-wal", "WAL"), ("-shm", "index"), ("-journal", "journal"), ("", "")):
        if path == f"{root}/state/ledger.sqlite3{suffix}":
            return f"the ledger {called}".strip()
    top, _, rest = path.removeprefix(f"{root}/").partition("/")
    if top not in ("in", "out", "archive") or path == top:
        return None
    called = {"in": "inbox", "out": "outbox", "archive": "archive"}[top]
    if not rest:
        return f"the {called}"
    if "/.nobgd-going" in f"/{rest}":
        return f"the way out of the {called}"
    if publish.is_temp(rest.rpartition("/")[2]):
        return f"a temp of the {called}"
    return f"a file of the {called}"


def _signed(number: int) -> int:
    return ctypes.c_int(number & 0xFFFFFFFF).value


def _trace(request: int, task: int, address: int = 0, data: int = 0) -> int:
    result = int(_libc.ptrace(request, task, address, data))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main(root: str, pid: int, begin: str, count: int, wanted: str, *, hold: bool) -> None:
    """See the module."""
    watched = Watched(root, pid)
    print("attached", flush=True)
    seen: Counter[str] = Counter()
    with contextlib.suppress(ChildProcessError):
        while True:
            said = watched.next()
            if seen or said == begin:
                seen[said] += 1
                met = said == wanted and seen[said] == count
                if met and not hold:
                    os.kill(pid, signal.SIGKILL)
                print(said, flush=True)
                if met and hold:
                    signal.pause()
            watched.go_on()


class Watch:
    """A tracer at work on a process, and what it has told so far."""

    def __init__(
        self, root: Path, pid: int, out: Path, begin: str, count: int = 0, call: str = "",
        *, hold: bool = False,
    ) -> None:  # fmt: skip
        self._out = out
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with out.open("wb") as stream, out.with_suffix(".errors").open("ab") as errors:
            self._tracer = subprocess.Popen(
                [sys.executable, "-m", "faults.tracing", str(root), str(pid), begin, str(count),
                 call, *(["hold"] if hold else [])],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=errors, env=environment,
            )  # fmt: skip

    def calls(self) -> list[str]:
        """What was printed up to now; the first line is ``attached``."""
        return self._out.read_text().splitlines()

    def ended(self) -> bool:
        """Whether the process has ended, and its tracer with it."""
        return self._tracer.poll() is not None

    def end(self) -> list[str]:
        """Leave the process alone; all its calls."""
        self._tracer.kill()
        self._tracer.wait()
        return self.calls()[1:]


if __name__ == "__main__":
    _, place, process, first, times, last, *more = sys.argv
    main(place, int(process), first, int(times), last, hold=bool(more))

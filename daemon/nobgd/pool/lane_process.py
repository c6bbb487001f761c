"""The process of a lane: started, heard to be ready, ended.

One that is stuck in the kernel (a dead share) is left behind for `wait` to reap later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

from nobgd.fs import grants, shared_memory
from nobgd.pool import cgroup
from nobgd.pool.environment import environment
from nobgd.pool.line import Line
from nobgd.values import wire

START_DEADLINE_S = 180.0  # making a model takes 5 to 20 s, more on a small NAS
_COMPILING_S = 100.0  # more for rembg's matting, of which each start keeps what it has compiled
PROCESS = "nobgd.lane.process"  # the module that a lane runs


class LaneProcess:
    """One after the other, and the supervisor's end of the line to it.

    Used by one thread at a time.
    """

    def __init__(self, setup: wire.Setup) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._left_behind: list[subprocess.Popen[bytes]] = []
        self._kills = cgroup.oom_kills()
        self.line: Line | None = None
        self.tensors = -1  # the memory that it shares with the model process
        self.patience_s = START_DEADLINE_S + (_COMPILING_S if setup.matting else 0.0)

    @property
    def pid(self) -> int | None:
        """Its process id, while there is one."""
        process = self._process
        return None if process is None else process.pid

    @property
    def alive(self) -> bool:
        """Whether it is there and was heard of."""
        process = self._process
        return self.line is not None and process is not None and process.poll() is None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """For who asks how it ended."""
        return self._process

    def spawn(self) -> None:
        """Start it; it loads what it needs while the caller does something else.

        Raises OSError where the system has no room for it.
        """
        self.watch_memory()
        ours, theirs = socket.socketpair()
        taken: dict[str, int] = {}
        with ours, theirs:
            if self._setup.confine:
                taken = grants.take((*self._setup.read, *self._setup.write))
            self._share_memory()
            shared = [self.tensors] if self.tensors >= 0 else []
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROCESS, str(theirs.fileno())],
                    pass_fds=[theirs.fileno(), *shared, *taken.values()], stdin=subprocess.DEVNULL,
                    env=environment(),
                    stdout=2,  # stderr: what a library might print is no line of the log
                )  # fmt: skip
            finally:
                grants.give_back(taken)
            line = self.line = Line(socket.socket(fileno=ours.detach()))
        setup = replace(self._setup, taken=tuple(taken.items()), tensors=self.tensors)
        with contextlib.suppress(OSError):
            line.send(setup, time.monotonic() + START_DEADLINE_S)

    def _share_memory(self) -> None:
        """New memory for a new process: what the last one left there is not for it."""
        self._free_memory()
        if size := wire.tensor_bytes(weights for _, weights in self._setup.weights):
            self.tensors = shared_memory.create(size)

    def _free_memory(self) -> None:
        if self.tensors >= 0:
            os.close(self.tensors)
            self.tensors = -1

    def watch_memory(self) -> None:
        """From here on `ran_out` tells of the kernel's kills."""
        self._kills = cgroup.oom_kills()

    def ran_out(self, end: str = "") -> bool:
        """Whether the kernel ended it for want of memory; ``end`` is how, where that is known."""
        process = self._process
        if process is not None and process.poll() == -signal.SIGKILL:
            end = "SIGKILL"
        return end == "SIGKILL" and cgroup.oom_kills() > self._kills

    def kill(self) -> None:
        """End it now; one that is stuck in the kernel is left for later."""
        process, self._process = self._process, None
        self.hang_up()
        self._left_behind = [each for each in self._left_behind if each.poll() is None]
        if process is None:
            return
        process.kill()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._left_behind.append(process)

    def hang_up(self) -> None:
        """Close the line: it ends by itself, as it has nothing to do."""
        line, self.line = self.line, None
        if line is not None:
            line.close()

    def rest(self) -> None:
        """The same, and wait for that; where it takes too long, end it."""
        self.hang_up()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2.0)
        self.kill()

    def close(self) -> None:
        """The same, for good."""
        self.rest()
        self._free_memory()

"""One model process: its start, its line, its end.  Who asks it for what: `inference`.

It is as little believed as a lane, although it sees no picture: a lane that was captured chooses
the numbers that it works on.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nobgd.fs import grants
from nobgd.pool import building, cgroup, ending, messages
from nobgd.pool.environment import environment, of_model
from nobgd.pool.lane_process import START_DEADLINE_S
from nobgd.pool.mishaps import Ended, OutOfMemory, Unfit
from nobgd.values import wire

PROCESS = "nobgd.inference.process"  # the module that it runs
_SLICE_S = 0.25
_LONGEST = 1 << 14  # bytes of what it says


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Answer(_Said):
    """An inference is done, or failed for a reason; the mask lies in the lane's memory."""

    infer: int = Field(ge=0)
    ran: int = Field(0, ge=0, le=4096)  # threads
    confidence: float = Field(0.0, allow_inf_nan=False)  # of a whole one, see `ask`
    failed: str | None = Field(None, max_length=2000)


class _Build(_Said):
    build: Literal[True]


class _Ready(_Said):
    ready: list[str] = Field(max_length=16)


class _Unfit(_Said):
    unfit: str = Field(max_length=2000)


_KINDS: dict[str, type[Answer | _Build | _Ready | _Unfit]] = {
    "infer": Answer, "build": _Build, "ready": _Ready, "unfit": _Unfit,
}  # fmt: skip


class ModelProcess:
    """Used by one thread, besides `ask`, for which the caller has a lock."""

    def __init__(
        self, setup: wire.ModelSetup, told: Callable[[str, dict[str, Any]], None] = lambda *_: None
    ) -> None:
        self._setup = setup
        self._told = told
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._kills = cgroup.oom_kills()

    @property
    def pid(self) -> int | None:
        """Its process id, while there is one."""
        process = self._process
        return None if process is None else process.pid

    def open(self, stopped: Callable[[], bool]) -> tuple[str, ...]:
        """Start it and wait for its first model; what confines it.

        It ends with the thread that calls this.  Raises `Unfit`, `OutOfMemory`, OSError.
        """
        self._spawn()
        message = self._hear(stopped)
        if isinstance(message, _Build):
            building.complete(self._setup, environment(), START_DEADLINE_S, self._told)
            assert self._line is not None  # noqa: S101 - it has just spoken
            with contextlib.suppress(OSError):
                self._line.send(b"built")
            message = self._hear(stopped)
        if not isinstance(message, _Ready):
            self.kill()
            raise Unfit(message.unfit if isinstance(message, _Unfit) else "it did not say ready")
        return tuple(message.ready)

    def _spawn(self) -> None:
        self._kills = cgroup.oom_kills()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        taken: dict[str, int] = {}
        with theirs:
            if self._setup.confine:
                taken = grants.take(self._setup.read)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROCESS, str(theirs.fileno())],
                    pass_fds=[theirs.fileno(), *taken.values()], stdin=subprocess.DEVNULL,
                    env=of_model(), stdout=2,
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
            finally:
                grants.give_back(taken)
        self._line = ours
        setup = replace(self._setup, taken=tuple(taken.items()))
        with contextlib.suppress(OSError):
            ours.send(pickle.dumps(setup))

    def _hear(self, stopped: Callable[[], bool]) -> Any:
        until = time.monotonic() + START_DEADLINE_S
        try:
            while (message := self.receive(_SLICE_S)) is None:
                if stopped():
                    raise Ended("a stop")  # noqa: TRY301
                if time.monotonic() > until:
                    self.kill()
                    raise Unfit(f"it did not start in {START_DEADLINE_S:.0f} s")
        except Ended as end:
            memory = self.ran_out()
            self.kill()
            if memory:
                raise OutOfMemory("the model process while starting") from None
            raise Unfit(f"it ended while starting: {end}") from None
        return message

    def ask(
        self, number: int, which: int, threads: int, memory: int, *, whole: bool = False
    ) -> None:
        """Have an inference begun on the input in ``memory``, a descriptor.  Raises OSError.

        A ``whole`` one is from the small picture to the finished mask, see `wire.tensor_bytes`.
        """
        if self._line is None:
            raise BrokenPipeError
        said = {"infer": number, "model": which, "threads": threads, "whole": whole}
        asked = json.dumps(said).encode()
        socket.send_fds(self._line, [asked], [memory])

    def receive(self, within_s: float) -> Answer | _Build | _Ready | _Unfit | None:
        """What it says next, None if nothing ``within_s``.  Raises `Ended`."""
        line = self._line
        if line is None:
            raise Ended("nothing")
        poll = select.poll()
        poll.register(line, select.POLLIN)
        try:
            if not poll.poll(within_s * 1000):
                return None
            data = line.recv(_LONGEST)
        except OSError:
            data = b""
        if not data:
            raise Ended(ending.how(self._process))
        if (message := messages.read(data, _KINDS)) is not None:
            return message
        raise Ended("a word that the model process does not say")

    def wake(self) -> None:
        """Have the thread that waits in `receive` look up at once; the process ends.  Any thread.

        Without it a stop waits for the rest of a slice, an eighth of a second as a rule.
        """
        line = self._line
        if line is not None:
            with contextlib.suppress(OSError):  # closed meanwhile
                line.shutdown(socket.SHUT_RDWR)

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL, which no tensor can make it do."""
        process = self._process
        return process is not None and process.poll() == -signal.SIGKILL

    def ran_out(self) -> bool:
        """Whether the kernel ended it for want of memory."""
        return self.was_killed and cgroup.oom_kills() > self._kills

    def kill(self) -> None:
        """End it now."""
        process, self._process = self._process, None
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if process is not None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)

    def close(self) -> None:
        """Let it end by itself: its line closes."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2.0)
        self.kill()

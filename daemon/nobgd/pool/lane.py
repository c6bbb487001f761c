"""One lane: a process, the line to it, a deadline over every request.

Diagnostics: a process that does not answer before the deadline is killed; if it is stuck in
the kernel (a dead share) it is left behind for `wait` to reap later and a new one is opened.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from nobgd.lane.errands import Errand
from nobgd.pool.memory import Budget
from nobgd.values import Code, Failed, Job, wire

Request = Job | Errand
START_DEADLINE_S = 180.0  # the first start optimises the model: 5 to 20 s, more on a small NAS


def environment() -> dict[str, str]:
    """The environment of a lane: nothing phones home, and BLAS leaves threads to its callers.

    OpenBLAS's own would spin after each product and take the cores from what comes next.
    """
    mine = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    mine["OPENBLAS_NUM_THREADS"] = "1"  # which goes before OMP_NUM_THREADS where it is set
    mine.pop("NOTIFY_SOCKET", None)  # lanes have nothing to tell systemd
    return mine


class Unfit(Exception):  # noqa: N818 - a state
    """A lane could not start; the sentence says why."""


class Lane:
    """One process and its end of the line.  Used by one thread at a time."""

    def __init__(
        self, setup: wire.Setup, deadline_s: float, budget: Budget,
        opened: Callable[[int, tuple[str, ...]], None], threads: Callable[[], int],
    ) -> None:  # fmt: skip
        self._threads = threads
        self.number = setup.lane
        self.process: subprocess.Popen[bytes] | None = None
        self.at: tuple[str, float] | None = None
        self.stage = ""
        self.until: float | None = None  # by then its thread moves on by itself (monotonic)
        self._setup = setup
        self._deadline_s = deadline_s
        self._budget = budget
        self._opened = opened
        self._line: Connection | None = None
        self._left_behind: list[subprocess.Popen[bytes]] = []

    def spawn(self) -> None:
        """Start the process; it loads its model while the caller does something else."""
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nobgd.lane.process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment(),
            stdout=2,  # stderr: what a library might print is no line of the log
        )  # fmt: skip
        theirs.close()
        self._line = Connection(ours.detach())
        with contextlib.suppress(OSError):
            self._line.send(self._setup)

    def await_ready(self) -> None:
        """Wait for the model.  Raises `Unfit`."""
        try:
            message = self._receive(time.monotonic() + START_DEADLINE_S)
        except _Overdue:
            self.kill()
            raise Unfit(f"lane {self.number} did not start in {START_DEADLINE_S:.0f} s") from None
        except _Ended as end:
            raise Unfit(f"lane {self.number} ended while starting: {end}") from None
        if "ready" not in message:
            self.kill()
            raise Unfit(str(message.get("unfit", message)))
        self._opened(self.number, tuple(message["ready"]))

    def ask(self, request: Request) -> Any:
        """One request, start to answer.  A Job always gets an outcome."""
        what = request.relpath if isinstance(request, Job) else type(request).__name__
        self.at, self.stage = (what, time.monotonic()), "start"
        try:
            self._reopen_if_dead()
            try:
                return self._converse(request)
            except _Ended:
                if self.stage != "start":
                    raise
                self._reopen_if_dead(force=True)  # it had ended while idle, or to be let in anew
                return self._converse(request)
        except Unfit as error:
            return self._lost(request, Code.CRASHED, str(error))
        except _Overdue:
            self.kill()
            hung = self.stage in ("read", "publish") or not isinstance(request, Job)
            code = Code.GONE_AWAY if hung else Code.DEADLINE
            hint = "raise workers.deadline_s if it is just large"
            if hung:
                hint = "is the share alive?"
            elif self.stage == "decode":  # bounded by its size: another try takes as long
                hint = (
                    "no picture of this size takes so long to unpack: export it again, or raise"
                    " workers.deadline_s if this machine is that slow"
                )
            took = f"not done after {self._deadline_s:g} s in stage {self.stage!r}"
            reason = f"{what}: {took}; {hint}"
            return replace(self._lost(request, code, reason), final=self.stage == "decode")
        except _Ended as end:
            self.kill()
            killed = str(end) == "SIGKILL"
            hint = ", as the kernel does when memory runs out" if killed else ""
            reason = f"{what}: its lane ended by {end} in stage {self.stage!r}{hint}"
            return self._lost(request, Code.CRASHED, reason)
        finally:
            self.at = self.until = None
            self._budget.release(self.number)

    def _converse(self, request: Request) -> Any:
        assert self._line is not None  # noqa: S101 - _reopen_if_dead saw to it
        deadline = time.monotonic() + self._deadline_s
        try:
            self._line.send(request)
        except OSError:
            self._reopen_if_dead(force=True)
            self._line.send(request)
        while True:
            message = self._receive(deadline)
            if "stage" in message:
                self.stage = str(message["stage"])
            elif "reopen" in message:
                raise _Ended("a folder that was mounted anew")
            elif "ask" in message:
                began = time.monotonic()
                self._budget.acquire(self.number, float(message["ask"]))
                deadline += time.monotonic() - began
                self._line.send_bytes(b"%d" % self._threads())
            elif "errand" in message:
                return int(message["errand"])
            elif "refused" in message:
                code, reason = message["refused"]
                raise wire.ErrandFailed(Code(code), str(reason))
            elif (outcome := wire.outcome(message)) is not None:
                return outcome

    def _lost(self, request: Request, code: Code, reason: str) -> Failed:
        if not isinstance(request, Job):
            raise wire.ErrandFailed(code, reason)
        side = "output" if self.stage == "publish" else "source"
        return Failed(request.inbox, request.relpath, code, reason, request.attempt, side)

    def _receive(self, deadline: float) -> dict[str, Any]:
        if self._line is None:
            raise _Ended("nothing")
        self.until = deadline
        try:
            if not self._line.poll(max(0.0, deadline - time.monotonic())):
                raise _Overdue
            self.until = None
            return wire.decode(self._line.recv_bytes(1 << 20))
        except (EOFError, OSError, ValueError):
            raise _Ended(self._how_it_ended()) from None

    def _how_it_ended(self) -> str:
        if self.process is None:
            return "nothing"
        try:
            status = self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "a broken line"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def _reopen_if_dead(self, *, force: bool = False) -> None:
        alive = self.process is not None and self.process.poll() is None
        if alive and self._line is not None and not force:
            return
        self.kill()
        self.spawn()
        self.await_ready()

    def kill(self) -> None:
        """End the process now; one that is stuck in the kernel is left for later."""
        process, self.process = self.process, None
        if self._line is not None:
            self._line.close()
            self._line = None
        self._left_behind = [each for each in self._left_behind if each.poll() is None]
        if process is None:
            return
        process.kill()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._left_behind.append(process)

    def close(self) -> None:
        """Let the process end by itself: its line closes, it has nothing to do."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2.0)
        self.kill()


class _Overdue(Exception):  # noqa: N818
    """No answer before the deadline."""


class _Ended(Exception):  # noqa: N818
    """The process is gone; the text says how."""

"""One lane: a process, the line to it, a deadline over every request.

A process that does not answer before the deadline is killed and a new one is opened.
A lane whose share is silent may be taken back before that, see `Lanes`.  One that says what
no lane says (see `reply`), says too much or nothing whole, is killed as well: that costs the
photo that it was at one attempt, and nothing else.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nobgd.lane.touched import folders, touched
from nobgd.pool import ending, outcome, reply, stages
from nobgd.pool.lane_process import LaneProcess
from nobgd.pool.line import Line, Overdone
from nobgd.pool.memory import Budget
from nobgd.pool.mishaps import (
    Broken,
    Ended,
    GoneAway,
    NotBegun,
    OutOfMemory,
    Overdue,
    Reopen,
    TakenBack,
    Unfit,
)
from nobgd.pool.stages import BEFORE, Request, follows, may_ask
from nobgd.values import Code, Failed, Job, NobgdError, wire

_SLICE_S = 0.25  # between two looks at what the lane waits for


class Lane:
    """One process and its end of the line.  Used by one thread at a time."""

    def __init__(
        self, setup: wire.Setup, deadline_s: float, budget: Budget,
        opened: Callable[[int, tuple[str, ...]], None], threads: Callable[[], int],
        watch: Callable[[Lane], str | None] = lambda _: None,
        infer: Callable[[Lane, Job, bool], wire.Ran] = lambda *_: wire.Ran(0, 0.0),
    ) -> None:  # fmt: skip
        self._infer = infer  # has the tensor in its process's memory worked on, perhaps again
        self._again = False  # it asked for a closer mask of its last job
        self.thought: wire.Thought | None = None  # where the mask of its last job came from
        self._threads = threads
        self._watch = watch  # the folder for whose sake the lane is taken back, if any
        self.number = setup.lane
        self.awake = False  # for its thread and those that ask whether a lane is free
        self.process = LaneProcess(setup)
        self.at: tuple[str, float] | None = None
        self.megapixels = 0.0  # of its photo, as far as it has said so
        self.request: Request | None = None
        self.overran: tuple[str, ...] = ()  # folders that it waited for until its deadline
        self.until: float | None = None  # by then its thread moves on by itself (monotonic)
        self._stage = ("", 0.0)
        self._deadline_s = deadline_s
        self._budget = budget
        self._opened = opened
        self._ready = False
        self._answered = False  # its process has had a request before this one

    @property
    def stage(self) -> str:
        """What it does now."""
        return self._stage[0]

    @stage.setter
    def stage(self, name: str) -> None:
        self._stage = (name, time.monotonic())

    def waits_for(self) -> tuple[tuple[str, ...], float]:
        """Folders that it may be waiting for, and for how long (s); none while it computes."""
        request, (stage, since) = self.request, self._stage
        folders = () if request is None else touched(request, stage)
        return folders, time.monotonic() - since

    @property
    def computes(self) -> bool:
        """Whether it takes a core itself now: it waits for no folder, mask or memory."""
        return stages.computes(self.request, self.stage)

    @property
    def alive(self) -> bool:
        """Whether its process is there and was heard of."""
        return self.process.alive

    def spawn(self) -> None:
        """See `LaneProcess.spawn`."""
        self._ready = self._answered = False
        self.process.spawn()

    def await_ready(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait for the model.  Raises `Unfit`, also when `stopped` says so meanwhile."""
        patience_s = self.process.patience_s
        try:
            message = self._receive(time.monotonic() + patience_s, stopped)
        except Overdue:
            self.kill()
            raise Unfit(f"lane {self.number} did not start in {patience_s:.0f} s") from None
        except Ended as end:
            if self.process.ran_out(str(end)):
                raise OutOfMemory(f"lane {self.number} while starting") from None
            raise Unfit(f"lane {self.number} ended while starting: {end}") from None
        if not isinstance(message, reply.Ready):
            self.kill()
            silent = f"lane {self.number} did not say that it is ready"
            raise Unfit(message.unfit if isinstance(message, reply.Unfit) else silent)
        self._ready = True
        self._opened(self.number, message.ready)

    def open(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Have a process that is ready, a new one if there is none.  Raises `Unfit`, OSError."""
        if not self.alive:
            self.kill()
            self.spawn()
        if not self._ready:
            self.await_ready(stopped)

    def take(self, request: Request) -> None:
        """Begin a request; `ask` follows."""
        what = request.relpath if isinstance(request, Job) else type(request).__name__
        self.stage, self.overran = "start", ()
        self.process.watch_memory()
        self.thought, self._again, self.megapixels = None, False, 0.0
        self.request, self.at = request, (what, time.monotonic())

    def ask(self, request: Request) -> Any:
        """Take one request to its answer.  A Job gets an outcome, or `NotBegun` is raised."""
        self.take(request)
        assert self.at is not None  # noqa: S101 - just taken
        what = self.at[0]
        try:
            return self._converse(request)
        except Broken as end:
            self.kill()
            if self.stage in BEFORE and self._answered:  # about the one before: it came late
                raise NotBegun("a word too many") from None
            said = f"{what}: its lane said in stage {self.stage!r} what no lane says ({end})"
            return self.lost(request, Code.CRASHED, said)
        except Ended as end:
            self.kill()
            if self.process.ran_out(str(end)):
                raise OutOfMemory(f"{what} in stage {self.stage!r}") from None
            if self.stage in BEFORE:  # it had ended while idle, or is to be let in anew
                raise NotBegun(str(end), end.folders) from None
            reason = f"{what}: its lane ended by {end} in stage {self.stage!r}"
            return self.lost(request, Code.CRASHED, reason)
        except OutOfMemory as end:  # of the model process, beside the photo that this one holds
            self.kill()
            raise OutOfMemory(f"{what} in stage {self.stage!r} ({end})") from None
        except TakenBack as silent:
            self.kill()
            why = f"{silent} does not answer"
            raise NotBegun(why, (str(silent),), taken_back=True) from None
        except Overdue:
            self.kill()
            self.overran = touched(request, self.stage)
            hung = bool(self.overran)
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
            return replace(self.lost(request, code, reason), final=self.stage == "decode")
        finally:
            self.at = self.until = self.request = None
            self._answered = True
            self._budget.release(self.number)

    def _converse(self, request: Request) -> Any:
        line = self.process.line
        if line is None or not self.alive or not line.quiet():
            raise Ended("nothing")
        deadline = time.monotonic() + self._deadline_s
        line.begin()
        self._send(line, pickle.dumps(request), deadline)
        while True:
            message = self._receive(deadline)
            match message:
                case reply.Stage(stage=stage) if follows(stage, self.stage):
                    self.stage = stage
                case reply.Reopen(reopen=places) if self.stage == "open":
                    needed = folders(request)
                    raise Reopen(tuple(needed[at] for at in places if at < len(needed)))
                case reply.Ask(ask=megapixels):
                    self.stage, self.megapixels = "memory", megapixels
                    began = time.monotonic()
                    self._budget.acquire(self.number, megapixels)
                    deadline += time.monotonic() - began
                    with contextlib.suppress(Ended):  # to be heard from the line
                        self._send(line, b"%d" % self._threads(), deadline)
                case reply.Infer(infer=which) if may_ask(request, self.stage, which):
                    began, self._again = time.monotonic(), which == "closer"
                    answer = self._mask(request)
                    deadline += time.monotonic() - began
                    self.stage = "infer"
                    self._send(line, answer, deadline)
                case reply.Number() if not isinstance(request, Job):
                    try:
                        return outcome.of_errand(message, request)
                    except reply.Broken as error:
                        raise Broken(str(error)) from None
                case reply.Refused(code=code, reason=reason, place=place) if not isinstance(
                    request, Job
                ):
                    raise wire.ErrandFailed(code, reason, place)
                case reply.Cut() | reply.Lost() if isinstance(request, Job):
                    try:
                        return outcome.of_job(message, request, again=self._again)
                    except reply.Broken as error:
                        raise Broken(str(error)) from None
                case _:
                    raise Broken("out of turn")

    def _mask(self, job: Job) -> bytes:
        """Have its tensor made a mask, however long others are at work; the answer to it."""
        try:
            made = self._infer(self, job, self._again)
            self.thought = made.thought
            told = {"ran": made.threads, "waited_s": made.waited_s, "confidence": made.confidence}
            return wire.encode(told)
        except NobgdError as error:
            return wire.refused(error.code, f"{job.relpath}: {error.reason}")
        except GoneAway:
            raise Ended(ending.how(self.process.process)) from None

    def _send(self, line: Line, data: bytes, deadline: float) -> None:
        self.until = deadline
        try:
            line.send_bytes(data, deadline)
        except TimeoutError:
            raise Overdue from None
        except (OSError, ValueError):
            raise Ended(ending.how(self.process.process)) from None
        finally:
            self.until = None

    def lost(self, request: Request, code: Code, reason: str) -> Failed:
        """What a request comes to that got no answer; `ErrandFailed` is raised for an errand."""
        if not isinstance(request, Job):
            raise wire.ErrandFailed(code, reason)
        side = "output" if self.stage == "publish" else "source"
        return Failed(request.inbox, request.relpath, code, reason, request.attempt, side)

    def _receive(self, deadline: float, stopped: Callable[[], bool] = lambda: False) -> reply.Reply:
        """The next thing that it says.  The clock is looked at before every part of it.

        Behind the deadline what has come already is taken: it may be us who were late to look.
        """
        self.until = deadline
        try:
            while True:
                line = self.process.line  # a shutdown takes it away
                if line is None:
                    raise Ended("nothing")
                left = deadline - time.monotonic()
                if (data := line.receive(max(0.0, min(left, _SLICE_S)))) is not None:
                    self.until = None
                    return reply.read(data)
                if left <= 0 and line.partial:
                    raise Broken("half a message")
                if left <= 0:
                    raise Overdue
                if self.request is not None and (silent := self._watch(self)) is not None:
                    raise TakenBack(silent)
                if stopped():
                    raise Ended("a stop")
        except (reply.Broken, Overdone) as error:
            raise Broken(str(error)) from None
        except (EOFError, OSError, ValueError):
            raise Ended(ending.how(self.process.process)) from None

    def kill(self) -> None:
        """See `LaneProcess.kill`."""
        self._ready = False
        self.process.kill()

"""A small world around the real supervisor: folders, lanes and a scanner that can be killed.

What is on disk outlives a kill: photos, cut-outs, the ledger, the log.  Everything that leaves the
supervisor is compared with what is durable at that moment, which a second connection to the ledger
sees.  The lanes of this world keep the rules of real ones, and answer when they are told to.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import itertools
import json
import os
import shutil
import sqlite3
import tempfile
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from nobgd import config
from nobgd.intake import messages
from nobgd.jobs import lifecycle
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.now import Now
from nobgd.jobs.row import Key
from nobgd.pool import engine
from nobgd.pool.lanes import Lanes
from nobgd.record.log import Log
from nobgd.supervisor.service import Service
from nobgd.values import Code, Done, Failed, Job, Photo, Recipe, Timing
from nobgd.values.errands import (
    COPIED,
    STATES,
    Digest,
    Dispose,
    Prepare,
    Release,
    SetAside,
)
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished, Unbegun

RECIPE = Recipe("u2netp", "0" * 64, "fp32")
NAMES = ("a.jpg", "a.png")  # both want the same name for their cut-out
TEXT = (
    "{state_dir: s, cache_dir: c, inboxes: [{path: kept, outbox: out, source: keep},"
    " {path: archived, outbox: out, source: archive, archive: arc},"
    " {path: deleted, outbox: box, source: delete}]}"
)
_ROOT = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None


class Kill(BaseException):
    """The supervisor is gone, whatever it was at."""


class Violation(AssertionError):  # noqa: N818 - a state
    """What must never be."""


@dataclass
class File:
    """A photo in a folder: each version has other bytes."""

    version: int
    stamp: int  # its ctime: what touches it changes this alone

    @property
    def sha256(self) -> str:
        return hashlib.sha256(b"%d" % self.version).hexdigest()


@dataclass
class Fuse:
    """When the next kill comes: before or after a commit, or after so many effects."""

    before_commit: bool = False
    after_commit: bool = False
    effects: int | None = None


class Books(Ledger):
    """The real ledger, in which a kill may come on either side of a commit."""

    def __init__(self, path: str, fuse: Fuse) -> None:
        super().__init__(path, time.time)
        self.fuse = fuse

    def commit(self) -> None:
        if self.fuse.before_commit:
            raise Kill
        super().commit()
        if self.fuse.after_commit:
            raise Kill

    def _move(
        self, inbox: str, key: Key, state: str | None, sql: str, *values: object
    ) -> int:  # fmt: skip
        """A photo goes no way that the table of states does not have."""
        before = self._state(key)
        written = super()._move(inbox, key, state, sql, *values)
        after, frame = (state if written else None), inspect.currentframe()
        while (frame := frame.f_back if frame else None) and frame.f_code.co_name.startswith("_"):
            pass
        by = frame.f_code.co_name if frame else ""
        if (before, after) != (None, None) and not lifecycle.allowed(before, by, after):
            raise Violation(f"{before} → {by} → {after}")
        return written

    def die(self) -> None:
        """What was not committed never was."""
        self._db.close()


@dataclass
class World:
    """All of it; `start` after a kill begins a new supervisor over what is there."""

    files: dict[tuple[str, str], File] = field(default_factory=dict)
    cut_outs: dict[str, str] = field(default_factory=dict)  # by path: SHA-256 of their photo
    went: list[tuple[str, str]] = field(default_factory=list)  # (cut-out, SHA-256) of originals
    fuse: Fuse = field(default_factory=Fuse)
    hidden: dict[Future[Finished], Any] = field(default_factory=dict)  # what lanes will say
    asked: list[tuple[Any, Future[Finished]]] = field(default_factory=list)
    untold: set[tuple[str, str]] = field(default_factory=set)  # names no scanner has seen change
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="nobgd-", dir=_ROOT))
        self.rules = config.parse(TEXT, "f", self.root)
        self.inboxes = [str(each.path) for each in self.rules.inboxes]
        self.versions, self.serials = itertools.count(1), itertools.count(1)
        self.broken: set[str] = set()  # SHA-256 of photos that were refused or given up
        self.path = str(self.root / "ledger")
        self.start()
        self.durable = sqlite3.connect(self.path, isolation_level=None)

    def start(self) -> None:
        """A supervisor begins; its scanner tells of everything."""
        self.fuse, self.asked, self.hidden = Fuse(), [], {}
        self.ledger = Books(self.path, self.fuse)
        self.log = Log("info", str(self.root / "log"), stdout=io.StringIO(), within_s=60.0)
        self.service = Service(self.rules, self.ledger, self.log, clock=self.now)
        recipes = dict.fromkeys(self.inboxes, RECIPE)
        self.service.saying.begin()
        self.service.machine.begin()
        self.ledger.commit()
        lanes = cast("Lanes", self)  # it plays them
        self.service.in_force.use(
            self.rules, engine.Engine(lanes, recipes, 1, 1, 200.0, "onnxruntime")
        )
        for inbox in self.inboxes:
            self.service.scanners.inboxes[inbox] = Scanner(self, inbox)  # type: ignore[assignment]  # plays it
        for inbox, name in self.files:
            self.tell_of(inbox, name)

    def kill(self) -> None:
        """Everything in memory is gone."""
        self.ledger.die()
        self.log.close()

    def end(self) -> None:
        self.kill()
        self.durable.close()
        shutil.rmtree(self.root)

    def now(self) -> Now:
        return Now(self.seconds, 1e9 + self.seconds, 0)

    # --- one turn of the loop --------------------------------------------------------------

    def turn(self) -> None:
        """What the loop does in one, but for what it tells systemd and the shares."""
        service, now = self.service, self.now()
        while not service.mailbox.empty():
            service.loop.take(service.mailbox.get_nowait(), now)
        service.loop.act(service.machine.tick(now))

    def tell_of(self, inbox: str, name: str, *, heard: bool = False) -> None:
        """The scanner looks at one name."""
        self.untold.discard((inbox, name))
        file = self.files.get((inbox, name))
        message: messages.Message = messages.Gone(inbox, (name,))
        if file is not None:
            photo = Photo(inbox, name, file.version, file.version, 60.0, 1, file.stamp, heard)
            message = messages.Settled(inbox, (photo,))
        self.service.mailbox.put(message)

    # --- the lanes -------------------------------------------------------------------------

    def more(self) -> int:
        return 0

    def silent(self, *_: str) -> str | None:
        return None

    def submit(self, request: Any) -> Future[Finished]:
        """Something leaves the supervisor."""
        if self.fuse.effects is not None:
            if self.fuse.effects == 0:
                raise Kill
            self.fuse.effects -= 1
        self.may_leave(request)
        future: Future[Finished] = Future()
        if isinstance(request, Prepare):  # a folder is looked at in no time
            future.set_result(Finished(self.errand(request, "good"), 0, 0.0))
        else:
            self.asked.append((request, future))
        return future

    def may_leave(self, request: Any) -> None:
        """Whether what this request rests on is durable."""
        if isinstance(request, Prepare):
            return
        row = self.durable.execute(
            "SELECT state, size, sha256 FROM photo WHERE inbox=? AND relpath=?",
            (request.inbox, os.fsencode(request.relpath)),
        ).fetchone()
        state = None if row is None else row[0]
        match request:
            case Job():
                others = [each for each, _ in self.asked if isinstance(each, Job)]
                if any((o.inbox, o.relpath) == (request.inbox, request.relpath) for o in others):
                    raise Violation(f"two jobs for {request.relpath}")
                if state != "trying" or row[1] != request.size:
                    raise Violation(f"{request.relpath} is begun and its attempt not durable")
            case Dispose() if state != "done" or row[2] != request.sha256:
                raise Violation(f"{request.relpath} is to go and not durably done")
            case SetAside() if state != "quarantined":
                raise Violation(f"{request.relpath} is copied and not durably set aside")
            case Release() if state == "quarantined":
                raise Violation(f"the copy of {request.relpath} goes, and it is still set aside")

    def answer(self, at: int, how: str, *, told: bool = True) -> None:
        """A lane has done what it was asked, as well as it could; not ``told``: a kill came."""
        request, future = self.asked.pop(at % len(self.asked))
        if future in self.hidden:  # what it found when it did so
            if told:
                future.set_result(Finished(self.hidden.pop(future), 0, 0.1))
            return
        try:
            do: Any = self.job if isinstance(request, Job) else self.errand
            answer = do(request, how)
        except ErrandFailed as error:
            if told:
                future.set_exception(error)
            return
        if told:
            future.set_result(Finished(answer, 0, 0.1))

    def hide(self, at: int) -> None:
        """A lane has made a cut-out or taken an original away, and says so later, by `answer`."""
        request, future = self.asked[at % len(self.asked)]
        if future in self.hidden:
            return
        if isinstance(request, Job):
            self.hidden[future] = self.job(request, "good")
        if isinstance(request, Dispose):
            with contextlib.suppress(ErrandFailed):
                self.hidden[future] = self.dispose(request)

    def deaf(self) -> None:
        """What has been said to the supervisor, and not heard yet, is lost."""
        while not self.service.mailbox.empty():
            self.service.mailbox.get_nowait()

    def job(self, job: Job, how: str) -> Done | Failed | Unbegun:
        """What a lane answers: it looks at its photo right before the output gets its name."""
        if how == "unbegun":
            return Unbegun("its folder does not answer")
        file = self.files.get((job.inbox, job.relpath))
        code = Code(how) if how != "good" else None
        if file is None:
            code = Code.VANISHED
        elif file.version != job.size:
            code = Code.CHANGED
        if code is not None or file is None:
            code = code or Code.VANISHED
            side = "output" if code is Code.NO_SPACE else "source"
            if file is not None and code.blame in ("photo", "ours"):
                self.broken.add(file.sha256)
            return Failed(job.inbox, job.relpath, code, f"{code}", job.attempt, side)
        name, found = self.target(job, file.sha256)
        path = os.path.join(job.outbox, name)
        self.cut_outs[path] = file.sha256
        return Done(
            job.inbox, job.relpath, path, file.sha256, RECIPE.key, 2, 2, job.size, 9,
            Timing(total_ms=float(next(self.serials))), how="found" if found else "computed",
            attempt=job.attempt, keep="",
        )  # fmt: skip

    def target(self, job: Job, sha256: str) -> tuple[str, bool]:
        """The name for an output, and whether it is there already; see `lane.naming`."""
        free = [name for name in job.outputs if name not in job.reserved]
        names = [*([job.own] if job.own else []), *free]
        for name in [*names, *itertools.islice(job.spares(sha256), 9)]:
            there = self.cut_outs.get(os.path.join(job.outbox, name))
            if there in (None, sha256) or (name == job.own and there == job.replaces):
                return name, there == sha256
        raise Violation("no name is left")

    def errand(self, errand: Any, how: str) -> Any:
        """What a lane answers to anything else."""
        if how not in ("good", "unbegun"):
            raise ErrandFailed(Code(how), how)
        match errand:
            case Prepare():
                return Mount(7, -1, "", "unknown", "")
            case SetAside():
                return STATES * 0 + COPIED
            case Dispose():
                return self.dispose(errand)
            case Digest():
                file = self.files.get((errand.inbox, errand.relpath))
                if file is None or file.version != errand.size:
                    raise ErrandFailed(Code.CHANGED, "it has changed")
                return int(file.sha256, 16)
        return 0

    def dispose(self, errand: Dispose) -> int:
        """An original goes, if it and its cut-out are what they were; see `values.barrier`."""
        file = self.files.get((errand.inbox, errand.relpath))
        if file is None:
            raise ErrandFailed(Code.VANISHED, "it has left")
        if file.sha256 != errand.sha256:
            raise ErrandFailed(Code.CHANGED, "it has changed")
        if self.cut_outs.get(errand.output) != errand.sha256:
            raise ErrandFailed(Code.OUTPUT_GONE, "its cut-out is not there")
        if errand.quiet_s < errand.need_s:
            return round((errand.need_s - errand.quiet_s) * 1000) + 1
        del self.files[errand.inbox, errand.relpath]
        self.went.append((errand.output, errand.sha256))
        self.tell_of(errand.inbox, errand.relpath)
        return 0

    # --- what must hold --------------------------------------------------------------------

    def check(self) -> None:
        """After each step."""
        state = self.service.state
        trying = {
            (os.fsdecode(inbox), os.fsdecode(relpath))
            for inbox, relpath in self.ledger._db.execute(
                "SELECT inbox, relpath FROM photo WHERE state='trying'"
            )
        }
        if not trying <= state.in_flight.keys():
            raise Violation(f"{trying - state.in_flight.keys()} are tried by nobody")
        if len(state.in_flight) > state.bound:
            raise Violation("more are in lanes than are bound for them")
        waiting: list[tuple[str, str]] = list(state.backlog._held)
        for queues in (state.backlog._urgent, state.backlog._new, state.backlog._later):
            waiting += [(inbox, name) for inbox, kept in queues.items() for name in kept]
        if len(waiting) != len(set(waiting)):
            raise Violation(f"{waiting} wait in two places")
        for path, sha256 in self.went:
            if self.cut_outs.get(path) != sha256:
                raise Violation(f"an original went, and {path} is not its cut-out any more")
        serials = self.said()
        if len(serials) != len(set(serials)):
            raise Violation("a photo was said to be done twice")

    def said(self) -> list[float]:
        """Which answers the log calls done."""
        log = self.root / "log"
        lines = log.read_bytes().splitlines() if log.exists() else []
        events = [json.loads(line) for line in lines if b'"photo.done"' in line]
        if any(b"service.stumbled" in line for line in lines):
            raise Violation(next(str(line) for line in lines if b"service.stumbled" in line))
        return [event["total_ms"] for event in events]

    def settle(self) -> None:
        """From now on everything goes well: what is there comes to its end."""
        for inbox, name in list(self.untold):
            self.tell_of(inbox, name)
        for _ in range(300):
            self.turn()
            self.check()
            while self.asked:
                self.answer(0, "good")
            if self.service.mailbox.empty() and not self.asked:
                self.seconds += 400.0
            if not self.service.state.in_flight and self.quiet():
                return
        raise Violation("it does not come to rest")

    def quiet(self) -> bool:
        """Whether each photo that is there is at its end, and said to be."""
        if not self.service.mailbox.empty():
            return False
        for (inbox, name), file in self.files.items():
            row = self.ledger.get(inbox, name)
            if row is None or row.size != file.version:
                return False
            if row.state == "quarantined" and file.sha256 in self.broken and row.aside == "0":
                continue
            if row.state != "done" or row.sha256 != file.sha256:
                return False
            if self.cut_outs.get(os.path.join(row.outbox or "", row.output or "")) != row.sha256:
                raise Violation(f"{name} is done, and its cut-out is not there")
            if inbox != self.inboxes[0]:
                return False  # its original goes
        said = self.said()
        done = self.ledger._db.execute(
            "SELECT took_ms FROM photo WHERE state='done' AND how='computed' AND record IS NULL"
        )
        return all(took in said for (took,) in done) and not self.ledger.unsaid()


class Scanner:
    """The world's end of a scanner thread."""

    alive = True

    def __init__(self, world: World, inbox: str) -> None:
        self._world, self._inbox = world, inbox

    def again(self, relpaths: tuple[str, ...]) -> None:
        if self._world.fuse.effects == 0:
            raise Kill
        for each in relpaths:
            self._world.tell_of(self._inbox, each)

    def wake(self) -> None:
        for inbox, name in list(self._world.files):
            if inbox == self._inbox:
                self._world.tell_of(inbox, name)

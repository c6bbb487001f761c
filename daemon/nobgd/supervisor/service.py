"""The service: what it is wired of, and its life from the start to the end."""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from nobgd import __version__
from nobgd.config import Config
from nobgd.jobs.events import Closed, TakenBack
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now
from nobgd.jobs.policy import RUN, Policy
from nobgd.metrics.export import Metrics
from nobgd.pool.engine import Engine
from nobgd.pool.mishaps import Unfit
from nobgd.record import events
from nobgd.record.log import Log
from nobgd.status.model import Status
from nobgd.supervisor import clocks, folders, signals, snapshot
from nobgd.supervisor.audience import Audience
from nobgd.supervisor.daemon import Running
from nobgd.supervisor.decisions import Decisions
from nobgd.supervisor.health import Vigil
from nobgd.supervisor.in_force import InForce
from nobgd.supervisor.loop import Loop
from nobgd.supervisor.mailbox import Message, Scraped, Told
from nobgd.supervisor.reload import Reloading
from nobgd.supervisor.requests import Requests
from nobgd.supervisor.runner import Runner
from nobgd.supervisor.saying import Saying
from nobgd.supervisor.scanners import Scanners
from nobgd.supervisor.share import Share
from nobgd.supervisor.signals import Reload, Stop
from nobgd.systemd import notify

_LAST_WORD_S = 5.0  # to write what the shares should say of a daemon that is stopped
_DRAIN_S = 75.0  # below systemd's default TimeoutStopSec of 90 s


class Service:
    """The daemon, or by another `Policy` a single pass over what is there."""

    def __init__(
        self, config: Config, ledger: Ledger, log: Log, *, policy: Policy = RUN,
        observe: Callable[[dict[str, Any]], None] = lambda _: None,
        reload: Callable[[], Config] | None = None, clock: Callable[[], Now] = clocks.read,
    ) -> None:  # fmt: skip
        self._started = time.monotonic()
        self._told_to_stop = False  # by a signal that the loop may not have heard of yet
        self._clock = clock
        self.left_over = 0
        self.ledger = ledger
        self.say = log.bound()
        self.mailbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        put = self.mailbox.put
        self.machine = Machine(config, ledger, policy)
        self.state = self.machine.state
        self.decisions = Decisions(self.machine, clock)
        metrics = Metrics(
            self.snapshot, lambda *said: put(Told(*said)), lambda reply: put(Scraped(reply))
        )
        self.audience = Audience(
            config, self.decisions, metrics, observe, lambda *said: self.saying.tell(*said)
        )
        self.saying = Saying(ledger, log, self.audience.hear)
        self.runner = Runner(put, self.saying, self.audience.hear, self.decisions.stumbled)
        self.share = Share(self.state, self.snapshot)
        self.scanners = Scanners(self.state, self.runner.inboxes, post=put, closed=self._closed)
        self.in_force = InForce(self.state, self.runner, self.decisions, self.say, put)
        self.running = Running(self.machine.rooms, self.decisions, self.scanners, self.snapshot)
        self.requests = Requests(self.running, self.state, self.say, put)
        self.vigil = Vigil(self.say, self.scanners, self.in_force.stuck, self.snapshot)
        self.loop = Loop(
            mailbox=self.mailbox, clock=clock, machine=self.machine, decisions=self.decisions,
            runner=self.runner, log=log, say=self.say, audience=self.audience, share=self.share,
            vigil=self.vigil, requests=self.requests, reloading=Reloading(self, reload),
        )  # fmt: skip

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.state.config

    @property
    def stopping(self) -> Stop | None:
        """Why it ends; None while it goes on."""
        return self.loop.stopping

    def snapshot(self) -> Status:
        """How it is now, for all who tell of it."""
        return snapshot.take(
            self.state, self.scanners.inboxes, self.in_force.engine, self.audience.pulse,
            self.in_force.trouble,
        )  # fmt: skip

    def start(self) -> None:
        """Load models, watch inboxes, say ready.  Raises ModelError, Unfit, sqlite3.Error.

        A stop that comes meanwhile ends it early; `run` then has nothing to do.
        """
        signals.listen(self._hear)
        self.saying.begin()
        self.machine.begin()
        self.ledger.commit()
        folders.make_missing(self.config, self.ledger)
        engine = self.in_force.build(self.config)
        self.in_force.use(self.config, engine)
        self.scanners.watch()
        try:
            engine.lanes.start(lambda: self._told_to_stop, many=self.state.policy.ends)
        except Unfit:
            if not self._told_to_stop:
                raise
            return
        if self.state.policy.serves:
            self.requests.listen()
            self.audience.listen(self.config)
            self.audience.configure(self.config)
        notify.ready()
        self._say_ready(engine)

    def _say_ready(self, engine: Engine) -> None:
        inboxes = [str(inbox.path) for inbox in self.config.inboxes]
        self.say.info(
            "service.ready", version=__version__, schema=events.SCHEMA_VERSION, pid=os.getpid(),
            lanes=engine.count, threads=engine.threads,
            in_flight_megapixels=round(engine.megapixels),
            model=self.config.model.name, precision=self.config.model.precision,
            engine=engine.engine,
            inboxes=inboxes,
            quarantined=sum(self.ledger.count(each, "quarantined") for each in inboxes),
            start_ms=round((time.monotonic() - self._started) * 1000),
        )  # fmt: skip

    def run(self) -> int:
        """Work until stopped (or, as a single pass, until nothing is left).  0 or 1.

        Raises sqlite3.Error when the ledger fails; all is then as after a crash (see `recovery`).
        """
        loop = self.loop
        try:
            while loop.stopping is None:
                loop.step()
                if self.state.policy.ends and loop.idle():
                    break
            return self._drain()
        finally:
            self.end()

    def _hear(self, message: Stop | Reload) -> None:
        """A signal, in its handler: it may come in the middle of anything."""
        self._told_to_stop = self._told_to_stop or isinstance(message, Stop)
        self.mailbox.put(message)

    def _closed(self, event: Closed) -> None:
        """An inbox is watched no more."""
        self.share.forget(event.inbox)
        self.decisions.tell(event)

    def _drain(self) -> int:
        """Finish what is begun, begin no more, and say in the shares that nobody works there."""
        loop, engine = self.loop, self.in_force.engine
        stop = loop.stopping or Stop("nothing left")
        notify.stopping()
        assert engine is not None  # noqa: S101 - start() ran
        self.say.info("service.stopping", why=stop.why, in_lanes=len(engine.lanes.busy()))
        self.decisions.tell(TakenBack(tuple(engine.lanes.drain()), again=False))
        until = time.monotonic() + _DRAIN_S
        while (self.state.in_flight or self.runner.errands) and time.monotonic() < until:
            loop.stopping = stop
            loop.step(0.2)
        self.decisions.add(self.share.tell(time.monotonic(), last=True))
        loop.act()
        until = time.monotonic() + _LAST_WORD_S
        while self.runner.errands and time.monotonic() < until:
            loop.step(0.2)
        self.left_over = self.machine.unfinished()
        return 1 if self.state.policy.ends and self.left_over else 0

    def end(self) -> None:
        """Close sockets, lanes, scanners and the ledger."""
        self.requests.stop()
        self.audience.stop()
        with contextlib.suppress(sqlite3.Error):
            self.machine.last(self._clock())
        self.scanners.stop()
        self.in_force.stop(wait=not self.state.in_flight)
        self.ledger.close()

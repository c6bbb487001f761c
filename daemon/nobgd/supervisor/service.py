"""The daemon: one mailbox, one thread that owns all state, no file I/O on shares.

Scanner threads, lane threads and signal handlers only put a value into the mailbox.  The loop
takes what is there, has the machine decide (`jobs.machine`), makes that durable, and has it done
(`runner`).  The systemd watchdog is fed by this very loop, so a stuck loop is noticed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from nobgd import __version__
from nobgd.config import Config
from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.jobs.effects import Effect
from nobgd.jobs.events import (
    Closed,
    Configured,
    ErrandEnded,
    Event,
    Freed,
    Judged,
    Redo,
    TakenBack,
)
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now
from nobgd.jobs.policy import RUN, Policy
from nobgd.jobs.row import Row
from nobgd.metrics.export import Metrics
from nobgd.pool import engine as engines
from nobgd.pool.mishaps import Unfit
from nobgd.record import events
from nobgd.record.drift import Drift
from nobgd.record.log import Log
from nobgd.status import answers, control, glance, listening, telling
from nobgd.status.model import Status
from nobgd.status.rates import Pulse
from nobgd.supervisor import clocks, folders, signals, snapshot
from nobgd.supervisor.health import Vigil
from nobgd.supervisor.mailbox import (
    Answer,
    Asked,
    LanesReady,
    LanesUnfit,
    Message,
    Scraped,
    Told,
)
from nobgd.supervisor.reload import Reloading
from nobgd.supervisor.runner import Runner
from nobgd.supervisor.saying import Saying
from nobgd.supervisor.share import Share
from nobgd.supervisor.signals import Reload, Stop
from nobgd.systemd import notify
from nobgd.values.errands import Write

_TICK_S = 1.0
_BATCH = 500  # messages between two commits
_LAST_WORD_S = 5.0  # to write what the shares should say of a daemon that is stopped
_DRAIN_S = 75.0  # below systemd's default TimeoutStopSec of 90 s


class Service:
    """The daemon, or by another `Policy` a single pass over what is there."""

    def __init__(
        self, config: Config, ledger: Ledger, log: Log, *, policy: Policy = RUN,
        observe: Callable[[dict[str, Any]], None] = lambda _: None,
        reload: Callable[[], Config] | None = None, clock: Callable[[], Now] = clocks.read,
    ) -> None:  # fmt: skip
        self.ledger = ledger
        self.log = log
        self._clock = clock
        self.say = log.bound()
        self.mailbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.machine = Machine(config, ledger, policy)
        self.state, self.renders = self.machine.state, self.machine.rooms.renders
        self.previews = self.machine.rooms.previews
        self.saying = Saying(ledger, log, self.noted)
        self.runner = Runner(self.mailbox.put, self.saying, self.noted, self._stumbled)
        self.inboxes = self.runner.inboxes
        self.backlog, self.in_flight = self.state.backlog, self.state.in_flight
        self.outboxes = self.state.outboxes
        self._effects: list[Effect] = []  # that wait for the next commit
        self.engine: engines.Engine | None = None
        self.stopping: Stop | None = None
        self.left_over = 0
        self.ticked: Callable[[], None] = lambda: None
        self._observe = observe
        self.pulse = Pulse()
        self.metrics = Metrics(
            self.snapshot, self._tell, lambda reply: self.mailbox.put(Scraped(reply))
        )
        self.share = Share(self.state, self.snapshot)
        self.drift = Drift(config.drift_percent)
        self.vigil = Vigil(self)
        self.trouble = ""  # what STATUS should complain of, such as a refused reload
        self._control: listening.Control | None = None
        self._telling: telling.Telling | None = None
        self._reloading = Reloading(self, reload)
        self._confined: set[tuple[str, ...]] = set()
        self._started = time.monotonic()
        self._told_to_stop = False  # by a signal that the loop may not have heard of yet

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.state.config

    # --- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Load models, watch inboxes, say ready.  Raises ModelError, Unfit, sqlite3.Error.

        A stop that comes meanwhile ends it early; `run` then has nothing to do.
        """
        signals.listen(self._hear)
        self.saying.begin()
        self.machine.begin()
        self.ledger.commit()
        folders.make_missing(self.config, self.ledger)
        engine = engines.build(self.config, self.opened, self.told)
        self.use(self.config, engine)
        self.watch(self.config)
        try:
            engine.lanes.start(lambda: self._told_to_stop, many=self.state.policy.ends)
        except Unfit:
            if not self._told_to_stop:
                raise
            return
        if self.state.policy.serves:
            self._listen()
            self.metrics.configure(self.config)
        notify.ready()
        self.say.info(
            "service.ready", version=__version__, schema=events.SCHEMA_VERSION, pid=os.getpid(),
            lanes=engine.count, threads=engine.threads,
            in_flight_megapixels=round(engine.megapixels),
            model=self.config.model.name, precision=self.config.model.precision,
            engine=engine.engine,
            inboxes=[str(inbox.path) for inbox in self.config.inboxes],
            start_ms=round((time.monotonic() - self._started) * 1000),
        )  # fmt: skip

    def run(self) -> int:
        """Work until stopped (or, as a single pass, until nothing is left).  0 or 1.

        Raises sqlite3.Error when the ledger fails; all is then as after a crash (see `recovery`).
        """
        try:
            while self.stopping is None:
                self.step()
                if self.state.policy.ends and self.idle():
                    break
            return self._drain()
        finally:
            self.end()

    def _hear(self, message: Stop | Reload) -> None:
        """A signal, in its handler: it may come in the middle of anything."""
        self._told_to_stop = self._told_to_stop or isinstance(message, Stop)
        self.mailbox.put(message)

    def step(self, longest_s: float = _TICK_S) -> None:
        """One turn: what was told, what follows from it, on disk, done."""
        messages = self._mail(longest_s)
        now = self._clock()
        for message in messages:
            self._take(message, now)
        self.act(self.machine.tick(now, stopping=self.stopping is not None))
        if self.stopping is None:
            self._try(lambda: self.runner.run(self.share.tell(time.monotonic())))
        self._try(lambda: self.metrics.show(time.monotonic(), working=bool(self.in_flight)))
        self.vigil.keep(time.monotonic())
        self.ticked()

    def act(self, ticked: Sequence[Effect] = ()) -> None:
        """The barrier: all that was decided is on disk before anything of it is done."""
        effects, self._effects = self._effects, []
        self.ledger.commit()
        self.runner.run(effects, ticked)

    def _mail(self, longest_s: float) -> list[Message]:
        """What is in the mailbox; waited for until there is something to do anyway."""
        found: list[Message] = []
        with contextlib.suppress(queue.Empty):
            found.append(self.mailbox.get(timeout=self._patience(longest_s)))
            while len(found) <= _BATCH:
                found.append(self.mailbox.get_nowait())
        return found

    def idle(self) -> bool:
        """Whether everything that was seen has been dealt with."""
        return not self.runner.errands and self.machine.idle(self._clock())

    def asked_to_stop(self) -> bool:
        """Whether a stop was asked for, heard of by the loop or not."""
        with contextlib.suppress(queue.Empty):
            while self.stopping is None:
                if isinstance(message := self.mailbox.get_nowait(), Stop):
                    self.stopping = message
        return self.stopping is not None

    def _drain(self) -> int:
        stop = self.stopping or Stop("nothing left")
        notify.stopping()
        assert self.engine is not None  # noqa: S101 - start() ran
        self.say.info("service.stopping", why=stop.why, in_lanes=len(self.engine.lanes.busy()))
        self.tell(TakenBack(tuple(self.engine.lanes.drain()), again=False))
        until = time.monotonic() + _DRAIN_S
        while (self.in_flight or self.runner.errands) and time.monotonic() < until:
            self.stopping = stop
            self.step(0.2)
        self._effects += self.share.tell(time.monotonic(), last=True)
        self.act()
        until = time.monotonic() + _LAST_WORD_S
        while self.runner.errands and time.monotonic() < until:
            self.step(0.2)
        self.left_over = self.machine.unfinished()
        return 1 if self.state.policy.ends and self.left_over else 0

    def end(self) -> None:
        """Close lanes, scanners and the ledger."""
        if self._control is not None:
            self._control.stop()
        if self._telling is not None:
            self._telling.stop()
        self.metrics.stop()
        with contextlib.suppress(sqlite3.Error):
            self.machine.last(self._clock())
        for inbox in self.inboxes.values():
            inbox.stop(0.5)
        if self.engine is not None:
            self.engine.lanes.shutdown(wait=not self.in_flight, cancel_futures=True)
        self.ledger.close()

    # --- messages ------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Tell the machine something; what it asks for is done after the next commit."""
        self._effects += self.machine.handle(event, self._clock())

    def _take(self, message: Message, now: Now) -> None:
        """One message; what goes wrong with it is said, and ends nothing."""
        try:
            self.handle(message, now)
        except Exception as error:  # noqa: BLE001 - no message may end the loop
            self._stumbled(error)

    def _try(self, act: Callable[[], object]) -> None:
        """Something that is done again and again: a failure is said once."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - neither may this
            self._stumbled(error)

    def _stumbled(self, error: Exception) -> None:
        self._effects += self.machine.stumbled(error)

    def handle(self, message: Message, now: Now) -> None:
        """One message: most are for the machine to decide."""
        match message:
            case Answer():
                ended = self.runner.ended(message)
                if isinstance(ended, ErrandEnded) and isinstance(ended.errand, Write):
                    self._effects += self.share.written(ended, ended.errand.folder)
                if ended is not None:
                    self._effects += self.machine.handle(ended, now)
            case Told():
                getattr(self.say, message.level)(message.event, **message.fields)
                self.metrics.take({"event": message.event, **message.fields})
            case Asked():
                self._answer(message)
            case Scraped():
                self.metrics.answer(message.reply)
            case Stop():
                self.stopping = self.stopping or message
            case Reload():
                self._reloading.ask()
            case LanesReady():
                self._reloading.ready(message.config, message.engine)
            case LanesUnfit():
                self._reloading.end(message.why)
            case _:
                self._effects += self.machine.handle(message, now)

    # --- lanes and scanners --------------------------------------------------------------

    def use(self, config: Config, engine: engines.Engine | None) -> None:
        """A configuration comes into force, with new lanes where it needs some."""
        if engine is None:
            self.tell(Configured(config))
            return
        old, self.engine = self.engine, engine
        self.state.silent_of = engine.lanes.silent
        self.runner.lanes = engine.lanes
        self.tell(Configured(config, engine.recipes, engine.bound, engine.others))
        if old is not None:
            self.tell(TakenBack(tuple(old.lanes.put_back()), again=True))
            threading.Thread(target=old.lanes.shutdown, name="old-lanes", daemon=True).start()

    def watch(self, config: Config) -> None:
        """Open the inboxes that are not watched yet."""
        for each in config.inboxes:
            path = str(each.path)
            if path in self.inboxes:
                continue
            self.inboxes[path] = Inbox(
                path, recursive=each.recursive,
                ignore=Ignore(
                    each.ignore, suffix=each.output.suffix, tail=each.output.rendering.tail
                ),
                mode=each.watch.mode,
                settle_s=each.watch.settle_s, rescan_s=each.watch.rescan_s,
                poll_s=each.watch.poll_s, post=self.mailbox.put,
            )  # fmt: skip
            self.inboxes[path].start()

    def look_anew(self, inboxes: list[str]) -> None:
        """What counts as done in these is another matter now: everything is seen afresh."""
        for path in inboxes:
            if path in self.inboxes:
                self.close_inbox(path, anew=True)
        self.watch(self.config)

    def close_inbox(self, path: str, *, anew: bool = False) -> None:
        """Stop watching an inbox; what its scanner told is forgotten."""
        self.inboxes.pop(path).stop(0.5)
        self.share.forget(path)
        self.tell(Closed(path, anew))

    def opened(self, lane: int, holds: tuple[str, ...]) -> None:
        """A lane has started; say once which confinements hold."""
        if holds not in self._confined:  # said once for each kind, not for each lane
            self._confined.add(holds)
            self.say.info("lane.confined", lane=lane, holds=list(holds))

    def told(self, event: str, fields: dict[str, Any]) -> None:
        """Something that lanes have to say; called on any thread."""
        good = event.endswith((".back", ".confined", ".joined", ".moved"))
        self._tell("info" if good else "warning", event, fields)

    # --- readers -------------------------------------------------------------------------

    def _tell(self, level: str, event: str, fields: dict[str, Any]) -> None:
        """Have something said in the log; called on any thread."""
        self.mailbox.put(Told(level, event, fields))

    def snapshot(self) -> Status:
        """How it is now, for all who tell of it."""
        return snapshot.take(self.state, self.inboxes, self.engine, self.pulse, self.trouble)

    def freed(self, rows: list[Row]) -> None:
        """Somebody had the ledger forget these."""
        self.tell(Freed(tuple(rows)))

    def redo(self, rows: list[Row]) -> None:
        """Somebody wants these made anew in another way."""
        self.tell(Redo(tuple(rows)))

    def judged(self, rows: list[Row]) -> None:
        """Somebody said what they think of these."""
        self.tell(Judged(tuple(rows)))

    def noted(self, event: dict[str, Any]) -> None:
        """Something was said in the log: count it, show it, see whether work gets slower."""
        self._try(lambda: self.pulse.take(event))
        self._try(lambda: self.metrics.take(event))
        self._try(lambda: self._observe(event))
        if self._telling is not None:
            self._try(partial(self._telling.tell, event))
        drift = self.drift.note(event)
        if drift is not None:
            self.saying.tell("warning", drift)

    def _listen(self) -> None:
        """Open the control socket; a daemon without one still works."""
        self._control = listening.Control(control.own_path(self.config), self._ask_the_loop)
        try:
            self._control.start()
        except OSError as error:
            self._control = None
            self.say.warning("control.closed", why=str(error))
        if self.config.web is None:
            return
        heard = control.own_path(self.config).with_name(telling.NAME)
        self._telling = telling.Telling(heard)
        try:
            self._telling.start()
        except OSError:
            self._telling = None  # it is a hint: the page asks more often then

    def _ask_the_loop(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request in the loop's thread, which owns all state; called in the asker's."""
        seen = glance.look(self.config, request)  # here, in the asker's thread: it may take a while
        reply: Future[dict[str, Any]] = Future()
        self.mailbox.put(Asked(request, seen, reply))
        try:
            return glance.complete(reply.result(control.ANSWER_S))
        except TimeoutError:
            if reply.cancel():
                return {"busy": control.TOO_BUSY.format(pid=os.getpid())}
        return glance.complete(reply.result(control.ANSWER_S))  # it is at it

    def _answer(self, asked: Asked) -> None:
        if not asked.reply.set_running_or_notify_cancel():
            return  # the asker was told that nothing was done
        try:
            answer = answers.handle(self.config, self.ledger, self, asked.request, asked.seen)
            asked.reply.set_result(answer)
        except Exception as error:  # noqa: BLE001 - the asker gets it, the loop goes on
            asked.reply.set_result({"error": f"{type(error).__name__}: {error}"})

    # --- time ----------------------------------------------------------------------------

    def _patience(self, longest_s: float) -> float:
        now = time.monotonic()
        times = [now + longest_s, self.vigil.due()]
        if self.stopping is None:
            times.append(self.machine.next_due())
        if self.log.behind:
            times.append(self.log.retry_at)
        if self._effects:
            times.append(now)
        return max(0.01, min(at for at in times if at is not None) - now)

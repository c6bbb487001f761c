"""The loop: one mailbox, one thread that owns all state, no file I/O on shares.

Scanner threads, lane threads and signal handlers only put a value into the mailbox.  The
loop takes what is there, decides, makes it durable, says it, and hands out work.  The
systemd watchdog is fed by this very loop, so a stuck loop is noticed.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache, partial
from typing import Any

from nobgd import __version__
from nobgd.config import Config, webbing
from nobgd.intake import messages
from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.jobs import signals
from nobgd.jobs.asides import Asides
from nobgd.jobs.backlog import Backlog
from nobgd.jobs.booking import Booking
from nobgd.jobs.desk import Desk
from nobgd.jobs.disposals import Disposals
from nobgd.jobs.events import Answer, Call, Then
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.looking import Looking
from nobgd.jobs.places import Place, make_folders
from nobgd.jobs.previews import Previews
from nobgd.jobs.recipes import Recipes
from nobgd.jobs.renders import Renders
from nobgd.jobs.signals import Reload, Stop
from nobgd.jobs.unnamed import Unnamed
from nobgd.metrics.export import Metrics
from nobgd.pool import engine as engines
from nobgd.pool.lane import Unfit
from nobgd.pool.lanes import Unbegun
from nobgd.record import events
from nobgd.record.drift import Drift
from nobgd.record.log import Log
from nobgd.status import answers, control, glance, listening, telling
from nobgd.status.model import Status
from nobgd.status.rates import Pulse
from nobgd.supervisor import snapshot
from nobgd.supervisor.health import Vigil
from nobgd.supervisor.mishap import Mishaps
from nobgd.supervisor.reload import Reloading
from nobgd.supervisor.saying import Saying
from nobgd.supervisor.share import Share
from nobgd.systemd import notify
from nobgd.values import Code, Job
from nobgd.values.errands import Errand, Prepare
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed

_TICK_S = 1.0
_PROBES_S = 0.25  # between turns of the loop for probes
_OVERFLOW = (
    "more happened at once than the kernel keeps for us; everything is looked at instead, so"
    " nothing is missed; if it comes often, raise the sysctl fs.inotify.max_queued_events"
)
_BATCH = 500  # messages between two commits
_LAST_WORD_S = 5.0  # to write what the shares should say of a daemon that is stopped
_DRAIN_S = 75.0  # below systemd's default TimeoutStopSec of 90 s


class Service:
    """The daemon, and with ``once`` a single pass over what is there."""

    def __init__(
        self, config: Config, ledger: Ledger, log: Log, *, once: bool = False,
        observe: Callable[[dict[str, Any]], None] = lambda _: None,
        reload: Callable[[], Config] | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.ledger = ledger
        self.log = log
        self.say = log.bound()
        self.once = once
        self.mailbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.backlog = Backlog()
        self.inboxes: dict[str, Inbox] = {}
        self.outboxes: dict[str, Place] = {}
        self.archives: dict[str, Place] = {}
        self.quarantines: dict[str, Place] = {}
        self.in_flight: dict[tuple[str, str], Job] = {}
        self.errands = 0
        self._thens: dict[int, tuple[Errand, Then | None]] = {}  # of errands under way, by id
        self.scanned: dict[str, messages.Scanned] = {}
        self.lost: dict[str, str] = {}
        self.mounts: dict[str, Mount] = {}
        self.engine: engines.Engine | None = None
        self.stopping: Stop | None = None
        self.left_over = 0
        self._is_open = cache(self.is_open)  # asked once in each turn of the loop
        self.ticked: Callable[[], None] = lambda: None
        self._observe = observe
        self.pulse = Pulse()
        self.metrics = Metrics(self)
        self.share = Share(self)
        self.drift = Drift(config.drift_percent)
        self.vigil = Vigil(self)
        self.trouble = ""  # what STATUS should complain of, such as a refused reload
        self.looking = Looking(self)
        self.renders = Renders(self)
        self.previews = Previews(self)
        self.unnamed = Unnamed(self)
        self.recipes = Recipes(self.ledger)
        self.desk = Desk(self)
        self.booking = Booking(self)
        self.disposals = Disposals(self)
        self.asides = Asides(self)
        self.saying = Saying(self)
        self.mishaps = Mishaps(self)
        self._control: listening.Control | None = None
        self._telling: telling.Telling | None = None
        self._reloading = Reloading(self, reload)
        self._confined: set[tuple[str, ...]] = set()
        self._started = time.monotonic()
        self._told_to_stop = False  # by a signal that the loop may not have heard of yet

    # --- life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Load models, watch inboxes, say ready.  Raises ModelError, Unfit, sqlite3.Error.

        A stop that comes meanwhile ends it early; `run` then has nothing to do.
        """
        signals.listen(self._hear)
        self.saying.begin()
        self.ledger.interrupt()
        self.asides.resume()
        self.ledger.commit()
        self.make_folders(self.config)
        self.engine = engines.build(self.config, self.opened, self.told)
        self.recipes.apply(self.config, self.engine.recipes)
        self.watch(self.config)
        try:
            self.engine.lanes.start(lambda: self._told_to_stop)
        except Unfit:
            if not self._told_to_stop:
                raise
            return
        if not self.once:
            self._listen()
            self.metrics.configure(self.config.metrics)
        notify.ready()
        self.say.info(
            "service.ready", version=__version__, schema=events.SCHEMA_VERSION, pid=os.getpid(),
            lanes=self.engine.count, threads=self.engine.threads,
            in_flight_megapixels=round(self.engine.megapixels),
            model=self.config.model.name, precision=self.config.model.precision,
            engine=self.engine.engine,
            inboxes=[str(inbox.path) for inbox in self.config.inboxes],
            start_ms=round((time.monotonic() - self._started) * 1000),
        )  # fmt: skip

    def run(self) -> int:
        """Work until stopped (or, with ``once``, until nothing is left).  0 or 1.

        Raises sqlite3.Error when the ledger fails; all is then as after a crash (see `endure`).
        """
        try:
            while self.stopping is None:
                self.step()
                if self.once and self.idle():
                    break
            return self._drain()
        finally:
            self.end()

    def _hear(self, message: Stop | Reload) -> None:
        """A signal, in its handler: it may come in the middle of anything."""
        self._told_to_stop = self._told_to_stop or isinstance(message, Stop)
        self.mailbox.put(message)

    def step(self, longest_s: float = _TICK_S) -> None:
        """Take what is in the mailbox, make it durable, hand out work."""
        try:
            self._take(self.mailbox.get(timeout=self._patience(longest_s)))
            for _ in range(_BATCH):
                self._take(self.mailbox.get_nowait())
        except queue.Empty:
            pass
        self._is_open.cache_clear()
        self._try(self.looking.write, time.monotonic())
        self.saying.settle_accounts()
        self._try(self.asides.start)
        self._try(self.booking.tell_failing, time.monotonic())
        self._try(self.disposals.tell, time.monotonic())
        if self.stopping is None:
            self._probe_places()
            self._try(self.disposals.start, time.monotonic())
            self._hand_out()
            self._try(self.share.tell, time.monotonic())
        self._try(self.metrics.show, time.monotonic())
        self.vigil.keep(time.monotonic())
        self.ticked()

    def idle(self) -> bool:
        """Whether everything that was seen has been dealt with (for ``once``)."""
        seen = all(
            path in self.lost or (path in self.scanned and not self.scanned[path].unsettled)
            for path in self.inboxes
        )
        hopeful = self.desk.hopeful() or self.looking.hopeful(self.is_open)
        return seen and not (self.in_flight or self.errands or hopeful)

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
        for request in self.engine.lanes.drain():
            if isinstance(request, Job):
                self.ledger.put_back(request.inbox, request.relpath)
        until = time.monotonic() + _DRAIN_S
        while (self.in_flight or self.errands) and time.monotonic() < until:
            self.stopping = stop
            self.step(0.2)
        self.share.tell(time.monotonic(), last=True)
        until = time.monotonic() + _LAST_WORD_S
        while self.errands and time.monotonic() < until:
            self.step(0.2)
        self.left_over = self.desk.unfinished()
        return 1 if self.once and self.left_over else 0

    def end(self) -> None:
        """Close lanes, scanners and the ledger."""
        if self._control is not None:
            self._control.stop()
        if self._telling is not None:
            self._telling.stop()
        self.metrics.stop()
        with contextlib.suppress(sqlite3.Error):
            self.looking.write(time.monotonic(), last=True)
        for inbox in self.inboxes.values():
            inbox.stop(0.5)
        if self.engine is not None:
            self.engine.lanes.shutdown(wait=not self.in_flight, cancel_futures=True)
        self.ledger.close()

    # --- messages ------------------------------------------------------------------------

    def _take(self, message: Any) -> None:
        """One message; what goes wrong with it is said, and booked for the photo it is about."""
        try:
            self.handle(message)
        except Exception as error:  # noqa: BLE001 - no message may end the loop
            if isinstance(message, Answer) and isinstance(message.request, Job):
                self.mishaps.photo(message.request.photo(), error)
            else:
                self.mishaps.other(error)

    def _try(self, act: Callable[..., None], *values: Any) -> None:
        """Something that is done again and again: a failure is said once."""
        try:
            act(*values)
        except Exception as error:  # noqa: BLE001 - neither may this
            self.mishaps.other(error)

    def handle(self, message: Any) -> None:
        """One message."""
        match message:
            case messages.Settled():
                for photo in message.photos:
                    try:
                        self.desk.consider(photo)
                    except Exception as error:  # noqa: BLE001 - the others are none the worse
                        self.mishaps.photo(photo, error)
            case Answer():
                self._answered(message)
            case messages.Came():
                self.desk.gone(message.inbox, message.relpaths)
            case messages.Gone():
                self.backlog.drop(message.inbox, message.relpaths)
                self.looking.drop(message.inbox, message.relpaths)
                self.unnamed.drop(message.inbox, message.relpaths)
                self.booking.left(message.inbox, message.relpaths)
                self.disposals.gone(message.inbox, message.relpaths)
                self.desk.gone(message.inbox, message.relpaths)
            case messages.Left():
                self.disposals.left(message.inbox, message.folder)
            case messages.Scanned():
                self.scanned[message.inbox] = message
            case messages.Signs():
                self.share.seen(message.inbox, message.names)
            case messages.Odd():
                self.desk.odd(message)
            case messages.Watching():
                if not message.where:
                    self.mounts[message.inbox] = message.mount
                self.say.info(
                    "inbox.watching", inbox=message.inbox, strategy=message.strategy,
                    why=message.why, where=message.where or None,
                )  # fmt: skip
            case messages.Lost():
                self.lost[message.inbox] = message.why
                self.say.warning("inbox.lost", inbox=message.inbox, why=message.why)
            case messages.Overflow():
                self.say.warning("inbox.overflow", inbox=message.inbox, why=_OVERFLOW)
            case messages.Back():
                self.lost.pop(message.inbox, None)
                self.mounts[message.inbox] = message.mount
                self.say.info("inbox.back", inbox=message.inbox)
            case Stop():
                self.stopping = self.stopping or message
            case Reload():
                self._reloading.ask()
            case Call():
                message.function()

    def _answered(self, answer: Answer) -> None:
        request = answer.request
        if isinstance(request, Job):
            key = (request.inbox, request.relpath)
            awaited = self.in_flight.get(key) is request  # else: put back, and begun anew since
            if awaited:
                del self.in_flight[key]
            if not (awaited or answer.future.cancelled()):
                self.late(request)
            elif not answer.future.cancelled():  # else: put back
                finished = answer.future.result()
                if isinstance(finished.answer, Unbegun):
                    self.ledger.put_back(request.inbox, request.relpath)
                    self.desk.requeue(request)
                else:
                    self.booking.finished(request, finished)
            if key not in self.in_flight and (held := self.backlog.release(*key)) is not None:
                self.desk.consider(held)
            return
        self.errands -= 1
        if not answer.future.cancelled():  # else: put back, and perhaps with other lanes by now
            self._thens.pop(id(request), None)
        if answer.future.cancelled():
            return
        error = answer.future.exception()
        if isinstance(error, Exception) and not isinstance(error, ErrandFailed):
            self.mishaps.other(error)  # and whoever asked is told: else it waited for ever
            what = f"{type(request).__name__}: {type(error).__name__}: {error}"
            error = ErrandFailed(Code.INTERNAL, what)
        if error is not None and not isinstance(error, ErrandFailed):
            raise error
        if answer.then is not None:
            found = answer.future.result().answer if error is None else None
            answer.then(found, error)

    def late(self, job: Job) -> None:
        """An answer that nobody waits for any more: not booked, but its photo is looked at again.

        Its lane may have slept; the photo's row belongs to a job that was begun since.
        """
        if job.inbox in self.inboxes:
            self.inboxes[job.inbox].again([job.relpath])

    # --- work ----------------------------------------------------------------------------

    def errand(self, errand: Errand, then: Then | None = None) -> None:
        """Have a lane do something that is not a picture; ``then`` runs in the loop."""
        assert self.engine is not None  # noqa: S101 - start() ran
        self.errands += 1
        self._thens[id(errand)] = errand, then
        future = self.engine.lanes.submit(errand)
        future.add_done_callback(lambda done: self.mailbox.put(Answer(errand, done, then)))

    def errand_again(self, errand: Errand) -> None:
        """An errand that was taken back from lanes that end goes to those that are there now."""
        self.errand(*self._thens.pop(id(errand), (errand, None)))

    def is_open(self, inbox: str) -> bool:
        """Whether photos of this inbox may be started now."""
        found = self.desk.rules(inbox)
        if found is None or not self.outboxes[str(found.outbox)].ready or inbox in self.lost:
            return False  # first what is cheap: in an outage it is asked for every inbox
        if self.desk.paused(inbox) or self.silent(inbox) is not None:
            return False
        return self.desk.closed_because(inbox) is None

    def snapshot(self) -> Status:
        """How it is now, for all who tell of it."""
        return snapshot.take(self)

    def silent(self, inbox: str) -> str | None:
        """The folder of this inbox that does not answer, if there is one that photos need."""
        rules = self.desk.rules(inbox)
        if rules is None or self.engine is None:
            return None
        return self.engine.lanes.silent(inbox, str(rules.outbox))

    def _hand_out(self) -> None:
        assert self.engine is not None  # noqa: S101 - start() ran
        jobs: list[Job] = []
        now = time.monotonic()
        while len(self.in_flight) < self.engine.bound:
            photo = self.backlog.take(now, self._is_open)
            if photo is None:
                self.looking.start(now, self._is_open)
                break
            if (photo.inbox, photo.relpath) in self.in_flight:
                self.backlog.hold(photo)  # two jobs for one name would write over one another
                continue
            try:
                job = self.desk.begin(photo)
            except Exception as error:  # noqa: BLE001 - it is this photo's failure
                self.mishaps.photo(photo, error)
                continue
            if job is not None:
                self.in_flight[(job.inbox, job.relpath)] = job
                jobs.append(job)
        if jobs:
            self.ledger.commit()  # the attempts are on disk before they start
        for job in jobs:
            self._submit(job)

    def _submit(self, job: Job) -> None:
        assert self.engine is not None  # noqa: S101 - start() ran
        future = self.engine.lanes.submit(job)
        future.add_done_callback(lambda done: self.mailbox.put(Answer(job, done)))

    def places(self) -> list[Place]:
        """Every folder that is written to."""
        groups = (self.outboxes, self.archives, self.quarantines)
        return [place for group in groups for place in group.values()]

    def _probe_places(self) -> None:
        now = time.monotonic()
        for place in self.places():
            if place.by_photo and place.rested(now):
                self.desk.back(place)
            if place.due(now):
                place.probing = True
                errand = Prepare(place.path, not place.swept, place.mount)
                self.errand(errand, partial(self.desk.probed, place))

    def make_folders(self, config: Config) -> None:
        """What is ours and was never there; a missing folder that was is an unmounted share.

        The quarantines in the state folder lie on its disk, which is there.
        """
        own = config.state_dir / "quarantine"
        missing = [str(own), *map(str, webbing.folders(config))]
        for each in config.inboxes:
            missing += [
                str(folder)
                for folder in (each.outbox, each.archive, each.quarantine)
                if folder is not None
                and (own in folder.parents or self.ledger.fact(f"seen {folder}") is None)
            ]
        make_folders(missing)

    def watch(self, config: Config) -> None:
        """Open the inboxes that are not watched yet."""
        for each in config.inboxes:
            path = str(each.path)
            if path in self.inboxes:
                continue
            box, aside = str(each.outbox), str(each.quarantine)
            self.outboxes.setdefault(box, Place(box))
            self.quarantines.setdefault(aside, Place(aside, kind="quarantine"))
            if each.archive is not None and each.source == "archive":
                archive = str(each.archive)
                self.archives.setdefault(archive, Place(archive, kind="archive"))
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

    def look_anew(self, inboxes: Sequence[str]) -> None:
        """What counts as done in these is another matter now: everything is seen afresh."""
        self.recipes.forget()
        for path in inboxes:
            if path in self.inboxes:
                self.close_inbox(path)
                self.backlog.drop_inbox(path)
                self.looking.drop_inbox(path)
        self.watch(self.config)

    def close_inbox(self, path: str) -> None:
        """Stop watching an inbox; what its scanner told is forgotten."""
        self.inboxes.pop(path).stop(0.5)
        self.scanned.pop(path, None)
        self.lost.pop(path, None)
        self.disposals.drop_inbox(path)
        self.share.forget(path)

    def opened(self, lane: int, holds: tuple[str, ...]) -> None:
        """A lane has started; say once which confinements hold."""
        if holds not in self._confined:  # said once for each kind, not for each lane
            self._confined.add(holds)
            self.say.info("lane.confined", lane=lane, holds=list(holds))

    def told(self, event: str, fields: dict[str, Any]) -> None:
        """Something that lanes have to say; called on any thread."""
        say = self.say.info if event.endswith((".back", ".confined")) else self.say.warning
        self.mailbox.put(Call(lambda: say(event, **fields)))

    def noted(self, event: dict[str, Any]) -> None:
        """Something was said in the log: count it, show it, see whether work gets slower."""
        self.pulse.take(event)
        self.metrics.take(event)
        self._observe(event)
        if self._telling is not None:
            self._telling.tell(event)
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
        future: Future[dict[str, Any]] = Future()
        seen = glance.look(self.config, request)  # here, in the asker's thread: it may take a while

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return  # the asker was told that nothing was done
            try:
                future.set_result(answers.handle(self.config, self.ledger, self, request, seen))
            except Exception as error:  # noqa: BLE001 - the asker gets it, the loop goes on
                future.set_result({"error": f"{type(error).__name__}: {error}"})

        self.mailbox.put(Call(answer))
        try:
            return glance.complete(future.result(control.ANSWER_S))
        except TimeoutError:
            if future.cancel():
                return {"busy": control.TOO_BUSY.format(pid=os.getpid())}
        return glance.complete(future.result(control.ANSWER_S))  # it is at it

    # --- time ----------------------------------------------------------------------------

    def _patience(self, longest_s: float) -> float:
        now = time.monotonic()
        times = [now + longest_s, self.vigil.due()]
        if self.stopping is None:
            if self.engine is not None and len(self.in_flight) < self.engine.bound:
                times.append(self.backlog.next_due(self._is_open))  # else an answer wakes us
            times.append(self.disposals.next_due())
            waiting = [each for each in self.places() if not (each.ready or each.probing)]
            if waiting:  # together where they are many: each turn of the loop looks at all of them
                soonest = min(each.probe_at for each in waiting)
                times.append(math.ceil(soonest / _PROBES_S) * _PROBES_S)
        if self.log.behind:
            times.append(self.log.retry_at)
        return max(0.01, min(at for at in times if at is not None) - now)

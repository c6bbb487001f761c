"""The loop: what was told, what follows from it, on disk, done; and again.

Scanner threads, lane threads and signal handlers only put a value into the mailbox.  The loop
takes what is there, has the machine decide (`jobs.machine`), makes that durable, and has it done
(`runner`).  The systemd watchdog is fed by this very loop, so a stuck loop is noticed.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nobgd.jobs.effects import Effect
from nobgd.jobs.events import ErrandEnded
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now
from nobgd.record.log import Log
from nobgd.supervisor.audience import Audience
from nobgd.supervisor.decisions import Decisions
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
from nobgd.supervisor.requests import Requests
from nobgd.supervisor.runner import Runner
from nobgd.supervisor.share import Share
from nobgd.supervisor.signals import Reload, Stop
from nobgd.values.errands import Write

_TICK_S = 1.0
_BATCH = 500  # messages between two commits


def _nothing() -> None:
    """What is done after a turn where nobody watches."""


@dataclass(kw_only=True)
class Loop:
    """One thread, which owns all state and touches no share."""

    mailbox: queue.SimpleQueue[Message]
    clock: Callable[[], Now]
    machine: Machine
    decisions: Decisions
    runner: Runner
    log: Log
    say: Any
    audience: Audience
    share: Share
    vigil: Vigil
    requests: Requests
    reloading: Reloading
    stopping: Stop | None = None
    ticked: Callable[[], None] = _nothing  # at the end of each turn

    def step(self, longest_s: float = _TICK_S) -> None:
        """One turn; in ``longest_s`` seconds at the latest, though nothing is told."""
        messages = self._mail(longest_s)
        now = self.clock()
        for message in messages:
            self.take(message, now)
        self.act(self.machine.tick(now, stopping=self.stopping is not None))
        attempt = self.decisions.attempt
        if self.stopping is None:
            attempt(lambda: self.runner.run(self.share.tell(time.monotonic())))
        working = bool(self.machine.state.in_flight)
        attempt(lambda: self.audience.metrics.show(time.monotonic(), working=working))
        self.vigil.keep(time.monotonic())
        self.ticked()

    def act(self, ticked: Sequence[Effect] = ()) -> None:
        """The barrier: all that was decided is on disk before anything of it is done."""
        effects = self.decisions.hand_over()
        self.machine.state.ledger.commit()
        self.runner.run(effects, ticked)

    def idle(self) -> bool:
        """Whether everything that was seen has been dealt with."""
        return not self.runner.errands and self.machine.idle(self.clock())

    def asked_to_stop(self) -> bool:
        """Whether a stop was asked for, heard of by the loop or not."""
        with contextlib.suppress(queue.Empty):
            while self.stopping is None:
                if isinstance(message := self.mailbox.get_nowait(), Stop):
                    self.stopping = message
        return self.stopping is not None

    def _mail(self, longest_s: float) -> list[Message]:
        """What is in the mailbox; waited for until there is something to do anyway."""
        found: list[Message] = []
        with contextlib.suppress(queue.Empty):
            found.append(self.mailbox.get(timeout=self._patience(longest_s)))
            while len(found) <= _BATCH:
                found.append(self.mailbox.get_nowait())
        return found

    def _patience(self, longest_s: float) -> float:
        now = time.monotonic()
        times = [now + longest_s, self.vigil.due()]
        if self.stopping is None:
            times.append(self.machine.next_due())
        if self.log.behind:
            times.append(self.log.retry_at)
        if self.decisions.pending:
            times.append(now)
        return max(min(0.01, longest_s), min(at for at in times if at is not None) - now)

    def take(self, message: Message, now: Now) -> None:
        """One message; what goes wrong with it is said, and ends nothing."""
        self.decisions.attempt(lambda: self.handle(message, now))

    def handle(self, message: Message, now: Now) -> None:
        """One message: most are for the machine to decide."""
        match message:
            case Answer():
                ended = self.runner.ended(message)
                if isinstance(ended, ErrandEnded) and isinstance(ended.errand, Write):
                    self.decisions.add(self.share.written(ended, ended.errand.folder))
                if ended is not None:
                    self.decisions.tell(ended, now)
            case Told():
                getattr(self.say, message.level)(message.event, **message.fields)
                self.audience.metrics.take({"event": message.event, **message.fields})
            case Asked():
                self.requests.answer(message)
            case Scraped():
                self.audience.metrics.answer(message.reply)
            case Stop():
                self.stopping = self.stopping or message
            case Reload():
                self.reloading.ask()
            case LanesReady():
                self.reloading.ready(message.config, message.engine)
            case LanesUnfit():
                self.reloading.end(message.why)
            case _:
                self.decisions.tell(message, now)

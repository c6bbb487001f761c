"""The configuration in force: the lanes that are made from it, and what they have to say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from nobgd.config import Config
from nobgd.jobs.events import Configured, TakenBack
from nobgd.jobs.state import State
from nobgd.pool import engine as engines
from nobgd.pool.memory import held_mb
from nobgd.supervisor.decisions import Decisions
from nobgd.supervisor.mailbox import Told
from nobgd.supervisor.runner import Runner

_GOOD = (".back", ".confined", ".joined", ".moved", ".shown")  # ends of events that are no warnings


class InForce:
    """Only accessed from the main loop, but for what lanes call."""

    def __init__(
        self, state: State, runner: Runner, decisions: Decisions, say: Any,
        put: Callable[[Told], None],
    ) -> None:  # fmt: skip
        self._state = state
        self._runner = runner
        self._decisions = decisions
        self._say = say
        self._put = put
        self._confined: set[tuple[str, ...]] = set()
        self.engine: engines.Engine | None = None  # before there are lanes
        self.trouble = ""  # what STATUS should complain of, such as a refused reload

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._state.config

    def build(self, config: Config) -> engines.Engine:
        """The lanes of another configuration, not started yet.  Raises ModelError, OSError."""
        held = held_mb(self.engine.lanes.all_pids()) if self.engine is not None else 0.0
        return engines.build(config, self._opened, self._told, held)

    def use(self, config: Config, engine: engines.Engine | None) -> None:
        """A configuration comes into force, with new lanes where it needs some."""
        if engine is None:
            self._decisions.tell(Configured(config))
            return
        old, self.engine = self.engine, engine
        self._state.silent_of, self._state.more = engine.lanes.silent, engine.lanes.more
        self._runner.lanes = engine.lanes
        self._decisions.tell(Configured(config, engine.recipes, engine.bound, engine.others))
        if old is not None:
            self._decisions.tell(TakenBack(tuple(old.lanes.put_back()), again=True))
            threading.Thread(target=old.lanes.shutdown, name="old-lanes", daemon=True).start()

    def stuck(self, now: float) -> str | None:
        """What of the lanes hangs, at a monotonic time in seconds; None: nothing."""
        return self.engine.lanes.stuck(now) if self.engine is not None else None

    def stop(self, *, wait: bool) -> None:
        """End the lanes; ``wait`` until they have ended."""
        if self.engine is not None:
            self.engine.lanes.shutdown(wait=wait, cancel_futures=True)

    def _opened(self, lane: int, holds: tuple[str, ...]) -> None:
        """A lane has started; say once which confinements hold."""
        if holds not in self._confined:  # said once for each kind, not for each lane
            self._confined.add(holds)
            self._say.info("lane.confined", lane=lane, holds=list(holds))

    def _told(self, event: str, fields: dict[str, Any]) -> None:
        """Something that lanes have to say; called on any thread."""
        self._put(Told("info" if event.endswith(_GOOD) else "warning", event, fields))

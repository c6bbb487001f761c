"""Who hears what was said in the log: rates, metrics, drift, the screen, and `events.sock`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nobgd.config import Config
from nobgd.metrics.export import Metrics
from nobgd.record.drift import Drift
from nobgd.status import control, telling
from nobgd.status.rates import Pulse
from nobgd.supervisor.decisions import Decisions


class Audience:
    """All of them; what one fails at is said, and the others hear it.  Of the main loop only."""

    def __init__(
        self, config: Config, decisions: Decisions, metrics: Metrics,
        observe: Callable[[dict[str, Any]], None], say: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        """``observe`` is shown each event; ``say`` has one said, by level."""
        self.pulse = Pulse()
        self.metrics = metrics
        self._decisions = decisions
        self._observe = observe
        self._say = say
        self._percent = config.drift_percent
        self._drift = Drift(config.drift_percent)
        self._telling: telling.Telling | None = None

    def configure(self, config: Config) -> None:
        """What is to be shown where, from now on; what was counted goes on."""
        self.metrics.configure(config)
        if config.drift_percent != self._percent:
            self._percent = config.drift_percent
            self._drift = Drift(config.drift_percent)

    def listen(self, config: Config) -> None:
        """Open `events.sock` where there is a page; it is a hint: without it the page asks more."""
        if config.web is None:
            return
        self._telling = telling.Telling(control.own_path(config).with_name(telling.NAME))
        try:
            self._telling.start()
        except OSError:
            self._telling = None

    def hear(self, event: dict[str, Any]) -> None:
        """Something was said in the log: count it, show it, see whether work gets slower."""
        attempt = self._decisions.attempt
        attempt(lambda: self.pulse.take(event))
        attempt(lambda: self.metrics.take(event))
        attempt(lambda: self._observe(event))
        if self._telling is not None:
            attempt(partial(self._telling.tell, event))
        drift = self._drift.note(event)
        if drift is not None:
            self._say("warning", drift)

    def stop(self) -> None:
        """Show the last state, and close what is open."""
        if self._telling is not None:
            self._telling.stop()
        self.metrics.stop()

"""What is counted, as Prometheus text: counters since the start, gauges of now.

The names are a contract with dashboards; docs/metrics.md lists them.  Counters grow with
the events of the log, so both agree; gauges are looked up when somebody asks.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from nobgd import __version__
from nobgd.fs.names import shown
from nobgd.status.model import Status
from nobgd.values.machine import UP

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
STAGES = ("read", "decode", "infer", "edges", "compose", "encode", "publish", "total")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_PER_MEGAPIXEL = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each


@dataclass(slots=True)
class _OfInbox:
    """The gauges of one inbox: to find each by its labels is dearer than to set it."""

    name: str
    waiting: Gauge
    retrying: Gauge
    quarantined: Gauge
    up: Gauge
    paused: Gauge
    watch: tuple[str, str, str] | None = None  # the labels of the one that is 1


@dataclass(frozen=True, slots=True)
class _Finished:
    """What finished photos of one inbox are counted in, those that ended in one way."""

    photos: Counter
    megapixels: Counter
    attempts: Counter
    success: Gauge


class Meter:
    """The metrics of one daemon.  Only accessed from the main loop, but for `text`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._names: tuple[object, ...] = ()
        self._of_inbox: dict[str, _OfInbox] = {}
        self._of_outbox: dict[str, Gauge] = {}
        self._finished: dict[tuple[str, str], _Finished] = {}  # by inbox and how
        self._broker: Gauge | None = None
        self._count()
        self._gauge()

    def _count(self) -> None:
        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"nobgd_{name}", help_text, labels, registry=self.registry)

        self._photos = counter("photos", "Photos that ended, by how", "inbox", "outcome")
        self._megapixels = counter("megapixels", "Megapixels of finished photos", "inbox")
        self._attempts = counter("attempts", "Attempts that ended, well or not", "inbox")
        self._failures = counter("failures", "Attempts that failed, by code", "inbox", "code")
        self._doubtful = counter("doubtful", "Cut-outs that somebody should look at", "inbox")
        self._masks = counter("masks", "Masks of finished photos, by machine", "host")
        self._moved = counter(
            "moved", "Masks, or photos, that another machine was to make and did not"
        )
        self._drifts = counter("drifts", "Times that a megapixel had come to cost more")
        self._stages = Histogram(
            "nobgd_stage_seconds", "Time of a computed photo in each stage", ["stage"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._cost = Histogram(
            "nobgd_seconds_per_megapixel", "Total time of a computed photo by its size",
            buckets=_PER_MEGAPIXEL, registry=self.registry,
        )  # fmt: skip
        self._of_stage = [(f"{stage}_ms", self._stages.labels(stage)) for stage in STAGES]

    def _gauge(self) -> None:
        def gauge(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"nobgd_{name}", help_text, labels, registry=self.registry)

        self._success = gauge(
            "last_success_timestamp_seconds", "When a photo was last finished", "inbox"
        )
        self._waiting = gauge("photos_waiting", "New photos that wait for a lane", "inbox")
        self._retrying = gauge("photos_retrying", "Photos that wait for their next try", "inbox")
        self._quarantined = gauge("photos_quarantined", "Photos that are set aside", "inbox")
        self._working = gauge("photos_working", "Photos that a lane works on now")
        self._inbox_up = gauge("inbox_up", "1 while the inbox can be read", "inbox")
        self._paused = gauge("inbox_paused", "1 while the inbox is paused", "inbox")
        self._watch = gauge(
            "inbox_watch_info", "How changes are noticed; always 1", "inbox", "strategy", "state"
        )
        self._outbox_up = gauge("outbox_up", "1 while the outbox can be written to", "outbox")
        self._machine_up = gauge("machine_up", "1 while the machine may make masks", "host")
        self._machine_seats = gauge("machine_seats", "Masks that it makes at a time", "host")
        self._lanes = gauge("lanes", "Photos that can be worked on at a time")
        self._threads = gauge("lane_threads", "Threads of a lane when all are at work")
        self._reload = gauge(
            "config_last_reload_successful", "0 while a configuration that was refused waits"
        )
        self._reloaded = gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read",
        )
        self._take_reload(good=True)
        self._build = gauge(
            "build_info", "What runs; always 1", "version", "model", "precision", "python"
        )

    def _inbox(self, name: str) -> _OfInbox:
        for outcome in ("computed", "rendered", "copied", "quarantined", "skipped"):
            self._photos.labels(name, outcome)
        for counter in (self._megapixels, self._attempts, self._doubtful):
            counter.labels(name)
        return _OfInbox(
            name, self._waiting.labels(name), self._retrying.labels(name),
            self._quarantined.labels(name), self._inbox_up.labels(name), self._paused.labels(name),
        )  # fmt: skip

    def take(self, event: dict[str, Any]) -> None:
        """Count one event of the log."""
        if event["event"] == "photo.done":
            self._done(event)
            return
        inbox = shown(str(event.get("inbox", "")))
        match event["event"]:
            case "photo.moved":
                self._moved.inc()
            case "photo.failed" | "photo.quarantined" as name:
                self._attempts.labels(inbox).inc()
                self._failures.labels(inbox, event["code"]).inc()
                if name == "photo.quarantined":
                    self._photos.labels(inbox, "quarantined").inc()
            case "photo.skipped":
                self._photos.labels(inbox, "skipped").inc()
            case "service.drift":
                self._drifts.inc()
            case "service.reloaded" | "service.reload_refused" as name:
                self._take_reload(good=name == "service.reloaded")

    def _take_reload(self, *, good: bool) -> None:
        self._reload.set(good)
        if good:
            self._reloaded.set_to_current_time()

    def _done(self, event: dict[str, Any]) -> None:
        which = event["inbox"], event["how"]
        if (found := self._finished.get(which)) is None:
            inbox = shown(which[0])
            found = self._finished[which] = _Finished(
                self._photos.labels(inbox, which[1]), self._megapixels.labels(inbox),
                self._attempts.labels(inbox), self._success.labels(inbox),
            )  # fmt: skip
        found.photos.inc()
        found.megapixels.inc(event["megapixels"])
        found.attempts.inc()
        found.success.set_to_current_time()
        if event.get("review"):
            self._doubtful.labels(shown(event["inbox"])).inc()
        if which[1] == "computed":
            self._masks.labels(event["host"]).inc()
            self._time(event)

    def _time(self, event: dict[str, Any]) -> None:
        for name, histogram in self._of_stage:
            histogram.observe(event[name] / 1000)
        self._cost.observe(event["ms_per_megapixel"] / 1000)

    def text(self) -> bytes:
        """All of it as Prometheus text, UTF-8, as of the last `look`; from any thread."""
        return prometheus.generate_latest(self.registry)

    def look(self, status: Status) -> None:
        """Set the gauges; what is no longer configured disappears.  In the loop's thread."""
        names = (tuple(status.inboxes), tuple(status.outboxes), status.model, status.precision)
        if names != self._names:
            self._names = names
            self._name(status)
        for path, inbox in status.inboxes.items():
            gauges = self._of_inbox[path]
            gauges.waiting.set(inbox.waiting)
            gauges.retrying.set(inbox.retrying)
            gauges.quarantined.set(inbox.quarantined)
            gauges.up.set(inbox.seen.state == "watching")
            gauges.paused.set(inbox.paused)
            watch = (gauges.name, inbox.seen.strategy or "none", inbox.seen.state)
            if watch != gauges.watch:
                if gauges.watch is not None:
                    self._watch.remove(*gauges.watch)
                gauges.watch = watch
                self._watch.labels(*watch).set(1)
        for path, outbox in status.outboxes.items():
            self._of_outbox[path].set(outbox.ready)
        self._machines(status)
        if status.lane_count:
            self._working.set(len(status.lanes))
            self._lanes.set(status.lane_count)
            self._threads.set(status.threads)

    def _machines(self, status: Status) -> None:
        if status.others is None:
            return
        if self._broker is None:  # only where there is to be one
            self._broker = Gauge(
                "nobgd_broker_up", "1 while the broker can be reached", registry=self.registry
            )
        self._broker.set(not status.others.broker)
        for each in status.others.machines:
            self._machine_up.labels(each.host).set(each.state == UP)
            self._machine_seats.labels(each.host).set(each.seats)

    def _name(self, status: Status) -> None:
        """Begin the gauges anew, for the inboxes and outboxes that there are now."""
        for each in (self._waiting, self._retrying, self._quarantined, self._inbox_up,
                     self._paused, self._watch, self._outbox_up, self._build):  # fmt: skip
            each.clear()
        self._of_inbox = {path: self._inbox(shown(path)) for path in status.inboxes}
        self._of_outbox = {
            path: self._outbox_up.labels(shown(path)) for path in status.outboxes
        }  # fmt: skip
        self._build.labels(
            __version__, status.model, status.precision, platform.python_version()
        ).set(1)  # fmt: skip

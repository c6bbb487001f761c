"""One pass over events to a `Summary`, in memory that does not grow with the log."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections import Counter
from typing import Any

from nobgd.record import events, fields, schema
from nobgd.record.fit import Fit
from nobgd.report import tables
from nobgd.report.parsing import figure
from nobgd.report.sketch import Sketch
from nobgd.report.summary import BUCKETS, STAGES, Cell, Failure, Named, Summary, Verdict
from nobgd.report.tally import Bin, Busy, Tally, Timeline
from nobgd.report.verdict import verdict

_UNSURE = 0.5
_NAMED = 10
_CELLS_PER_DECADE = 12
_MOST_KINDS = 200  # inboxes, or models; more are counted together
_RECENT = 0.25  # of the photos, for the verdict on drift
_KNOWN = frozenset(fields.FIELDS)


class Collector:
    """Takes events, gives a summary."""

    def __init__(self) -> None:
        self._all = Tally()
        self._buckets = [Tally() for _ in range(len(BUCKETS) + 1)]
        self._inboxes: dict[str, Tally] = {}
        self._models: dict[str, Tally] = {}
        self._hosts: dict[str, Tally] = {}  # by the machine that made the mask
        self._counts: Counter[str] = Counter()
        self._failures: dict[str, Failure] = {}  # by code
        self._slowest: list[tuple[float, int, Named]] = []
        self._unsure: list[tuple[float, int, Named]] = []
        self._timeline = Timeline()
        self._cells: Counter[tuple[int, int]] = Counter()
        self._queued = Sketch()
        self._busy = Busy()
        self._first = math.inf
        self._last = -math.inf
        self._work = [math.inf, -math.inf]
        self._fit = Fit()
        self._number = 0
        self._unknown: set[str] = set()
        self.warnings: dict[str, str] = {}

    def add(self, event: dict[str, Any], moment: float) -> None:
        """One event of the log."""
        self._first, self._last = min(self._first, moment), max(self._last, moment)
        if event["event"] in schema.EVENTS and not event.keys() <= _KNOWN:
            self._unknown.update(map(str, event.keys() - _KNOWN))
        match event["event"]:
            case "photo.done":
                self._done(event, moment)
            case "photo.failed" | "photo.quarantined" as kind:
                self._failed(event, moment, kind)
            case "photo.skipped":
                self._counts["skipped"] += 1
            case "service.drift":
                self._counts["drifts"] += 1
            case "service.ready":
                self._ready(event)
            case _:
                pass

    def _ready(self, event: dict[str, Any]) -> None:
        version = event.get("schema")
        if isinstance(version, int) and version > events.SCHEMA_VERSION:
            self.warnings["schema"] = (
                f"the log has schema {version}, this nobgd knows {events.SCHEMA_VERSION}:"
                " used as far as it is understood"
            )

    def _done(self, event: dict[str, Any], moment: float) -> None:
        self._counts["doubtful"] += event.get("review") is True
        how = event.get("how", "computed")
        if how != "computed":
            self._counts[str(how)] += 1
            return
        megapixels, total = figure(event.get("megapixels"), 1e6), figure(event.get("total_ms"))
        if not (megapixels and total):
            self._counts["incomplete"] += 1
            return
        for tally in (
            self._all,
            self._buckets[bisect_left(BUCKETS, round(megapixels, 2))],
            _kind(self._inboxes, str(event.get("inbox", "?"))),
            _kind(self._models, f"{event.get('model', '?')} {event.get('precision', '?')}"),
            _kind(self._hosts, str(event.get("host", "?"))),
        ):
            tally.add(event, megapixels, total)
        self._fit.add(megapixels, total)
        start = moment - total / 1000
        self._busy.add(start, moment)
        self._work = [min(self._work[0], start), max(self._work[1], moment)]
        queued = figure(event.get("queued_ms"))
        self._queued.add(queued)
        self._in_time(event, moment, megapixels, total, queued)
        per_mp = total / megapixels
        self._cells[_cell(megapixels), _cell(per_mp)] += 1
        self._stands_out(event, moment, megapixels, total)

    def _in_time(
        self, event: dict[str, Any], moment: float, megapixels: float, total: float, queued: float
    ) -> None:
        each = self._timeline.at(moment)
        each.photos += 1
        each.megapixels += megapixels
        each.busy_ms += total
        each.queued_ms += queued
        each.kinds.add(event, megapixels, total)

    def _stands_out(
        self, event: dict[str, Any], moment: float, megapixels: float, total: float
    ) -> None:
        self._number += 1
        sure = event.get("subject_confidence")
        known = type(sure) is float or type(sure) is int
        unsure = known and figure(sure) < _UNSURE
        self._counts["unsure"] += unsure
        slow = len(self._slowest) < _NAMED or total > self._slowest[0][0]
        if not (unsure or slow):
            return
        stage = max(STAGES, key=lambda name: figure(event.get(f"{name}_ms")))
        named = Named(
            str(event.get("source", "?")), megapixels, total, total / megapixels,
            figure(sure) if known else 1.0, stage, moment,
        )  # fmt: skip
        if slow:
            _keep(self._slowest, (total, self._number, named))
        if unsure:
            _keep(self._unsure, (-named.subject_confidence, self._number, named))

    def _failed(self, event: dict[str, Any], moment: float, kind: str) -> None:
        code = str(event.get("code", "?"))
        if code not in self._failures and len(self._failures) >= _MOST_KINDS:
            code = "other"
        found = self._failures.get(code, Failure(code, 0, 0, "", ""))
        aside = kind == "photo.quarantined"
        self._failures[code] = Failure(
            code, found.failed + (not aside), found.quarantined + aside,
            str(event.get("source", "?")), str(event.get("reason", "")),
        )  # fmt: skip
        self._timeline.at(moment).failures += 1

    def summary(self, **more: Any) -> Summary:
        """What was taken so far; ``more`` are fields that others know."""
        fixed, slope = self._fit.line()
        names = [f"≤ {edge:g} MP" for edge in BUCKETS] + [f"> {BUCKETS[-1]:g} MP"]
        whole = self._all.row("all")
        failures = list(self._failures.values())
        if self._unknown and "schema" not in self.warnings:
            listed = ", ".join(tables.printable(name) for name in sorted(self._unknown)[:5])
            self.warnings["unknown"] = f"fields unknown to this nobgd were passed over: {listed}"
        incomplete = self._counts["incomplete"]
        if incomplete:
            self.warnings["incomplete"] = (
                f"{incomplete} photo.done records without megapixels or total_ms were not used"
            )
        return Summary(
            photos=whole.photos, rendered=self._counts["rendered"],
            copied=self._counts["copied"], found=self._counts["found"],
            megapixels=whole.megapixels,
            failed=sum(each.failed for each in failures),
            quarantined=sum(each.quarantined for each in failures),
            skipped=self._counts["skipped"],
            first=self._first if self._first < math.inf else 0.0,
            last=self._last if self._last > -math.inf else 0.0,
            wall_s=max(0.0, self._work[1] - self._work[0]) if whole.photos else 0.0,
            busy_s=self._busy.seconds, fixed_ms=fixed, ms_per_mp=slope, alike=self._fit.alike,
            all=whole if whole.photos else None,
            buckets=tuple(
                tally.row(name)
                for name, tally in zip(names, self._buckets, strict=True)
                if tally.row(name).photos
            ),
            inboxes=_rows(self._inboxes), models=_rows(self._models),
            hosts=_rows(self._hosts) if len(self._hosts) > 1 else (),
            failures=tuple(sorted(failures, key=lambda f: (-f.quarantined - f.failed, f.code))),
            slowest=tuple(named for _, _, named in sorted(self._slowest, reverse=True)),
            unsure=tuple(named for _, _, named in sorted(self._unsure, reverse=True)),
            unsure_count=self._counts["unsure"], doubtful=self._counts["doubtful"],
            moments=self._timeline.moments(),
            cells=tuple(
                Cell(_middle(x), _middle(y), count) for (x, y), count in sorted(self._cells.items())
            ),
            queued_p50_ms=self._queued.quantile(0.5), queued_p95_ms=self._queued.quantile(0.95),
            drift=self._drift(), drifts_said=self._counts["drifts"],
            warnings=tuple(self.warnings.values()), **more,
        )  # fmt: skip

    def _drift(self) -> Verdict | None:
        """The last quarter of the photos against those before."""
        recent, before = Bin(), Bin()
        since = 0.0
        wanted = self._fit.count * _RECENT
        for number in sorted(self._timeline.bins, reverse=True):
            each = self._timeline.bins[number]
            if recent.photos < wanted:
                recent.merge(each)
                since = self._timeline.start(number)
            else:
                before.merge(each)
        return verdict(before.kinds, recent.kinds, since)


def _kind(tallies: dict[str, Tally], name: str) -> Tally:
    if name not in tallies and len(tallies) >= _MOST_KINDS:
        name = "others"
    return tallies.setdefault(name, Tally())


def _rows(tallies: dict[str, Tally]) -> tuple[Any, ...]:
    rows = [tally.row(name) for name, tally in tallies.items()]
    return tuple(sorted(rows, key=lambda row: (-row.photos, row.name)))


def _keep(heap: list[tuple[float, int, Named]], item: tuple[float, int, Named]) -> None:
    if len(heap) < _NAMED:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def _cell(value: float) -> int:
    return math.floor(math.log10(max(value, 1e-6)) * _CELLS_PER_DECADE)


def _middle(number: int) -> float:
    return float(10 ** ((number + 0.5) / _CELLS_PER_DECADE))

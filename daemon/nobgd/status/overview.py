"""All at a glance: queue, lanes, inboxes and last failures, for `nobgd status` and the page."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs import redoing
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status import pausing, when
from nobgd.status.hindrance import sentence
from nobgd.status.line import line
from nobgd.status.model import Status

_FAILURES_SHOWN = 10


def status(config: Config, ledger: Ledger, now: Status | None) -> dict[str, Any]:
    """Queue, lanes, inboxes and last failures, as plain values for JSON; without a daemon less."""
    counts = ledger.counts()
    inboxes = []
    for each in config.inboxes:
        path = str(each.path)
        entry: dict[str, Any] = {
            "inbox": path,
            "outbox": str(each.outbox),
            "done": counts.get((path, "done"), 0),
            "retrying": counts.get((path, "retry"), 0),
            "quarantined": counts.get((path, "quarantined"), 0),
            "skipped": counts.get((path, "skipped"), 0),
            "kept": ledger.kept_count(path),
            "doubtful": ledger.doubtful_count(path),
            "paused": pausing.paused(ledger, path),
            "paused_by": "command" if pausing.paused(ledger, path) else None,
        }
        if now is not None and path in now.inboxes:
            found, box = now.inboxes[path], now.outboxes[str(each.outbox)]
            waits = found.hindrance
            entry |= {
                "paused": found.paused,
                "paused_by": found.paused_by,
                "waiting": found.waiting,
                "state": found.seen.state, "strategy": found.seen.strategy,
                "watch": list(found.seen.texts), "why": found.seen.why,
                "silent": found.silent, "unsettled": found.seen.unsettled,
                "files": found.seen.files,
                "outbox_ready": box.ready,
                "outbox_why": box.why,
                "hindrance": None if waits is None else waits.kind,
                "hindered": None if waits is None else sentence(waits, path, box.path),
            }  # fmt: skip
        inboxes.append(entry)
    answer: dict[str, Any] = {"running": now is not None, "inboxes": inboxes}
    answer["redo"] = redoing.choices(config)
    if now is not None and now.lane_count:
        answer |= {
            "line": line(now),
            "waiting": now.waiting,
            "retrying": now.retrying,
            "working": len(now.lanes),
            "lanes": [
                {"lane": each.lane, "source": shown(each.source), "stage": each.stage,
                 "seconds": round(each.seconds, 1)}
                for each in now.lanes
            ],
            "lane_count": now.lane_count,
            "threads": now.threads,
            "model_process": now.model_process,
            "lanes_open": now.processes,
            "megapixels_per_minute": round(now.megapixels_per_minute, 1),
            "photos_per_minute": round(now.photos_per_minute, 1),
        }  # fmt: skip
        if now.others is not None:
            answer["broker"] = now.others.broker
            answer["machines"] = [asdict(each) for each in now.others.machines]
    failures = _last_failures(config, ledger)
    answer["failures"] = [
        {"source": shown(os.path.join(row.inbox, row.relpath)), "code": row.code,
         "reason": row.reason, "when": when.local(row.changed_at)}
        for row in failures
    ]  # fmt: skip
    return answer


def _last_failures(config: Config, ledger: Ledger) -> list[Row]:
    """The latest of the inboxes that are configured; the ledger keeps those of others, too."""
    rows = [
        row for each in config.inboxes
        for row in ledger.in_state("quarantined", _FAILURES_SHOWN, inbox=str(each.path))
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row.changed_at, reverse=True)[:_FAILURES_SHOWN]

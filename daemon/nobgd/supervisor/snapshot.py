"""The daemon's state as a frozen `Status`, made when somebody asks; in the loop's thread."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nobgd.status.hindrance import Hindrance, first
from nobgd.status.model import InboxStatus, LaneStatus, OutboxStatus, Status

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service


def take(service: Service) -> Status:
    """What there is to tell of now.  No folder is touched, no table walked over."""
    engine, backlog = service.engine, service.backlog
    busy = engine.lanes.busy() if engine is not None else []
    working = Counter(inbox for inbox, _ in service.in_flight)
    inboxes = {}
    for path, inbox in service.inboxes.items():
        rules = service.desk.rules(path)
        if rules is None:
            continue
        sign, command = service.share.paused_by(path), service.desk.paused_by_command(path)
        inboxes[path] = InboxStatus(
            path, str(rules.outbox), inbox.snapshot(), backlog.waiting(path),
            backlog.retrying(path), working[path], service.ledger.count(path, "done"),
            service.ledger.count(path, "quarantined"), service.desk.paused(path),
            "command" if command else sign, service.silent(path), hindrance(service, path),
        )  # fmt: skip
    return Status(
        inboxes,
        {
            path: OutboxStatus(path, box.ready, box.why, bool(box.failures))
            for path, box in service.outboxes.items()
        },
        tuple(LaneStatus(*each) for each in busy),
        engine.count if engine is not None else 0,
        engine.threads if engine is not None else 0,
        backlog.waiting(), backlog.retrying(), len(service.in_flight),
        service.pulse.megapixels_per_minute(), service.pulse.photos_per_minute(),
        service.trouble, service.config.model.name, service.config.model.precision,
        "closed" if engine is None else engine.lanes.inference.state,
        0 if engine is None else len(engine.lanes.pids()),
    )  # fmt: skip


def hindrance(service: Service, inbox: str) -> Hindrance | None:
    """Why photos of this inbox may not be started now; None when they may (see `is_open`)."""
    rules = service.desk.rules(inbox)
    if rules is None:
        return None
    box = service.outboxes[str(rules.outbox)]
    return first(
        sign=service.share.paused_by(inbox), command=service.desk.paused_by_command(inbox),
        lost=service.lost.get(inbox),
        outbox=box.why, silent=service.silent(inbox),
        hours=service.desk.closed_because(inbox),
    )  # fmt: skip

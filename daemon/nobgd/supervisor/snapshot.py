"""The daemon's state as a frozen `Status`, made when somebody asks; in the loop's thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from nobgd.intake.inbox import Inbox
from nobgd.jobs.state import State
from nobgd.pool.engine import Engine
from nobgd.status.hindrance import Hindrance, first
from nobgd.status.model import InboxStatus, LaneStatus, OutboxStatus, Status
from nobgd.status.rates import Pulse


def take(
    state: State, scanners: Mapping[str, Inbox], engine: Engine | None, pulse: Pulse, trouble: str
) -> Status:
    """What there is to tell of now.  No folder is touched, no table walked over."""
    backlog, ledger = state.backlog, state.ledger
    busy = engine.lanes.busy() if engine is not None else []
    working = Counter(inbox for inbox, _ in state.in_flight)
    inboxes = {}
    for path, scanner in scanners.items():
        rules = state.rules(path)
        if rules is None:
            continue
        sign, command = state.paused_by(path), state.paused_by_command(path)
        inboxes[path] = InboxStatus(
            path, str(rules.outbox), scanner.snapshot(), backlog.waiting(path),
            backlog.retrying(path), working[path], ledger.count(path, "done"),
            ledger.count(path, "quarantined"), state.paused(path),
            "command" if command else sign, state.silent(path), hindrance(state, path),
        )  # fmt: skip
    return Status(
        inboxes,
        {
            path: OutboxStatus(path, box.ready, box.why, bool(box.failures))
            for path, box in state.outboxes.items()
        },
        tuple(LaneStatus(*each) for each in busy),
        engine.count if engine is not None else 0,
        engine.threads if engine is not None else 0,
        backlog.waiting(), backlog.retrying(), len(state.in_flight),
        pulse.megapixels_per_minute(), pulse.photos_per_minute(),
        trouble or ("" if engine is None else engine.lanes.trouble),
        state.config.model.name, state.config.model.precision,
        "closed" if engine is None else engine.lanes.inference.state,
        0 if engine is None else len(engine.lanes.pids()),
        None if engine is None else engine.lanes.others,
    )  # fmt: skip


def hindrance(state: State, inbox: str) -> Hindrance | None:
    """Why photos of this inbox may not be started now; None when they may (see `State.is_open`)."""
    rules = state.rules(inbox)
    if rules is None:
        return None
    box = state.outboxes[str(rules.outbox)]
    return first(
        sign=state.paused_by(inbox), command=state.paused_by_command(inbox),
        lost=state.lost.get(inbox),
        outbox=box.why, silent=state.silent(inbox),
        hours=state.closed_because(inbox),
    )  # fmt: skip

"""What follows from a photo or an outcome: ledger, log line, quarantine, next try.

The service's right hand, in its thread: `consider` decides what a settled photo needs,
`begin` makes the job, `finished` books the outcome.  Lines of finished photos are said
only after `settle_accounts` has made them durable, and kept until the log took them.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from nobgd import log as logs
from nobgd import records
from nobgd.config import InboxConfig
from nobgd.intake import messages, plan
from nobgd.intake.ledger import Row
from nobgd.outbox import Outbox
from nobgd.pool.errands import Dispose, Release, SetAside
from nobgd.pool.lanes import Finished
from nobgd.pool.wire import ErrandFailed
from nobgd.values import Blame, Code, Done, Failed, Job, Photo, Skip

if TYPE_CHECKING:
    from nobgd.service import Service

_PATIENCE_SETTLES = 5.0
_PATIENCE_S = 10.0  # an unfinished file quiet this long (or five settle times) is truncated
_ONCE_RETRIES_WITHIN_S = 0.2  # `once` does not sit out a back-off


class Desk:
    """Books photos in and out.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._unsaid: list[tuple[str, str, str, dict[str, Any]]] = []
        self._disposing: set[tuple[str, str]] = set()
        self._place_failures: dict[tuple[str, str], int] = {}
        self.failures = 0

    # --- in ------------------------------------------------------------------------------

    def rules(self, inbox: str) -> InboxConfig | None:
        """The configuration of an inbox, None when it is no longer configured."""
        return next((i for i in self._service.config.inboxes if str(i.path) == inbox), None)

    def paused(self, inbox: str) -> bool:
        """Whether somebody paused this inbox, or all."""
        fact = self._service.ledger.fact
        return fact(f"paused {inbox}") is not None or fact("paused *") is not None

    def closed_because(self, inbox: str) -> str | None:
        """Why an inbox that works rests now: its quiet hours; None when it does not."""
        rules = self.rules(inbox)
        return plan.resting(rules.quiet_hours, time.localtime()) if rules is not None else None

    def freed(self, photos: list[tuple[str, str, str]]) -> None:
        """`nobgd retry` made the ledger forget these: out of quarantine, looked at anew."""
        for inbox, relpath, state in photos:
            rules = self.rules(inbox)
            if rules is None or inbox not in self._service.inboxes:
                continue
            if state == "quarantined":
                self._service.errand(Release(str(rules.quarantine), relpath))
            self._service.inboxes[inbox].again([relpath])

    def requeue(self, job: Job) -> None:
        """A job that no lane began goes back to where it waited."""
        self._service.backlog.add(
            Photo(job.inbox, job.relpath, job.size, job.mtime_ns, job.quiet_s)
        )

    def consider(self, photo: Photo) -> None:
        """A photo has settled: put it where it belongs."""
        service, rules = self._service, self.rules(photo.inbox)
        if rules is None or self._same_in_flight(photo):
            return
        row = service.ledger.get(photo.inbox, photo.relpath)
        reason = plan.refusal(photo.relpath)
        if reason is not None:
            self._skip(photo, row, reason)
            return
        match plan.todo(self._known(row, photo), rules.source):
            case "job":
                service.backlog.add(photo)
            case "wait":
                assert row is not None  # noqa: S101 - that is what waits
                wait = max(0.0, (row.next_try or 0.0) - time.time())
                service.backlog.add_later(
                    photo, time.monotonic() + min(wait, plan.BACKOFF_LONGEST_S)
                )
            case "dispose":
                assert row is not None  # noqa: S101 - it is done
                self._dispose(row, rules)

    def _same_in_flight(self, photo: Photo) -> bool:
        job = self._service.in_flight.get((photo.inbox, photo.relpath))
        return job is not None and (job.size, job.mtime_ns) == (photo.size, photo.mtime_ns)

    def _known(self, row: Row | None, photo: Photo) -> plan.Known | None:
        if row is None:
            return None
        assert self._service.engine is not None  # noqa: S101 - start() ran
        recipe = self._service.engine.recipes[photo.inbox].key
        return plan.Known(
            row.state, row.same_file(photo.size, photo.mtime_ns), row.recipe == recipe, row.disposed
        )

    def _skip(self, photo: Photo, row: Row | None, reason: str) -> None:
        if row is not None and row.state == "skipped" and row.reason == reason:
            return
        self._service.ledger.skipped(photo.inbox, photo.relpath, photo.size, photo.mtime_ns, reason)
        self._tell("info", records.photo_skipped(Skip(photo.inbox, photo.relpath, reason)))

    def odd(self, odd: messages.Odd) -> None:
        """Something named like a photo that is none: said once, ever."""
        row = self._service.ledger.get(odd.inbox, odd.relpath)
        self._skip(Photo(odd.inbox, odd.relpath, 0, 0, 0.0), row, odd.why)

    def gone(self, inbox: str, relpaths: tuple[str, ...]) -> None:
        """Sources left their inbox; what was quarantined is released with them."""
        rules = self.rules(inbox)
        for row in self._service.ledger.gone(inbox, relpaths):
            if row.state == "quarantined" and rules is not None:
                self._service.errand(Release(str(rules.quarantine), row.relpath))

    # --- begin ---------------------------------------------------------------------------

    def begin(self, photo: Photo) -> Job | None:
        """The job for a photo whose turn has come; its attempt is booked first."""
        service, rules = self._service, self.rules(photo.inbox)
        if rules is None or service.engine is None:
            return None
        ledger, outbox = service.ledger, str(rules.outbox)
        row = ledger.get(photo.inbox, photo.relpath)
        same = row is not None and row.same_file(photo.size, photo.mtime_ns)
        if row is not None and same and row.interrupted >= plan.INTERRUPTIONS:
            self._give_up(rules, photo, row)
            return None
        names = plan.outputs(photo.relpath, rules.output.suffix)
        me = (photo.inbox, photo.relpath)
        reserved = frozenset(n for n in names if ledger.owner(outbox, n) not in (None, me))
        wanted = next((n for n in names if n not in reserved), names[-1])
        if row is not None and row.output in names and row.outbox == outbox:
            wanted = row.output
        ledger.begin(*me, photo.size, photo.mtime_ns, outbox, wanted)
        recipe = service.engine.recipes[photo.inbox]
        settle = rules.watch.settle_s
        return Job(
            *me, photo.size, photo.mtime_ns, outbox, names, reserved,
            siblings=frozenset(
                plan.inbox_key(str(other.path))
                for other in service.config.inboxes
                if str(other.outbox) == outbox and str(other.path) != photo.inbox
            ),
            inbox_key=plan.inbox_key(photo.inbox), recipe=recipe,
            compression=rules.output.compression,
            max_megapixels=service.config.workers.max_megapixels,
            attempt=(row.attempts if row is not None and same else 0) + 1,
            quiet_s=photo.quiet_s, patience_s=max(_PATIENCE_S, _PATIENCE_SETTLES * settle),
            twins=ledger.twins(photo.size, recipe.key),
            inbox_device=service.devices.get(photo.inbox),
            outbox_device=service.outboxes[outbox].device,
        )  # fmt: skip

    def _give_up(self, rules: InboxConfig, photo: Photo, row: Row) -> None:
        reason = (
            f"{photo.relpath}: nobgd was stopped or killed {row.interrupted} times while working"
            " on it; `nobgd retry` tries again"
        )
        failed = Failed(photo.inbox, photo.relpath, Code.CRASHED, reason, row.attempts + 1)
        self._quarantine(rules, failed)

    # --- out -----------------------------------------------------------------------------

    def finished(self, job: Job, finished: Finished) -> None:
        """Book the outcome of a job."""
        outcome, rules = finished.answer, self.rules(job.inbox)
        if isinstance(outcome, Done):
            self._done(job, outcome, finished, rules)
            return
        if rules is None:
            return
        match outcome.code.blame:
            case Blame.NOBODY:
                self._look_again(job, outcome)
            case Blame.PLACE:
                self._place(job, outcome, rules)
            case Blame.OURS if outcome.attempt < self._service.config.workers.attempts:
                self._try_again(job, outcome)
            case _:
                self._quarantine(rules, outcome)

    def _done(self, job: Job, done: Done, finished: Finished, rules: InboxConfig | None) -> None:
        ledger = self._service.ledger
        row = ledger.get(job.inbox, job.relpath)
        self._place_failures.pop((job.inbox, job.relpath), None)
        was_quarantined = row is not None and row.code is not None
        if done.how == "found" and (row is None or not (row.interrupted or row.attempts)):
            reason = f"already done: {done.output} was made from this very photo"
            ledger.done(done, job.outbox, None)
            self._tell("info", records.photo_skipped(Skip(done.inbox, done.relpath, reason)))
        else:
            event = records.photo_done(done, lane=finished.lane, queued_ms=finished.waited_s * 1000)
            event = {"timestamp": logs.timestamp(), "level": "info", **event}
            line = records.line(event)
            ledger.done(done, job.outbox, line)
            self._unsaid.append((done.inbox, done.relpath, line, event))
        if rules is None:
            return
        if was_quarantined:
            self._service.errand(Release(str(rules.quarantine), done.relpath))
        if rules.source != "keep":
            row = ledger.get(job.inbox, job.relpath)
            if row is not None:
                self._dispose(row, rules)

    def _look_again(self, job: Job, failed: Failed) -> None:
        """Nobody's fault: the file is looked at and settled anew, no attempt is burnt."""
        service = self._service
        service.ledger.forget(job.inbox, job.relpath)
        wait = None
        if failed.code is Code.INCOMPLETE:  # it has not changed: it needs time, not a look
            wait = max(1.0, job.patience_s / 5)
            photo = Photo(job.inbox, job.relpath, job.size, job.mtime_ns, job.quiet_s + wait)
            service.backlog.add_later(photo, time.monotonic() + wait)
        elif job.inbox in service.inboxes:
            service.scanned.pop(job.inbox, None)
            service.inboxes[job.inbox].again([job.relpath])
            service.inboxes[job.inbox].wake()
        self._tell("debug", records.photo_failed(failed, retry_in_s=wait))

    def _place(self, job: Job, failed: Failed, rules: InboxConfig) -> None:
        now = time.monotonic()
        key = (job.inbox, job.relpath)
        count = self._place_failures[key] = self._place_failures.get(key, 0) + 1
        wait = plan.backoff_s(count, first_s=1.0, longest_s=60.0)
        if failed.side == "output":
            outbox = self._service.outboxes[str(rules.outbox)]
            if outbox.failed(failed.reason, now):
                self._tell(
                    "warning",
                    {"event": "outbox.lost", "outbox": outbox.path, "code": failed.code,
                     "why": failed.reason},
                )  # fmt: skip
            wait = 0.0  # the pause of the outbox is wait enough
        elif job.inbox in self._service.inboxes:
            self._service.inboxes[job.inbox].wake()
        self._later(job, failed, wait, burn=False)

    def _try_again(self, job: Job, failed: Failed) -> None:
        wait = _ONCE_RETRIES_WITHIN_S if self._service.once else plan.backoff_s(failed.attempt)
        self._later(job, failed, wait, burn=True)

    def _later(self, job: Job, failed: Failed, wait_s: float, *, burn: bool) -> None:
        self._service.ledger.retry(failed, time.time() + wait_s, burn=burn)
        photo = Photo(job.inbox, job.relpath, job.size, job.mtime_ns, job.quiet_s)
        self._service.backlog.add_later(photo, time.monotonic() + wait_s)
        self._tell("warning", records.photo_failed(failed, retry_in_s=round(wait_s, 1)))

    def _quarantine(self, rules: InboxConfig, failed: Failed) -> None:
        self.failures += 1
        self._place_failures.pop((failed.inbox, failed.relpath), None)
        self._service.ledger.quarantined(failed)
        folder = str(rules.quarantine)
        self._tell("error", records.photo_quarantined(failed, quarantine=folder))
        self._service.errand(SetAside(failed.inbox, failed.relpath, folder, failed.reason))

    def _dispose(self, row: Row, rules: InboxConfig) -> None:
        key = (row.inbox, row.relpath)
        if key in self._disposing or not (row.output and row.sha256 and row.recipe and row.outbox):
            return
        self._disposing.add(key)
        errand = Dispose(
            row.inbox, row.relpath, row.size, row.mtime_ns, row.sha256,
            os.path.join(row.outbox, row.output), row.recipe,
            str(rules.archive) if rules.source == "archive" else None,
        )  # fmt: skip
        self._service.errand(errand, lambda _, error: self._disposed(row, error))

    def _disposed(self, row: Row, error: ErrandFailed | None) -> None:
        self._disposing.discard((row.inbox, row.relpath))
        if error is None or error.code is Code.VANISHED:
            self._service.ledger.disposed(row.inbox, row.relpath)
        else:
            self._tell(
                "warning",
                {"event": "source.kept", "inbox": row.inbox,
                 "source": os.path.join(row.inbox, row.relpath), "code": error.code,
                 "reason": error.reason},
            )  # fmt: skip

    def probed(self, outbox: Outbox, device: int | None, error: ErrandFailed | None) -> None:
        """A lane has looked at an outbox."""
        if device is not None:
            if outbox.found(device):
                self._tell("info", {"event": "outbox.back", "outbox": outbox.path})
            self._service.ledger.remember(f"seen {outbox.path}", "yes")
        elif error is not None and outbox.failed(error.reason, time.monotonic()):
            self._tell(
                "warning",
                {"event": "outbox.lost", "outbox": outbox.path, "code": error.code,
                 "why": error.reason},
            )  # fmt: skip

    # --- say -----------------------------------------------------------------------------

    def _tell(self, level: str, event: dict[str, Any]) -> None:
        fields = dict(event)
        name = fields.pop("event")
        getattr(self._service.say, level)(name, **fields)
        self._service.noted(event)

    def settle_accounts(self) -> None:
        """Make everything durable, then say what is finished."""
        service = self._service
        service.ledger.commit()
        if not self._unsaid:
            return
        waiting, self._unsaid = self._unsaid, []
        for entry in waiting:
            inbox, relpath, line, event = entry
            if service.log.write(line):
                service.ledger.said(inbox, relpath)
                service.noted(event)
            else:
                self._unsaid.append(entry)
        service.ledger.commit()

    def unfinished(self) -> int:
        """Photos of the inboxes that are quarantined or still wait."""
        counts = self._service.ledger.counts()
        quarantined = sum(counts.get((inbox, "quarantined"), 0) for inbox in self._service.inboxes)
        return quarantined + len(self._service.backlog)

    def hopeful(self) -> bool:
        """Whether waiting longer may still get something done (for ``once``)."""
        backlog = self._service.backlog
        if any(
            backlog.waiting(inbox) and self._service.is_open(inbox)
            for inbox in self._service.inboxes
        ):
            return True
        if any(box.failures < 3 and not box.ready for box in self._service.outboxes.values()):
            return True
        due = backlog.next_due()
        return due is not None and due - time.monotonic() <= 5.0 and not self._hopeless()

    def _hopeless(self) -> bool:
        return any(count >= 3 for count in self._place_failures.values())

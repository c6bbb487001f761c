"""What follows from an outcome: done, another try, quarantine, or another look.

Whose fault a failure is (see `values.Blame`) decides whether it is looked at again, waited for,
tried again, or set aside.
"""

from __future__ import annotations

from nobgd.config import InboxConfig
from nobgd.jobs import doubtful, plan
from nobgd.jobs.asides import Asides
from nobgd.jobs.disposals import Disposals
from nobgd.jobs.effects import Count, LookAgain, Record, Rescan
from nobgd.jobs.failing import Failing
from nobgd.jobs.late import Late
from nobgd.jobs.looking import Looking
from nobgd.jobs.probing import Probing
from nobgd.jobs.row import Row
from nobgd.jobs.state import State
from nobgd.record import events
from nobgd.values import Blame, Code, Done, Failed, Job, Photo, Skip, waiting
from nobgd.values.wire import Finished

_PAUSES = 3  # of its outbox that one photo can bring about; then it alone is what does not fit


class Outcomes:
    """Books what lanes answer.  Only accessed from the main loop."""

    def __init__(
        self, state: State, probing: Probing, looking: Looking, late: Late, asides: Asides,
        disposals: Disposals,
    ) -> None:  # fmt: skip
        self._state = state
        self._probing = probing
        self._looking = looking
        self._late = late
        self._asides = asides
        self._disposals = disposals
        self._place_failures: dict[tuple[str, str], int] = {}
        self.failing = Failing()

    def give_up(self, rules: InboxConfig, photo: Photo, row: Row) -> None:
        """A photo that nobgd did not survive often enough is set aside."""
        reason = (
            f"{photo.relpath}: nobgd was stopped or killed {row.interrupted} times while working"
            " on it; `nobgd retry` tries again"
        )
        failed = Failed(photo.inbox, photo.relpath, Code.CRASHED, reason, row.attempts + 1)
        self.set_aside(rules, failed)

    def ended(self, job: Job, finished: Finished) -> None:
        """Book the outcome of a job."""
        outcome, rules = finished.answer, self._state.rules(job.inbox)
        if rules is not None:  # also where home says that it has changed
            self._late.add(job.inbox, job.relpath, was_away=finished.was_away)
        if isinstance(outcome, Done):
            self._done(job, outcome, finished, rules)
            return
        if rules is None:
            return
        match outcome.code.blame:
            case _ if outcome.code is Code.PAIRED:
                self._paired(job, outcome)
            case Blame.NOBODY:
                self._look_again(job, outcome)
            case Blame.PLACE:
                self._place(job, outcome, rules)
            case Blame.OURS if not outcome.final and outcome.attempt < self._attempts():
                self._try_again(job, outcome)
            case _:
                self.set_aside(rules, outcome)

    def _attempts(self) -> int:
        return self._state.config.workers.attempts

    def _done(self, job: Job, done: Done, finished: Finished, rules: InboxConfig | None) -> None:
        state, ledger = self._state, self._state.ledger
        known = job.known or done.how == "found"
        row = ledger.get(job.inbox, job.relpath) if known else None
        self._place_failures.pop((job.inbox, job.relpath), None)
        self.failing.ended(job.inbox, job.relpath)
        outbox = state.outboxes.get(job.outbox)
        if outbox is not None and outbox.used():
            self._probing.back(outbox)
        was_quarantined = row is not None and row.code is not None
        review = doubtful.review(job, done)
        if done.how == "found" and not (_tried(row) or finished.was_away):
            reason = f"already done: {done.output} was made from this very photo"
            ledger.done(done, job.outbox, None, review)
            skip = Skip(done.inbox, done.relpath, reason)
            state.say("info", events.photo_skipped(skip))
        else:
            event = events.photo_done(
                done, lane=finished.lane, queued_ms=finished.waited_s * 1000,
                lanes_busy=finished.lanes_busy, compression=job.compression,
                output_format=job.rendering.format, thought=finished.thought, host=finished.host,
            )  # fmt: skip
            output = done.output.removeprefix(f"{job.outbox}/")
            if waiting.waits(output, job.relpath):
                output = waiting.placed(output)
            refused = plan.refused_name(output, job.outputs, job.spare[1])
            if refused is not None:
                event["renamed"] = f"the outbox's disk does not take the name {refused}"
            level = "warning" if done.review else "info"
            event = {"timestamp": events.stamp(state.now.epoch), "level": level, **event}
            line = events.line(event)
            ledger.done(done, job.outbox, line, review)
            state.do(Record(done.inbox, done.relpath, line, event))
        if rules is None:
            return
        if was_quarantined and row is not None:
            self._asides.release(row, rules, standing=False)
        if rules.source != "keep":
            since_s = finished.waited_s + done.timing.total_ms / 1000
            self._disposals.add(job.inbox, job.relpath, job.quiet_s + since_s)

    def _look_again(self, job: Job, failed: Failed) -> None:
        """Nobody's fault: the file is looked at and settled anew, no attempt is burnt.

        One that is there still, and had a cut-out before, is remembered: it replaces its own.
        """
        state = self._state
        row = state.ledger.get(job.inbox, job.relpath)
        if row is None or row.sha256 is None or failed.code is Code.VANISHED:
            state.ledger.forget(job.inbox, job.relpath)
        else:
            state.ledger.put_back(job.inbox, job.relpath)
        wait = None
        if failed.code is Code.INCOMPLETE:  # it has not changed: it needs time, not a look
            wait = max(1.0, job.patience_s / 5)
            state.backlog.add_later(job.photo(wait), state.now.monotonic + wait)
        else:
            state.do(LookAgain(job.inbox, (job.relpath,)))
            if state.policy.rescans:
                state.scanned.pop(job.inbox, None)
                state.do(Rescan(job.inbox))
        state.say("debug", events.photo_failed(failed, retry_in_s=wait))

    def _paired(self, job: Job, failed: Failed) -> None:
        """The other file of the same shot is done instead; said once, looked at at each start."""
        state = self._state
        row = state.ledger.get(job.inbox, job.relpath)
        told = row is not None and row.reason == failed.reason
        state.ledger.skipped(job.photo(), failed.reason)
        if not told:
            skip = Skip(job.inbox, job.relpath, failed.reason)
            state.say("info", events.photo_skipped(skip))

    def _place(self, job: Job, failed: Failed, rules: InboxConfig) -> None:
        now = self._state.now.monotonic
        key = (job.inbox, job.relpath)
        count = self._place_failures[key] = self._place_failures.get(key, 0) + 1
        wait = plan.backoff_s(count, first_s=1.0, longest_s=60.0)
        if failed.side == "output" and count <= _PAUSES:
            wait = 0.0  # the pause of the outbox is wait enough
            outbox = self._state.outboxes[str(rules.outbox)]
            self._probing.lost(outbox, failed.code, failed.reason, by_photo=True)
        self._later(job, failed, wait, burn=False, news=self.failing.failed(failed, now))

    def _try_again(self, job: Job, failed: Failed) -> None:
        within = self._state.policy.retry_s
        wait = within if within is not None else plan.backoff_s(failed.attempt)
        self._later(job, failed, wait, burn=True)

    def _later(
        self, job: Job, failed: Failed, wait_s: float, *, burn: bool, news: bool = True
    ) -> None:  # fmt: skip
        state = self._state
        state.ledger.retry(failed, state.now.epoch + wait_s, burn=burn)
        state.backlog.add_later(job.photo(), state.now.monotonic + wait_s)
        event = events.photo_failed(failed, retry_in_s=round(wait_s, 1))
        if news:
            state.say("warning", event)
        else:  # told before, yet an attempt that counts
            state.do(Count(event))

    def left(self, inbox: str, relpaths: tuple[str, ...]) -> None:
        """Photos left their inbox: they fail no more, and nothing else says so."""
        for relpath in relpaths if self._place_failures or self.failing else ():
            self._place_failures.pop((inbox, relpath), None)
            self.failing.ended(inbox, relpath, silently=True)

    def tell(self) -> None:
        """Say how many photos fail for one reason, where that has changed."""
        for event in self.failing.due(self._state.now.monotonic):
            self._state.say("warning" if event["count"] else "info", event)

    def set_aside(self, rules: InboxConfig, failed: Failed) -> None:
        """Put a photo into quarantine: it is not tried again by itself."""
        self._place_failures.pop((failed.inbox, failed.relpath), None)
        self.failing.ended(failed.inbox, failed.relpath)
        self._state.ledger.quarantined(failed)
        folder = str(rules.quarantine)
        self._state.say("error", events.photo_quarantined(failed, quarantine=folder))
        self._asides.add(failed.inbox, failed.relpath)
        self._looking.learn(failed.inbox, failed.relpath)

    def hopeless(self) -> bool:
        """Whether a place failed so often that `once` waits for it no longer."""
        return any(count >= 3 for count in self._place_failures.values())


def _tried(row: Row | None) -> bool:
    """Whether an attempt of ours has ended before: what is found then is its work, not news."""
    return row is not None and bool(row.interrupted or row.attempts or row.code)

"""Whose turn it is, and the job that is made of a photo: its attempt is booked first."""

from __future__ import annotations

import os

from nobgd.config import Config, InboxConfig, webbing
from nobgd.jobs import doubtful, plan, redoing
from nobgd.jobs.effects import Submit
from nobgd.jobs.looking import Looking
from nobgd.jobs.mishap import Mishaps
from nobgd.jobs.outcome import Outcomes
from nobgd.jobs.row import Row
from nobgd.jobs.state import State
from nobgd.values import Code, Job, Photo, waiting

_PATIENCE_SETTLES = 5.0
_PATIENCE_S = 10.0  # an unfinished file quiet this long (or five settle times) is truncated


class Dispatch:
    """Hands out jobs.  Only accessed from the main loop."""

    def __init__(
        self, state: State, looking: Looking, outcomes: Outcomes, mishaps: Mishaps
    ) -> None:
        self._state = state
        self._looking = looking
        self._outcomes = outcomes
        self._mishaps = mishaps
        self._moved_of: Config | None = None
        self._moved_keys: frozenset[str] = frozenset()

    def start(self) -> None:
        """Hand out what there is to do, up to so much as lanes may have at a time."""
        state = self._state
        while not state.full:
            photo = state.backlog.take(state.now.monotonic, state.open_now)
            if photo is None:
                self._looking.start()
                break
            key = (photo.inbox, photo.relpath)
            if key in state.in_flight or key in state.moving:
                state.backlog.hold(photo)  # two jobs for one name would write over one another
                continue
            try:
                job = self._begin(photo)
            except Exception as error:  # noqa: BLE001 - it is this photo's failure
                self._mishaps.photo(photo, error)
                continue
            if job is not None:
                state.in_flight[job.inbox, job.relpath] = job
                state.do(Submit(job))

    def _begin(self, photo: Photo) -> Job | None:
        """The job for a photo whose turn has come; None: it is given up."""
        state, rules = self._state, self._state.rules(photo.inbox)
        if rules is None:
            return None
        ledger, outbox = state.ledger, str(rules.outbox)
        row = ledger.get(photo.inbox, photo.relpath)
        same = row is not None and row.same_file(photo.size, photo.mtime_ns)
        if row is not None and same and row.interrupted >= plan.INTERRUPTIONS:
            self._outcomes.give_up(rules, photo, row)
            return None
        suffix, rendering = rules.output.suffix, rules.output.rendering
        names = plan.outputs(photo.relpath, suffix, rendering.tail)
        me = (photo.inbox, photo.relpath)
        apart = tuple(map(waiting.apart, names)) if rules.review.action == "folder" else ()
        owners = ledger.owners(outbox, (*names, *apart))
        reserved = frozenset(
            name for name, (inbox, relpath) in owners.items()
            if (inbox, relpath) != me
            and not (inbox == me[0] and me[1] in plan.partners(relpath, rules.pairs))
        )  # fmt: skip
        wanted = next((n for n in names if n not in reserved), names[-1])
        own = row.output if row is not None and row.outbox == outbox and not row.left else None
        if own is not None and not own.endswith(rendering.tail):
            own = None  # it was of another format, and stays
        replaces = row.sha256 if row is not None and own and _may_replace(row, rules) else None
        wanted = own or wanted
        ledger.begin(
            *me, photo.size, photo.mtime_ns, outbox, wanted,
            inode=photo.inode, ctime_ns=photo.ctime_ns,
        )  # fmt: skip
        redone = row if row is not None and same and not row.left else None
        recipe = redoing.recipe(state, photo.inbox, redone)
        accepted = same and doubtful.accepted(row, recipe)
        patience = max(_PATIENCE_S, _PATIENCE_SETTLES * rules.watch.settle_s)
        if webbing.whole(state.config, photo.inbox):  # it is as long as it gets
            patience = 0.0
        return Job(
            *me, photo.size, photo.mtime_ns, outbox, names, reserved,
            moved=self._moved(),
            inbox_key=plan.inbox_key(photo.inbox), recipe=recipe,
            compression=rules.output.compression, develop=rules.raw == "develop",
            partners=plan.partners(photo.relpath, rules.pairs),
            max_megapixels=state.config.workers.max_megapixels,
            attempt=(row.attempts if row is not None and same else 0) + 1,
            quiet_s=photo.quiet_s, patience_s=patience,
            twins=ledger.twins(photo.size, recipe.key),
            inbox_mount=state.mounts.get(photo.inbox),
            outbox_mount=state.outboxes[outbox].seen,
            inode=photo.inode, ctime_ns=photo.ctime_ns,
            spare=plan.spare(photo.relpath, suffix, rendering.tail), own=own, replaces=replaces,
            counts=redoing.counting(state, redone, photo.inbox), rendering=rendering,
            review_above=rules.review.above, accepted=accepted,
            touches=str(webbing.touches(state.config)) if redoing.touch(redone) else None,
            touch=redoing.touch(redone),
            doubtful_apart=bool(apart) and not accepted, known=row is not None,
            cut_outs=plan.cut_outs(photo.relpath, suffix, rendering),
            tidy=os.path.join(outbox, os.path.dirname(names[0])) in state.untidy,
            others_s=state.others_s,
        )  # fmt: skip

    def _moved(self) -> frozenset[str]:
        """Keys of the inboxes that were configured once and are no more: their work is ours."""
        config = self._state.config
        if self._moved_of is not config:
            before = self._state.ledger.inboxes() - {str(each.path) for each in config.inboxes}
            self._moved_of, self._moved_keys = config, frozenset(map(plan.inbox_key, before))
        return self._moved_keys

    def taken_back(self, job: Job, *, again: bool) -> None:
        """No lane has begun it, and its lanes end; ``again``: it goes back to where it waited."""
        state = self._state
        state.ledger.put_back(job.inbox, job.relpath)
        if again:
            state.in_flight.pop((job.inbox, job.relpath), None)
            self.requeue(job)

    def requeue(self, job: Job) -> None:
        """A job that no lane began goes back to where it waited, or what it has become since."""
        backlog = self._state.backlog
        backlog.add(backlog.release(job.inbox, job.relpath) or job.photo())


def _may_replace(row: Row, rules: InboxConfig) -> bool:
    """Whether a photo that has changed where it stands may write over its own cut-out.

    An inbox whose originals leave is a conveyor: what comes under a name that was used is the
    next photo (a scanner's second scan.jpg), unless the first was never whole.
    """
    return rules.source == "keep" or row.keep in (Code.DAMAGED, Code.INCOMPLETE)

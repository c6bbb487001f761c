"""What follows from a photo that has settled: a job, a wait, a skip, or nothing.

The service's right hand, in its thread: `consider` decides what a settled photo needs,
`begin` makes the job.  What follows from its outcome is `booking`'s.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nobgd.config import Config, InboxConfig, webbing
from nobgd.intake import messages
from nobgd.jobs import doubtful, plan
from nobgd.jobs.ledger import Row
from nobgd.jobs.places import Place
from nobgd.record import events
from nobgd.values import Code, Job, Photo, Skip
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_PATIENCE_SETTLES = 5.0
_PATIENCE_S = 10.0  # an unfinished file quiet this long (or five settle times) is truncated


class Desk:
    """Books photos in and out.  Only accessed from the main loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._config: Config | None = None  # the one whose inboxes these are
        self._rules: dict[str, InboxConfig] = {}
        self._moved_of: Config | None = None
        self._moved_keys: frozenset[str] = frozenset()

    # --- in ------------------------------------------------------------------------------

    def rules(self, inbox: str) -> InboxConfig | None:
        """The configuration of an inbox, None when it is no longer configured."""
        if self._config is not self._service.config:
            self._config = self._service.config
            self._rules = {str(each.path): each for each in self._config.inboxes}
        return self._rules.get(inbox)

    def paused(self, inbox: str) -> bool:
        """Whether somebody paused this inbox, or all, by command or by a file in it."""
        if self._service.share.paused_by(inbox) is not None:
            return True
        return self.paused_by_command(inbox)

    def paused_by_command(self, inbox: str) -> bool:
        """Whether `nobgd pause` paused it, or all of them."""
        fact = self._service.ledger.fact
        return fact(f"paused {inbox}") is not None or fact("paused *") is not None

    def closed_because(self, inbox: str) -> str | None:
        """Why an inbox that works rests now: its quiet hours; None when it does not."""
        rules = self.rules(inbox)
        if rules is None or not rules.quiet_hours:
            return None
        return plan.resting(rules.quiet_hours, time.localtime())

    def freed(self, photos: list[Row]) -> None:
        """`nobgd retry` made the ledger forget these: out of quarantine, looked at anew."""
        for row in photos:
            rules = self.rules(row.inbox)
            if rules is None or row.inbox not in self._service.inboxes:
                continue
            if row.state == "quarantined":
                self._service.asides.release(row, rules, standing=True)
            self._service.inboxes[row.inbox].again([row.relpath])

    def requeue(self, job: Job) -> None:
        """A job that no lane began goes back to where it waited, or what it has become since."""
        backlog = self._service.backlog
        photo = job.photo()
        backlog.add(backlog.release(job.inbox, job.relpath) or photo)

    def consider(self, photo: Photo) -> None:
        """A photo has settled: put it where it belongs."""
        service, rules = self._service, self.rules(photo.inbox)
        if rules is None:
            return
        job = service.in_flight.get((photo.inbox, photo.relpath))
        if job is not None and (job.size, job.mtime_ns) == (photo.size, photo.mtime_ns):
            if photo.heard or (job.inode, job.ctime_ns) != (photo.inode, photo.ctime_ns):
                service.backlog.hold(photo)  # looked at when its lane has ended
            return
        row = service.ledger.get(photo.inbox, photo.relpath)
        back = row is not None and row.gone and row.same_file(photo.size, photo.mtime_ns)
        if back and row is not None and row.same_stamp(photo):  # else perhaps another photo
            service.ledger.back(photo.inbox, photo.relpath)
        reason = plan.refusal(photo.relpath)
        if reason is not None:
            service.unnamed.add(photo, row)
            return
        match plan.todo(self._known(row, photo), rules.source):
            case "job":
                service.looking.drop(photo.inbox, [photo.relpath])
                service.backlog.add(photo)
            case "look":
                service.looking.add(photo)
            case "wait":
                assert row is not None  # noqa: S101 - that is what waits
                wait = max(0.0, (row.next_try or 0.0) - time.time())
                service.backlog.add_later(
                    photo, time.monotonic() + min(wait, plan.BACKOFF_LONGEST_S)
                )
            case "dispose":
                service.disposals.add(photo.inbox, photo.relpath, photo.quiet_s)

    def known_again(self, photo: Photo, row: Row) -> None:
        """A photo that was touched has the bytes that were cut out: its original may go."""
        rules = self.rules(photo.inbox)
        if row.state == "done" and rules is not None and rules.source != "keep":
            self._service.disposals.add(photo.inbox, photo.relpath, photo.quiet_s)

    def _known(self, row: Row | None, photo: Photo) -> plan.Known | None:
        if row is None:
            return None
        counts = self._service.recipes.counting(photo.inbox)
        same = row.same_file(photo.size, photo.mtime_ns)
        touched = same and self._service.looking.touched(row, photo)
        return plan.Known(row.state, same, row.recipe in counts, row.disposed, touched)

    def skip(self, photo: Photo, reason: str) -> None:
        """A file is not worked on, which is said once."""
        row = self._service.ledger.get(photo.inbox, photo.relpath)
        if row is not None and row.state == "skipped" and row.reason == reason:
            return
        self._service.ledger.skipped(photo, reason)
        skip = Skip(photo.inbox, photo.relpath, reason)
        self._service.saying.tell("info", events.photo_skipped(skip))

    def odd(self, odd: messages.Odd) -> None:
        """Something named like a photo that is none: said once, ever."""
        row = self._service.ledger.get(odd.inbox, odd.relpath)
        if row is not None and row.state == "done":  # it may be a photo again: what was done counts
            skip = Skip(odd.inbox, odd.relpath, odd.why)
            self._service.saying.tell("info", events.photo_skipped(skip))
            return
        self.skip(Photo(odd.inbox, odd.relpath, 0, 0, 0.0), odd.why)

    def gone(self, inbox: str, relpaths: tuple[str, ...]) -> None:
        """Sources left their inbox; copies of them in quarantine stay, as was promised."""
        self._service.ledger.gone(inbox, relpaths)

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
            service.booking.give_up(rules, photo, row)
            return None
        suffix, rendering = rules.output.suffix, rules.output.rendering
        names = plan.outputs(photo.relpath, suffix, rendering.tail)
        me = (photo.inbox, photo.relpath)
        owners = ledger.owners(outbox, names)
        reserved = frozenset(name for name, owner in owners.items() if owner != me)
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
        recipe = service.engine.recipes[photo.inbox]
        patience = max(_PATIENCE_S, _PATIENCE_SETTLES * rules.watch.settle_s)
        if webbing.whole(service.config, photo.inbox):  # it is as long as it gets
            patience = 0.0
        return Job(
            *me, photo.size, photo.mtime_ns, outbox, names, reserved,
            moved=self._moved(),
            inbox_key=plan.inbox_key(photo.inbox), recipe=recipe,
            compression=rules.output.compression, develop=rules.raw == "develop",
            max_megapixels=service.config.workers.max_megapixels,
            attempt=(row.attempts if row is not None and same else 0) + 1,
            quiet_s=photo.quiet_s, patience_s=patience,
            twins=ledger.twins(photo.size, recipe.key),
            inbox_mount=service.mounts.get(photo.inbox),
            outbox_mount=service.outboxes[outbox].seen,
            inode=photo.inode, ctime_ns=photo.ctime_ns,
            spare=plan.spare(photo.relpath, suffix, rendering.tail), own=own, replaces=replaces,
            counts=service.recipes.counting(photo.inbox), rendering=rendering,
            review_above=rules.review.above, accepted=same and doubtful.accepted(row, recipe),
            cut_outs=plan.cut_outs(photo.relpath, suffix, rendering),
        )  # fmt: skip

    def _moved(self) -> frozenset[str]:
        """Keys of the inboxes that were configured once and are no more: their work is ours."""
        config = self._service.config
        if self._moved_of is not config:
            paths = {str(each.path) for each in config.inboxes}
            before = self._service.ledger.inboxes() - paths
            self._moved_of, self._moved_keys = config, frozenset(map(plan.inbox_key, before))
        return self._moved_keys

    def probed(self, place: Place, mount: Mount | None, error: ErrandFailed | None) -> None:
        """A lane has looked at a folder that is written to."""
        if mount is not None:
            if place.found(mount):
                self.back(place)
            self._service.ledger.remember(f"seen {place.path}", "yes")
        elif error is not None:
            self.lost(place, error.code, error.reason, time.monotonic())

    def back(self, place: Place) -> None:
        """A folder that was said to be lost is good again."""
        self._service.saying.tell("info", {"event": f"{place.kind}.back", place.kind: place.path})

    def lost(
        self, place: Place, code: Code, why: str, now: float, *, by_photo: bool = False
    ) -> None:
        """A probe, or work on a photo, found a folder bad: said when that is news."""
        if place.failed(why, now, code=code, by_photo=by_photo):
            event = {"event": f"{place.kind}.lost", place.kind: place.path, "code": code}
            self._service.saying.tell("warning", {**event, "why": why})

    # --- ends ----------------------------------------------------------------------------

    def unfinished(self) -> int:
        """Photos of the inboxes that are quarantined or still wait."""
        count = self._service.ledger.count
        quarantined = sum(count(inbox, "quarantined") for inbox in self._service.inboxes)
        return quarantined + len(self._service.backlog)

    def hopeful(self) -> bool:
        """Whether waiting longer may still get something done (for ``once``)."""
        backlog = self._service.backlog
        if any(
            backlog.waiting(inbox) and self._service.is_open(inbox)
            for inbox in self._service.inboxes
        ):
            return True
        if any(place.failures < 3 and not place.ready for place in self._service.places()):
            return True
        if self._service.disposals.hopeful(time.monotonic()) or self._service.asides.hopeful():
            return True
        due = backlog.next_due()
        soon = due is not None and due - time.monotonic() <= 5.0
        return soon and not self._service.booking.hopeless()


def _may_replace(row: Row, rules: InboxConfig) -> bool:
    """Whether a photo that has changed where it stands may write over its own cut-out.

    An inbox whose originals leave is a conveyor: what comes under a name that was used is the
    next photo (a scanner's second scan.jpg), unless the first was never whole.
    """
    return rules.source == "keep" or row.keep in (Code.DAMAGED, Code.INCOMPLETE)

"""What follows from what a scanner saw: a job, a wait, a look, a skip, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from nobgd.intake import messages
from nobgd.jobs import plan, redoing
from nobgd.jobs.asides import Asides
from nobgd.jobs.disposals import Disposals
from nobgd.jobs.effects import LookAgain
from nobgd.jobs.looking import Looking
from nobgd.jobs.outcome import Outcomes
from nobgd.jobs.row import Row
from nobgd.jobs.state import State
from nobgd.jobs.unnamed import Unnamed
from nobgd.record import events
from nobgd.values import Photo, Skip


class Arrival:
    """Puts photos where they belong.  Only accessed from the main loop."""

    def __init__(
        self, state: State, looking: Looking, unnamed: Unnamed, asides: Asides,
        disposals: Disposals, outcomes: Outcomes,
    ) -> None:  # fmt: skip
        self._state = state
        self._looking = looking
        self._unnamed = unnamed
        self._asides = asides
        self._disposals = disposals
        self._outcomes = outcomes

    def settled(self, photo: Photo) -> None:
        """A photo has settled: put it where it belongs."""
        state, rules = self._state, self._state.rules(photo.inbox)
        if rules is None:
            return
        job = state.in_flight.get((photo.inbox, photo.relpath))
        if job is not None and (job.size, job.mtime_ns) == (photo.size, photo.mtime_ns):
            if photo.heard or (job.inode, job.ctime_ns) != (photo.inode, photo.ctime_ns):
                state.backlog.hold(photo)  # looked at when its lane has ended
            return
        row = state.ledger.get(photo.inbox, photo.relpath)
        back = row is not None and row.gone and row.same_file(photo.size, photo.mtime_ns)
        if back and row is not None and row.same_stamp(photo):  # else perhaps another photo
            state.ledger.back(photo.inbox, photo.relpath)
        reason = plan.refusal(photo.relpath)
        if reason is not None:
            self._unnamed.add(photo, row)
            return
        match plan.todo(self._known(row, photo), rules.source):
            case "job":
                self._looking.drop(photo.inbox, [photo.relpath])
                state.backlog.add(photo)
            case "look":
                self._looking.add(photo)
            case "wait":
                assert row is not None  # noqa: S101 - that is what waits
                wait = max(0.0, (row.next_try or 0.0) - state.now.epoch)
                at = state.now.monotonic + min(wait, plan.BACKOFF_LONGEST_S)
                state.backlog.add_later(photo, at)
            case "dispose":
                self._disposals.add(photo.inbox, photo.relpath, photo.quiet_s)

    def _known(self, row: Row | None, photo: Photo) -> plan.Known | None:
        if row is None:
            return None
        counts = redoing.counting(self._state, row)
        same = row.same_file(photo.size, photo.mtime_ns)
        touched = same and self._looking.touched(row, photo)
        return plan.Known(row.state, same, row.recipe in counts, row.disposed, touched)

    def known_again(self, photo: Photo, row: Row) -> None:
        """A photo that was touched has the bytes that were cut out: its original may go."""
        rules = self._state.rules(photo.inbox)
        if row.state == "done" and rules is not None and rules.source != "keep":
            self._disposals.add(photo.inbox, photo.relpath, photo.quiet_s)

    def judged(self, photos: Iterable[Row]) -> None:
        """An original that waited for somebody to look may go, or stays for good."""
        for row in photos:
            rules = self._state.rules(row.inbox)
            if rules is not None and rules.source != "keep" and not row.left:
                self._disposals.add(row.inbox, row.relpath, 0.0)

    def redo(self, rows: Iterable[Row]) -> None:
        """Somebody wants these made anew: their scanners tell of them again."""
        for row in rows:
            self._state.do(LookAgain(row.inbox, (row.relpath,)))

    def odd(self, odd: messages.Odd) -> None:
        """Something named like a photo that is none: said once, ever."""
        row = self._state.ledger.get(odd.inbox, odd.relpath)
        if row is not None and row.state == "done":  # it may be a photo again: what was done counts
            skip = Skip(odd.inbox, odd.relpath, odd.why)
            self._state.say("info", events.photo_skipped(skip))
            return
        self._unnamed.skip(Photo(odd.inbox, odd.relpath, 0, 0, 0.0), odd.why)

    def gone(self, inbox: str, relpaths: tuple[str, ...]) -> None:
        """Sources left their inbox; copies of them in quarantine stay, as was promised."""
        self._state.backlog.drop(inbox, relpaths)
        self._looking.drop(inbox, relpaths)
        self._unnamed.drop(inbox, relpaths)
        self._outcomes.left(inbox, relpaths)
        self._disposals.gone(inbox, relpaths)
        self._state.ledger.gone(inbox, relpaths)

    def freed(self, photos: Iterable[Row]) -> None:
        """The ledger has forgotten these: out of quarantine, looked at anew."""
        for row in photos:
            rules = self._state.rules(row.inbox)
            if rules is None:
                continue
            if row.state == "quarantined":
                self._asides.release(row, rules, standing=True)
            self._state.do(LookAgain(row.inbox, (row.relpath,)))

"""What was done, tried and refused.

A photo that merely waits has no row: inbox minus ledger is what there is to do.  Rows outlive
their files, so an output's name keeps its owner.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from nobgd.jobs import stored
from nobgd.jobs.queries import Queries
from nobgd.jobs.row import Row
from nobgd.jobs.row import key as key_of
from nobgd.jobs.row import seen as seen_of
from nobgd.values import Done, Failed, Photo


class Ledger(Queries):
    """The same, and what happens to photos; see `Database`."""

    def begin(
        self, inbox: str, relpath: str, size: int, mtime_ns: int, outbox: str, output: str, *,
        inode: int | None = None, ctime_ns: int | None = None,
    ) -> None:  # fmt: skip
        """An attempt starts; the name it wants is reserved.

        Where the photo of that name has left, this is another one: nothing of the old is its own.
        """
        seen = seen_of(size, mtime_ns, inode, ctime_ns)
        key, box = key_of(inbox, relpath), stored.folder(outbox)
        self._move(
            inbox, key, "trying",
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, inode, ctime_ns, state, outbox,"
            " output, changed_at)"
            " VALUES (?,?,?,?,?,?,'trying',?,?,?) ON CONFLICT DO UPDATE SET"
            " attempts = CASE WHEN size=excluded.size AND mtime_ns=excluded.mtime_ns"
            "   THEN attempts ELSE 0 END,"
            " interrupted = CASE WHEN size=excluded.size AND mtime_ns=excluded.mtime_ns"
            "   THEN interrupted ELSE 0 END,"
            " size=excluded.size, mtime_ns=excluded.mtime_ns, inode=excluded.inode,"
            " ctime_ns=excluded.ctime_ns, state='trying',"
            " sha256 = CASE WHEN disposed OR gone THEN NULL ELSE sha256 END,"
            " code = CASE WHEN disposed OR gone THEN NULL ELSE code END,"
            " outbox=excluded.outbox, output=excluded.output, disposed=0, gone=0, keep=NULL,"
            " kept=NULL, kept_why=NULL,"
            " review = CASE WHEN review='accepted' AND NOT (disposed OR gone) THEN review END,"
            " aside = CASE WHEN disposed OR gone THEN NULL ELSE aside END,"
            " redo = CASE WHEN size=excluded.size AND mtime_ns=excluded.mtime_ns"
            "   AND NOT (disposed OR gone) THEN redo END,"
            " changed_at=excluded.changed_at",
            *key, *seen, box, os.fsencode(output), self._clock(),
        )  # fmt: skip

    def done(self, done: Done, outbox: str, record: str | None, review: str | None = None) -> None:
        """An attempt ended in an output; ``record`` is kept until `said`; ``review``: see `Row`."""
        output = done.output.removeprefix(f"{outbox}/")
        what = (
            done.sha256, done.recipe, stored.folder(outbox), os.fsencode(output), done.how, record,
            self._clock(), done.timing.total_ms, done.keep, done.doubt, done.subject_confidence,
            review,
        )  # fmt: skip
        self._change(
            done.inbox, done.relpath, "done",
            "attempts=0, interrupted=0, next_try=NULL, code=NULL, reason=NULL, sha256=?, recipe=?,"
            " outbox=?, output=?, how=?, record=?, changed_at=?, took_ms=?, keep=?,"
            " doubt=?, confidence=?, review=?", *what,
        )  # fmt: skip

    def said(self, inbox: str, relpath: str) -> None:
        """The record of this photo is in the log."""
        self._set(inbox, relpath, "record=NULL")

    def owed(self, inbox: str, relpath: str, record: str) -> None:
        """The record of this photo, changed: some of the log took it (see `saying`)."""
        self._set(inbox, relpath, "record=?", record)

    def seen(self, photo: Photo, sha256: str | None) -> None:
        """The file is another one than it was, or was touched, and holds these bytes."""
        _, _, *stamp = seen_of(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
        self._set(photo.inbox, photo.relpath, "inode=?, ctime_ns=?, sha256=?", *stamp, sha256)

    def retry(self, failed: Failed, next_try: float, *, burn: bool) -> None:
        """An attempt failed; another follows at ``next_try`` (epoch seconds)."""
        self._change(
            failed.inbox, failed.relpath, "retry",
            "attempts=attempts+?, next_try=?, code=?, reason=?, changed_at=?",
            int(burn), next_try, failed.code, stored.sentence(failed.reason), self._clock(),
        )  # fmt: skip

    def quarantined(self, failed: Failed) -> None:
        """No further attempt will be made; the name it wanted is free again."""
        self._moves[failed.inbox] += 1
        self._change(
            failed.inbox, failed.relpath, "quarantined",
            "attempts=attempts+1, next_try=NULL, code=?, reason=?, output=NULL, sha256=NULL,"
            " aside=NULL, review=NULL,"
            " changed_at=?",
            failed.code, stored.sentence(failed.reason), self._clock(),
        )  # fmt: skip

    def skipped(self, photo: Photo, reason: str) -> None:
        """A file that is not for us; remembered so that it is said once."""
        seen = seen_of(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
        key = key_of(photo.inbox, photo.relpath)
        self._move(
            photo.inbox, key, "skipped",
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, inode, ctime_ns, state, reason,"
            " changed_at)"
            " VALUES (?,?,?,?,?,?,'skipped',?,?) ON CONFLICT DO UPDATE SET state='skipped',"
            " size=excluded.size, mtime_ns=excluded.mtime_ns, inode=excluded.inode,"
            " ctime_ns=excluded.ctime_ns, reason=excluded.reason,"
            " output=NULL, changed_at=excluded.changed_at",
            *key, *seen, stored.sentence(reason), self._clock(),
        )  # fmt: skip

    def aside(self, inbox: str, relpath: str, what: str | None) -> None:
        """What became of a photo's copy in quarantine, see `asides`."""
        self._set(inbox, relpath, "aside=?", None if what is None else stored.sentence(what))

    def kept(self, inbox: str, relpath: str, code: str, why: str, keep: str | None) -> None:
        """The source was to be archived or deleted and stays; ``keep``: as in `Done`."""
        what = "kept=?, kept_why=?, keep=?"
        self._set(inbox, relpath, what, code, stored.sentence(why), keep)

    def judged(self, inbox: str, relpath: str, review: str | None, keep: str | None) -> None:
        """Somebody looked at a cut-out: it is accepted or rejected; ``keep`` as in `Done`."""
        self._set(inbox, relpath, "review=?, keep=?", review, keep)

    def redo(self, inbox: str, relpath: str, how: str | None) -> None:
        """Somebody wants it made in another way, see `redoing`; None: as configured."""
        self._set(inbox, relpath, "redo=?", how)

    def placed(self, inbox: str, relpath: str, output: str) -> None:
        """A cut-out has gone from one part of its outbox into the other."""
        self._set(inbox, relpath, "output=?", os.fsencode(output))

    def disposed(self, was: Row) -> bool:
        """The source has been archived or deleted that was done as ``was`` says.

        What has its name by now, or is being done anew, is another photo: False, and it stays.
        """
        return self._of(was, "disposed=1, kept=NULL, kept_why=NULL")

    def going(self, was: Row) -> bool:
        """The same, about to be: after a kill it may be in its inbox or not, see `back`."""
        return self._of(was, "gone=1")

    def stayed(self, was: Row) -> bool:
        """The same, which has not gone after all."""
        return self._of(was, "gone=0")

    def spoilt(self, was: Row, sha256: str) -> bool:
        """What stands under the name of this photo's cut-out was made from these bytes instead.

        It is made anew, over that one.  False where it is being made by now, or was since.
        """
        row = self.get(was.inbox, was.relpath)
        if row is None or (row.state, row.output, row.sha256) != ("done", was.output, was.sha256):
            return False
        what = "next_try=0, sha256=?, changed_at=?"
        self._change(was.inbox, was.relpath, "retry", what, sha256, self._clock())
        return True

    def _of(self, was: Row, what: str) -> bool:
        size, mtime_ns, *_ = seen_of(was.size, was.mtime_ns, None, None)
        sql = (
            f"UPDATE photo SET {what} WHERE inbox=? AND relpath=?"  # noqa: S608 - from here
            " AND state='done' AND size=? AND mtime_ns=? AND sha256 IS ?"
        )
        return self._write(sql, *key_of(was.inbox, was.relpath), size, mtime_ns, was.sha256) > 0

    def forget(self, inbox: str, relpath: str) -> bool:
        """Drop what is known of a photo, its attempts included; whether there was anything."""
        key, sql = key_of(inbox, relpath), "DELETE FROM photo WHERE inbox=? AND relpath=?"
        return self._move(inbox, key, None, sql, *key) > 0

    def put_back(self, inbox: str, relpath: str) -> None:
        """A job that was queued but never begun: as if it had not been."""
        row = self.get(inbox, relpath)
        if row is not None and row.state == "trying":
            self._change(inbox, relpath, "retry", "next_try=0")

    def interrupt(self) -> int:
        """At start: attempts that a stop or kill of the service cut short; how many."""
        cut = self._trying()
        number = self._write(
            "UPDATE photo SET state='retry', interrupted=interrupted+1, next_try=0"
            " WHERE state='trying'"
        )
        for inbox, count in cut:
            self._count(inbox, "trying", -count)
            self._count(inbox, "retry", count)
        return number

    def gone(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Sources that left the inbox: what only waited is dropped, the others are remembered.

        The cut-out of one that was done, and the copy of one in quarantine, are now all that is
        left of it, whatever gets its name next.
        """
        for relpath in relpaths:
            row = self.get(inbox, relpath)
            if row is not None and row.state in ("retry", "skipped"):
                self.forget(inbox, relpath)
            elif row is not None:
                self._set(inbox, relpath, "gone=1, kept=NULL, kept_why=NULL")

    def back(self, inbox: str, relpath: str) -> None:
        """The source is in its inbox again, the very file that was there."""
        self._set(inbox, relpath, "gone=0")

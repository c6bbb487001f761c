"""What was done, tried and refused: SQLite on local disk.

Only accessed from the service's main loop, so there is no lock in here.  A photo that
merely waits has no row: inbox minus ledger is what there is to do.  Rows outlive their
files, so an output's name keeps its owner.

`commit` makes everything since the last one durable (WAL, synchronous=FULL); the loop
calls it before it starts a job and before it says that one is done.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nobgd.jobs import migrations, stored
from nobgd.values import Done, Failed, Photo, Twin

_Key = tuple[str | bytes, bytes]  # inbox and relpath, as they are stored
_TWINS = 8  # candidates of equal size offered to a lane
_TWINS_LOOKED_AT = 64  # cameras write uncompressed pictures of one size by the thousand
# SQLite's word that a value or a statement is wrong, not the disk
_OF_THE_VALUE = (
    sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.IntegrityError,
)  # fmt: skip


def of_the_ledger(error: Exception) -> bool:
    """Whether the ledger itself is in trouble, rather than what was to be written."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_VALUE)


@dataclass(frozen=True, slots=True)
class Row:
    """One photo as the ledger knows it."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    state: str
    attempts: int
    interrupted: int
    next_try: float | None
    code: str | None
    reason: str | None
    sha256: str | None
    recipe: str | None
    output: str | None  # relative to the outbox
    outbox: str | None
    how: str | None
    changed_at: float
    disposed: bool
    took_ms: float | None  # of the attempt that ended in the output
    inode: int | None  # None: not known, as in rows that an older nobgd wrote
    ctime_ns: int | None
    gone: bool  # the source has left its inbox
    keep: str | None  # why the source has to stay, as in `Done`
    kept: str | None  # the code by which the source was said to be kept
    kept_why: str | None
    aside: str | None  # its copy in quarantine, see `asides`; None: none was asked for yet
    doubt: float | None  # of its cut-out, see `Done`
    confidence: float | None
    review: str | None  # open: somebody should look at it | accepted | rejected

    @property
    def left(self) -> bool:
        """Whether the source has ended: what has its name now is another photo."""
        return self.disposed or self.gone

    def same_file(self, size: int, mtime_ns: int) -> bool:
        """Whether the file still looks as it did."""
        return (self.size, self.mtime_ns) == (size, mtime_ns)

    def same_stamp(self, photo: Photo) -> bool:
        """Whether the file is the very one, and nothing was done to it, so far as is known."""
        known = (self.inode, self.ctime_ns)
        return known == (photo.inode, photo.ctime_ns) or None in known or photo.ctime_ns is None


_COLUMNS = (
    "inbox, relpath, size, mtime_ns, state, attempts, interrupted, next_try, code, reason,"
    " sha256, recipe, output, outbox, how, changed_at, disposed, took_ms, inode,"
    " ctime_ns, gone, keep, kept, kept_why, aside, doubt, confidence, review"
)
_NAMES = _COLUMNS.replace(" ", "").split(",")
_PATHS = tuple(map(_NAMES.index, ("inbox", "relpath", "output", "outbox")))
_NUMBERS = tuple(map(_NAMES.index, ("size", "mtime_ns", "inode", "ctime_ns")))
_FLAGS = tuple(map(_NAMES.index, ("disposed", "gone")))
_LISTED = {"retry": "photo_retry", "quarantined": "photo_set_aside_in"}  # states with an index

_BY_AGE = {"retry": "photo_retry", "quarantined": "photo_set_aside"}


class Ledger:
    """The open database of one state folder."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA busy_timeout=5000")
        self._db.execute("PRAGMA cache_size=-12000")  # KiB: the indexes of 100,000 photos
        migrations.migrate(self._db)
        self._open = False
        found = self._db.execute("SELECT name, value FROM fact")
        self._facts: dict[str, str] = {stored.path(name): value for name, value in found}
        self._counts: Counter[tuple[str, str]] = Counter(
            {(stored.path(inbox), state): number
             for inbox, state, number in self._db.execute("SELECT * FROM tally")
             if state != "trying"}
        )  # fmt: skip
        for inbox, number in self._trying():
            self._counts[inbox, "trying"] = number
        self._counted: Counter[tuple[str, str]] = Counter()  # not in the table yet
        self._moves: Counter[str] = Counter()
        self._read: tuple[_Key, str | None] | None = None  # the row read last and its state, until
        # something is written: whoever moves a photo has just looked at it

    def close(self) -> None:
        """Commit and close; what cannot be committed is as after a crash."""
        with contextlib.suppress(sqlite3.Error):
            self.commit()
        self._db.close()

    def commit(self) -> None:
        """Make everything so far durable."""
        if self._open:
            for (inbox, state), number in self._counted.items():
                self._db.execute(
                    "INSERT INTO tally VALUES (?,?,?)"
                    " ON CONFLICT DO UPDATE SET number=number+excluded.number",
                    (stored.folder(inbox), state, number),
                )
            self._counted.clear()
            self._db.execute("COMMIT")
            self._open = False

    def _write(self, sql: str, *values: object) -> int:
        self._read = None
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        return self._db.execute(sql, values).rowcount

    def _move(
        self, inbox: str, key: _Key, state: str | None, sql: str, *values: object
    ) -> int:  # fmt: skip
        """Write what puts a photo into a state (None: it has none any more), and count it there."""
        before = self._state(key)
        written = self._write(sql, *values)
        after = state if written else None
        if before != after:
            if before is not None:
                self._count(inbox, before, -1)
            if after is not None:
                self._count(inbox, after, 1)
        return written

    def _state(self, key: _Key) -> str | None:
        if self._read is not None and self._read[0] == key:
            return self._read[1]
        found = self._db.execute("SELECT state FROM photo WHERE inbox=? AND relpath=?", key)
        row = found.fetchone()
        return None if row is None else str(row[0])

    def _count(self, inbox: str, state: str, more: int) -> None:
        self._counts[inbox, state] += more
        if state != "trying":  # these are few, and counted at start: two writes a photo less
            self._counted[inbox, state] += more
        self._moves[inbox] += state == "quarantined"

    def _trying(self) -> list[tuple[str, int]]:
        """How many photos of each inbox are in state trying."""
        found = self._db.execute(
            "SELECT inbox, count(*) FROM photo INDEXED BY photo_trying WHERE state='trying'"
            " GROUP BY inbox"
        )
        return [(stored.path(inbox), number) for inbox, number in found]

    def _rows(self, where: str, *values: object) -> Iterator[Row]:
        for row in self._db.execute(f"SELECT {_COLUMNS} FROM photo {where}", values):  # noqa: S608
            yield _row(row)

    # --- what is known -----------------------------------------------------------------

    def get(self, inbox: str, relpath: str) -> Row | None:
        """The row of one photo."""
        key = _key(inbox, relpath)
        row = next(self._rows("WHERE inbox=? AND relpath=?", *key), None)
        self._read = key, None if row is None else row.state
        return row

    def in_state(
        self, state: str, limit: int = 1_000_000, *, inbox: str | None = None
    ) -> list[Row]:
        """Rows in ``state`` (retry or quarantined), of one inbox or all, latest first."""
        if state not in _LISTED:
            raise ValueError(f"photos that are {state} have no index, and may be a million")
        latest = "ORDER BY changed_at DESC LIMIT ?"
        if inbox is None:
            return list(self._rows(f"WHERE state='{state}' {latest}", limit))
        # said, for SQLite would rather walk over all photos of the inbox by the primary key
        by = f"INDEXED BY {_LISTED[state]} WHERE state='{state}' AND inbox=? {latest}"
        return list(self._rows(by, stored.folder(inbox), limit))

    def latest(
        self, state: str | None, after: tuple[float, str, str] | None, most: int
    ) -> list[Row]:  # fmt: skip
        """Rows in ``state`` (done, retry, quarantined; None: any), latest first; a part.

        ``after``: when the last row of the part before changed, its inbox and its relpath.
        """
        if state not in (None, "done", *_LISTED):
            raise ValueError(f"photos that are {state} have no index, and may be few in a million")
        place = (sys.float_info.max,) if after is None else (after[0], *_key(after[1], after[2]))
        marks = ", ".join("?" * len(place))
        names = ", ".join(("changed_at", "inbox", "relpath")[: len(place)])
        which = "" if state is None else f"state='{state}' AND "
        order = "ORDER BY changed_at DESC, inbox DESC, relpath DESC LIMIT ?"
        index = _BY_AGE.get(state or "", "photo_latest")
        by = f"INDEXED BY {index} WHERE {which}({names}) < ({marks}) {order}"
        return list(self._rows(by, *place, most))

    def owners(self, outbox: str, outputs: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Of those ``outputs`` that a source owns: which, as (inbox, relpath)."""
        marks = ", ".join("?" * len(outputs))
        sql = f"SELECT output, inbox, relpath FROM photo WHERE outbox=? AND output IN ({marks})"  # noqa: S608
        found = self._db.execute(
            f"{sql} AND state IN ('trying', 'retry', 'done')",
            (stored.folder(outbox), *map(os.fsencode, outputs)),
        )
        owners: dict[str, tuple[str, str]] = {}
        for output, inbox, relpath in found:
            owners.setdefault(stored.path(output), (stored.path(inbox), stored.path(relpath)))
        return owners

    def twins(self, size: int, recipe: str) -> tuple[Twin, ...]:
        """The latest outputs of photos of ``size`` bytes, those by ``recipe``, one of each."""
        found = self._db.execute(
            "SELECT sha256, outbox, output, keep FROM (SELECT * FROM photo"
            " WHERE state='done' AND size=? ORDER BY changed_at DESC LIMIT ?) WHERE recipe=?",
            (stored.number(size), _TWINS_LOOKED_AT, recipe),
        )
        latest: dict[str, Twin] = {}
        for sha256, outbox, output, keep in found:
            path = os.path.join(stored.path(outbox), stored.path(output))
            latest.setdefault(sha256, Twin(sha256, path, keep))
        return tuple(latest.values())[:_TWINS]

    def inboxes(self) -> set[str]:
        """Every inbox that there ever was a photo of, configured now or not."""
        return {inbox for inbox, _ in self._counts}

    def counts(self) -> dict[tuple[str, str], int]:
        """How many photos of each (inbox, state); costs nothing, however many there are."""
        return {key: number for key, number in self._counts.items() if number}

    def count(self, inbox: str, state: str) -> int:
        """How many photos of one inbox are in one state."""
        return self._counts[inbox, state]

    def moves(self, inbox: str) -> int:
        """A number that changes whenever the photos that are set aside do, of one inbox."""
        return self._moves[inbox]

    def unsaid(self, limit: int = 1_000_000) -> list[tuple[str, str, str]]:
        """(inbox, relpath, record) of lines that are not in the log yet, the oldest first."""
        found = self._db.execute(
            "SELECT inbox, relpath, record FROM photo WHERE record IS NOT NULL"
            " ORDER BY changed_at LIMIT ?", (limit,)
        )  # fmt: skip
        return [(stored.path(inbox), stored.path(name), record) for inbox, name, record in found]

    # --- what happens ------------------------------------------------------------------

    def begin(
        self, inbox: str, relpath: str, size: int, mtime_ns: int, outbox: str, output: str, *,
        inode: int | None = None, ctime_ns: int | None = None,
    ) -> None:  # fmt: skip
        """An attempt starts; the name it wants is reserved.

        Where the photo of that name has left, this is another one: nothing of the old is its own.
        """
        seen = _seen(size, mtime_ns, inode, ctime_ns)
        key, box = _key(inbox, relpath), stored.folder(outbox)
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
            " changed_at=excluded.changed_at",
            *key, *seen, box, os.fsencode(output), time.time(),
        )  # fmt: skip

    def done(
        self, done: Done, outbox: str, record: str | None, review: str | None = None
    ) -> None:
        """An attempt ended in an output; ``record`` is kept until `said`; ``review``: see `Row`."""
        output = done.output.removeprefix(f"{outbox}/")
        what = (
            done.sha256, done.recipe, stored.folder(outbox), os.fsencode(output), done.how, record,
            time.time(), done.timing.total_ms, done.keep, done.doubt, done.subject_confidence,
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
        _, _, *stamp = _seen(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
        self._set(photo.inbox, photo.relpath, "inode=?, ctime_ns=?, sha256=?", *stamp, sha256)

    def retry(self, failed: Failed, next_try: float, *, burn: bool) -> None:
        """An attempt failed; another follows at ``next_try`` (epoch seconds)."""
        self._change(
            failed.inbox, failed.relpath, "retry",
            "attempts=attempts+?, next_try=?, code=?, reason=?, changed_at=?",
            int(burn), next_try, failed.code, stored.sentence(failed.reason), time.time(),
        )  # fmt: skip

    def quarantined(self, failed: Failed) -> None:
        """No further attempt will be made; the name it wanted is free again."""
        self._moves[failed.inbox] += 1
        self._change(
            failed.inbox, failed.relpath, "quarantined",
            "attempts=attempts+1, next_try=NULL, code=?, reason=?, output=NULL, sha256=NULL,"
            " aside=NULL, review=NULL,"
            " changed_at=?",
            failed.code, stored.sentence(failed.reason), time.time(),
        )  # fmt: skip

    def skipped(self, photo: Photo, reason: str) -> None:
        """A file that is not for us; remembered so that it is said once."""
        seen = _seen(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
        key = _key(photo.inbox, photo.relpath)
        self._move(
            photo.inbox, key, "skipped",
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, inode, ctime_ns, state, reason,"
            " changed_at)"
            " VALUES (?,?,?,?,?,?,'skipped',?,?) ON CONFLICT DO UPDATE SET state='skipped',"
            " size=excluded.size, mtime_ns=excluded.mtime_ns, inode=excluded.inode,"
            " ctime_ns=excluded.ctime_ns, reason=excluded.reason,"
            " output=NULL, changed_at=excluded.changed_at",
            *key, *seen, stored.sentence(reason), time.time(),
        )  # fmt: skip

    def aside(self, inbox: str, relpath: str, what: str | None) -> None:
        """What became of a photo's copy in quarantine, see `asides`."""
        self._set(inbox, relpath, "aside=?", None if what is None else stored.sentence(what))

    def kept(self, inbox: str, relpath: str, code: str, why: str, keep: str | None) -> None:
        """The source was to be archived or deleted and stays; ``keep``: as in `Done`."""
        what = "kept=?, kept_why=?, keep=?"
        self._set(inbox, relpath, what, code, stored.sentence(why), keep)

    def kept_count(self, inbox: str) -> int:
        """How many sources of an inbox stay although they were to go."""
        found = self._db.execute(
            "SELECT count(*) FROM photo INDEXED BY photo_kept WHERE kept IS NOT NULL AND inbox=?",
            (stored.folder(inbox),),
        )  # fmt: skip
        return int(found.fetchone()[0])

    def judged(self, inbox: str, relpath: str, review: str | None, keep: str | None) -> None:
        """Somebody looked at a cut-out: it is accepted or rejected; ``keep`` as in `Done`."""
        self._set(inbox, relpath, "review=?, keep=?", review, keep)

    def doubtful(self, inbox: str, after: str = "", limit: int = 1_000_000) -> list[Row]:
        """Photos of an inbox whose cut-outs somebody should look at, by name."""
        by = "INDEXED BY photo_review WHERE review='open' AND inbox=? AND relpath>?"
        values = stored.folder(inbox), os.fsencode(after), limit
        return list(self._rows(f"{by} ORDER BY relpath LIMIT ?", *values))

    def doubtful_count(self, inbox: str) -> int:
        """How many these are."""
        found = self._db.execute(
            "SELECT count(*) FROM photo INDEXED BY photo_review WHERE review='open' AND inbox=?",
            (stored.folder(inbox),),
        )  # fmt: skip
        return int(found.fetchone()[0])

    def page(self, inbox: str, after: str = "", limit: int = 1000) -> list[Row]:
        """So many photos of an inbox, by name, from the one behind ``after`` on."""
        where = "WHERE inbox=? AND relpath>? ORDER BY relpath LIMIT ?"
        return list(self._rows(where, stored.folder(inbox), os.fsencode(after), limit))

    def disposed(self, was: Row) -> bool:
        """The source has been archived or deleted that was done as ``was`` says.

        What has its name by now, or is being done anew, is another photo: False, and it stays.
        """
        size, mtime_ns, *_ = _seen(was.size, was.mtime_ns, None, None)
        sql = (
            "UPDATE photo SET disposed=1, kept=NULL, kept_why=NULL WHERE inbox=? AND relpath=?"
            " AND state='done' AND size=? AND mtime_ns=? AND sha256 IS ?"
        )
        return self._write(sql, *_key(was.inbox, was.relpath), size, mtime_ns, was.sha256) > 0

    def forget(self, inbox: str, relpath: str) -> bool:
        """Drop what is known of a photo, its attempts included; whether there was anything."""
        key, sql = _key(inbox, relpath), "DELETE FROM photo WHERE inbox=? AND relpath=?"
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

    def _set(self, inbox: str, relpath: str, what: str, *values: object) -> None:
        sql = f"UPDATE photo SET {what} WHERE inbox=? AND relpath=?"  # noqa: S608
        self._write(sql, *values, *_key(inbox, relpath))

    def _change(self, inbox: str, relpath: str, state: str, what: str, *values: object) -> None:
        """Give a photo that has a row another state, and set what goes with it."""
        key = _key(inbox, relpath)
        sql = f"UPDATE photo SET state='{state}', {what} WHERE inbox=? AND relpath=?"  # noqa: S608
        self._move(inbox, key, state, sql, *values, *key)

    # --- facts about the daemon itself ---------------------------------------------------

    def fact(self, name: str) -> str | None:
        """A remembered value, such as which inboxes are paused."""
        return self._facts.get(name)

    def remember(self, name: str, value: str | None) -> None:
        """Keep (or with None drop) a value across restarts."""
        if self._facts.get(name) == value:
            return
        if value is None:
            self._write("DELETE FROM fact WHERE name=?", stored.folder(name))
            del self._facts[name]
        else:
            self._write("INSERT OR REPLACE INTO fact VALUES (?,?)", stored.folder(name), value)
            self._facts[name] = value


def _key(inbox: str, relpath: str) -> _Key:
    return stored.folder(inbox), os.fsencode(relpath)


def _seen(
    size: int, mtime_ns: int, inode: int | None, ctime_ns: int | None
) -> tuple[int | bytes, int | bytes, int | bytes | None, int | bytes | None]:
    """What a look at a file told, as it is stored."""
    return (
        stored.number(size), stored.number(mtime_ns),
        None if inode is None else stored.number(inode),
        None if ctime_ns is None else stored.number(ctime_ns),
    )  # fmt: skip


def _row(row: tuple[Any, ...]) -> Row:
    fields = list(row)
    for at in _PATHS:
        if isinstance(row[at], bytes):
            fields[at] = os.fsdecode(row[at])
    for at in _NUMBERS:
        if isinstance(row[at], bytes):
            fields[at] = stored.whole(row[at])
    for at in _FLAGS:
        fields[at] = bool(row[at])
    return Row(*fields)

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
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nobgd.values import Done, Failed, Twin

_MIGRATIONS = [
    """
    CREATE TABLE photo (
      inbox TEXT NOT NULL, relpath BLOB NOT NULL,
      size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
      state TEXT NOT NULL,              -- trying | retry | done | quarantined | skipped
      attempts INTEGER NOT NULL DEFAULT 0,    -- that ended by our fault
      interrupted INTEGER NOT NULL DEFAULT 0, -- that a stop or a kill of the service cut short
      next_try REAL,                    -- seconds since the epoch
      code TEXT, reason TEXT,
      sha256 TEXT, recipe TEXT, outbox TEXT, output BLOB,
      how TEXT,
      changed_at REAL NOT NULL,
      record TEXT,                      -- the line to log, until it has been
      disposed INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (inbox, relpath)
    ) WITHOUT ROWID;
    CREATE INDEX photo_output ON photo (outbox, output) WHERE output IS NOT NULL;
    CREATE INDEX photo_twin ON photo (size, recipe) WHERE state = 'done';
    CREATE INDEX photo_open ON photo (state) WHERE state IN ('trying', 'retry', 'quarantined');
    CREATE INDEX photo_unsaid ON photo (inbox) WHERE record IS NOT NULL;
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    DROP INDEX photo_twin;
    CREATE INDEX photo_twin ON photo (size, recipe, changed_at) WHERE state = 'done';
    """,
    "ALTER TABLE photo ADD COLUMN took_ms REAL;",
    """
    DROP INDEX photo_twin;  -- without the recipe, of 80 characters, half as large
    CREATE INDEX photo_twin ON photo (size, changed_at) WHERE state = 'done';
    """,
]
_TWINS = 8  # candidates of equal size offered to a lane
_TWINS_LOOKED_AT = 64  # cameras write uncompressed pictures of one size by the thousand


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

    def same_file(self, size: int, mtime_ns: int) -> bool:
        """Whether the file still looks as it did."""
        return (self.size, self.mtime_ns) == (size, mtime_ns)


_COLUMNS = (
    "inbox, relpath, size, mtime_ns, state, attempts, interrupted, next_try, code, reason,"
    " sha256, recipe, output, outbox, how, changed_at, disposed, took_ms"
)


class Ledger:
    """The open database of one state folder."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA busy_timeout=5000")
        self._db.execute("PRAGMA cache_size=-12000")  # KiB: the indexes of 100,000 photos
        self._migrate()
        self._open = False

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise sqlite3.DatabaseError(
                f"the ledger is of a newer nobgd (schema {version}); upgrade nobgd again"
            )
        for number in range(version, len(_MIGRATIONS)):
            self._db.executescript(
                f"BEGIN; {_MIGRATIONS[number]} PRAGMA user_version={number + 1}; COMMIT;"
            )

    def close(self) -> None:
        """Commit and close; what cannot be committed is as after a crash."""
        with contextlib.suppress(sqlite3.Error):
            self.commit()
        self._db.close()

    def commit(self) -> None:
        """Make everything so far durable."""
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    def _write(self, sql: str, *values: object) -> int:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        return self._db.execute(sql, values).rowcount

    def _rows(self, where: str, *values: object) -> Iterator[Row]:
        for row in self._db.execute(f"SELECT {_COLUMNS} FROM photo {where}", values):  # noqa: S608
            yield _row(row)

    # --- what is known -----------------------------------------------------------------

    def get(self, inbox: str, relpath: str) -> Row | None:
        """The row of one photo."""
        where = "WHERE inbox=? AND relpath=?"
        return next(self._rows(where, inbox, os.fsencode(relpath)), None)

    def in_state(
        self, state: str, limit: int = 1_000_000, *, inbox: str | None = None
    ) -> list[Row]:
        """Rows in ``state``, of one inbox or all, latest first."""
        where = "WHERE state=?1 AND (?2 IS NULL OR inbox=?2) ORDER BY changed_at DESC LIMIT ?3"
        return list(self._rows(where, state, inbox, limit))

    def owner(self, outbox: str, output: str) -> tuple[str, str] | None:
        """(inbox, relpath) of the source whose output is called ``output``."""
        found = self._db.execute(
            "SELECT inbox, relpath FROM photo WHERE outbox=? AND output=?"
            " AND state IN ('trying', 'retry', 'done') LIMIT 1",
            (outbox, os.fsencode(output)),
        ).fetchone()
        return (found[0], os.fsdecode(found[1])) if found else None

    def twins(self, size: int, recipe: str) -> tuple[Twin, ...]:
        """The latest outputs of photos of ``size`` bytes, those by ``recipe``, one of each."""
        found = self._db.execute(
            "SELECT sha256, outbox, output FROM (SELECT * FROM photo"
            " WHERE state='done' AND size=? ORDER BY changed_at DESC LIMIT ?) WHERE recipe=?",
            (size, _TWINS_LOOKED_AT, recipe),
        )
        latest: dict[str, Twin] = {}
        for sha256, outbox, output in found:
            path = os.path.join(outbox, os.fsdecode(output))
            latest.setdefault(sha256, Twin(sha256, path))
        return tuple(latest.values())[:_TWINS]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many photos of each (inbox, state)."""
        found = self._db.execute("SELECT inbox, state, count(*) FROM photo GROUP BY inbox, state")
        return {(inbox, state): number for inbox, state, number in found}

    def quarantined_counts(self) -> dict[str, int]:
        """How many photos of each inbox are in quarantine; cheap, whatever is done."""
        found = self._db.execute(
            "SELECT inbox, count(*) FROM photo WHERE state='quarantined' GROUP BY inbox"
        )
        return dict(found.fetchall())

    def unsaid(self) -> list[tuple[str, str, str]]:
        """(inbox, relpath, record) of lines that a crash may have kept from the log."""
        found = self._db.execute("SELECT inbox, relpath, record FROM photo WHERE record NOT NULL")
        return [(inbox, os.fsdecode(relpath), record) for inbox, relpath, record in found]

    # --- what happens ------------------------------------------------------------------

    def begin(
        self, inbox: str, relpath: str, size: int, mtime_ns: int, outbox: str, output: str
    ) -> None:
        """An attempt starts; the name it wants is reserved."""
        self._write(
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, outbox, output, changed_at)"
            " VALUES (?,?,?,?,'trying',?,?,?) ON CONFLICT DO UPDATE SET"
            " attempts = CASE WHEN size=excluded.size AND mtime_ns=excluded.mtime_ns"
            "   THEN attempts ELSE 0 END,"
            " interrupted = CASE WHEN size=excluded.size AND mtime_ns=excluded.mtime_ns"
            "   THEN interrupted ELSE 0 END,"
            " size=excluded.size, mtime_ns=excluded.mtime_ns, state='trying',"
            " outbox=excluded.outbox, output=excluded.output, disposed=0,"
            " changed_at=excluded.changed_at",
            inbox, os.fsencode(relpath), size, mtime_ns, outbox, os.fsencode(output), time.time(),
        )  # fmt: skip

    def done(self, done: Done, outbox: str, record: str | None) -> None:
        """An attempt ended in an output; ``record`` is kept until `said`."""
        output = os.path.relpath(done.output, outbox)
        self._write(
            "UPDATE photo SET state='done', attempts=0, interrupted=0, next_try=NULL, code=NULL,"
            " reason=NULL, sha256=?, recipe=?, outbox=?, output=?, how=?, record=?, changed_at=?,"
            " took_ms=? WHERE inbox=? AND relpath=?",
            done.sha256, done.recipe, outbox, os.fsencode(output), done.how, record, time.time(),
            done.timing.total_ms, done.inbox, os.fsencode(done.relpath),
        )  # fmt: skip

    def said(self, inbox: str, relpath: str) -> None:
        """The record of this photo is in the log."""
        where = (inbox, os.fsencode(relpath))
        self._write("UPDATE photo SET record=NULL WHERE inbox=? AND relpath=?", *where)

    def retry(self, failed: Failed, next_try: float, *, burn: bool) -> None:
        """An attempt failed; another follows at ``next_try`` (epoch seconds)."""
        self._write(
            "UPDATE photo SET state='retry', attempts=attempts+?, next_try=?, code=?, reason=?,"
            " changed_at=? WHERE inbox=? AND relpath=?",
            int(burn), next_try, failed.code, _text(failed.reason), time.time(),
            failed.inbox, os.fsencode(failed.relpath),
        )  # fmt: skip

    def quarantined(self, failed: Failed) -> None:
        """No further attempt will be made; the name it wanted is free again."""
        self._write(
            "UPDATE photo SET state='quarantined', attempts=attempts+1, next_try=NULL, code=?,"
            " reason=?, output=NULL, changed_at=? WHERE inbox=? AND relpath=?",
            failed.code, _text(failed.reason), time.time(),
            failed.inbox, os.fsencode(failed.relpath),
        )  # fmt: skip

    def skipped(self, inbox: str, relpath: str, size: int, mtime_ns: int, reason: str) -> None:
        """A file that is not for us; remembered so that it is said once."""
        self._write(
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, reason, changed_at)"
            " VALUES (?,?,?,?,'skipped',?,?) ON CONFLICT DO UPDATE SET state='skipped',"
            " size=excluded.size, mtime_ns=excluded.mtime_ns, reason=excluded.reason,"
            " output=NULL, changed_at=excluded.changed_at",
            inbox, os.fsencode(relpath), size, mtime_ns, _text(reason), time.time(),
        )  # fmt: skip

    def disposed(self, inbox: str, relpath: str) -> None:
        """The source has been archived or deleted."""
        where = (inbox, os.fsencode(relpath))
        self._write("UPDATE photo SET disposed=1 WHERE inbox=? AND relpath=?", *where)

    def forget(self, inbox: str, relpath: str) -> bool:
        """Drop what is known of a photo, its attempts included; whether there was anything."""
        where = (inbox, os.fsencode(relpath))
        return self._write("DELETE FROM photo WHERE inbox=? AND relpath=?", *where) > 0

    def put_back(self, inbox: str, relpath: str) -> None:
        """A job that was queued but never begun: as if it had not been."""
        self._write(
            "UPDATE photo SET state='retry', next_try=0 WHERE inbox=? AND relpath=?"
            " AND state='trying'",
            inbox, os.fsencode(relpath),
        )  # fmt: skip

    def interrupt(self) -> int:
        """At start: attempts that a stop or kill of the service cut short; how many."""
        return self._write(
            "UPDATE photo SET state='retry', interrupted=interrupted+1, next_try=0"
            " WHERE state='trying'"
        )

    def gone(self, inbox: str, relpaths: Iterable[str]) -> list[Row]:
        """Sources that left the inbox: those not finished are dropped, and returned."""
        dropped = []
        for relpath in relpaths:
            row = self.get(inbox, relpath)
            if row and row.state in ("retry", "skipped", "quarantined"):
                self.forget(inbox, relpath)
                dropped.append(row)
        return dropped

    # --- facts about the daemon itself ---------------------------------------------------

    def fact(self, name: str) -> str | None:
        """A remembered value, such as which inboxes are paused."""
        found = self._db.execute("SELECT value FROM fact WHERE name=?", (name,)).fetchone()
        return str(found[0]) if found else None

    def remember(self, name: str, value: str | None) -> None:
        """Keep (or with None drop) a value across restarts."""
        if value is None:
            self._write("DELETE FROM fact WHERE name=?", name)
        else:
            self._write("INSERT OR REPLACE INTO fact VALUES (?,?)", name, value)


def _text(reason: str) -> str:
    """SQLite stores UTF-8: name bytes that are none are shown escaped."""
    return reason.encode("utf-8", "backslashreplace").decode()


def _row(row: tuple[object, ...]) -> Row:
    fields = dict(zip(_COLUMNS.replace(" ", "").split(","), row, strict=True))
    for name in ("relpath", "output"):
        value = fields[name]
        fields[name] = os.fsdecode(value) if isinstance(value, bytes) else value
    fields["disposed"] = bool(fields["disposed"])
    return Row(**fields)  # type: ignore[arg-type]

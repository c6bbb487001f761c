"""The SQLite file of one state folder: what is written is counted, and committed at once.

Only accessed from the service's main loop, so there is no lock in here.  `commit` makes
everything since the last one durable (WAL, synchronous=FULL); the loop calls it before it starts
a job and before it says that one is done.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable

from nobgd.jobs import migrations, stored
from nobgd.jobs.row import Key
from nobgd.jobs.row import key as key_of

# SQLite's word that a value or a statement is wrong, not the disk
_OF_THE_VALUE = (
    sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.IntegrityError,
)  # fmt: skip


def of_the_ledger(error: Exception) -> bool:
    """Whether the ledger itself is in trouble, rather than what was to be written."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_VALUE)


class Database:
    """The open file, how many photos there are in each state, and facts about the daemon."""

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        """``clock`` says the seconds since the epoch, for when something came to be."""
        self._clock = clock
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
        self._read: tuple[Key, str | None] | None = None  # the row read last and its state, until

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
        self, inbox: str, key: Key, state: str | None, sql: str, *values: object
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

    def _state(self, key: Key) -> str | None:
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

    def _set(self, inbox: str, relpath: str, what: str, *values: object) -> None:
        sql = f"UPDATE photo SET {what} WHERE inbox=? AND relpath=?"  # noqa: S608
        self._write(sql, *values, *key_of(inbox, relpath))

    def _change(self, inbox: str, relpath: str, state: str, what: str, *values: object) -> None:
        """Give a photo that has a row another state, and set what goes with it."""
        key = key_of(inbox, relpath)
        sql = f"UPDATE photo SET state='{state}', {what} WHERE inbox=? AND relpath=?"  # noqa: S608
        self._move(inbox, key, state, sql, *values, *key)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many photos of each (inbox, state); costs nothing, however many there are."""
        return {key: number for key, number in self._counts.items() if number}

    def count(self, inbox: str, state: str) -> int:
        """How many photos of one inbox are in one state."""
        return self._counts[inbox, state]

    def moves(self, inbox: str) -> int:
        """A number that changes whenever the photos that are set aside do, of one inbox."""
        return self._moves[inbox]

    def inboxes(self) -> set[str]:
        """Every inbox that there ever was a photo of, configured now or not."""
        return {inbox for inbox, _ in self._counts}

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

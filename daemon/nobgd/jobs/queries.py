"""What is known of photos, each question answered by an index."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from nobgd.jobs import stored
from nobgd.jobs.database import Database
from nobgd.jobs.row import COLUMNS, Row
from nobgd.jobs.row import key as key_of
from nobgd.jobs.row import of as row_of
from nobgd.values import Twin

_TWINS = 8  # candidates of equal size offered to a lane
_TWINS_LOOKED_AT = 64  # cameras write uncompressed pictures of one size by the thousand
_LISTED = {"retry": "photo_retry", "quarantined": "photo_set_aside_in"}  # states with an index
_SAME = "+inbox=?"  # with the +, SQLite keeps an index's order where it would sort once more
_BY_AGE = {"retry": "photo_retry", "quarantined": "photo_set_aside"}


class Queries(Database):
    """The same, and what can be asked."""

    def _rows(self, where: str, *values: object) -> Iterator[Row]:
        for row in self._db.execute(f"SELECT {COLUMNS} FROM photo {where}", values):  # noqa: S608
            yield row_of(row)

    def get(self, inbox: str, relpath: str) -> Row | None:
        """The row of one photo."""
        key = key_of(inbox, relpath)
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
        self, state: str | None, after: tuple[float, str, str] | None, most: int,
        inbox: str | None = None,
    ) -> list[Row]:  # fmt: skip
        """Rows in ``state`` (done, retry, quarantined; None: any), latest first; a part.

        ``after``: when the last row of the part before changed, its inbox and its relpath.
        ``inbox``: only its rows.
        """
        if state not in (None, "done", *_LISTED):
            raise ValueError(f"photos that are {state} have no index, and may be few in a million")
        place = (sys.float_info.max,) if after is None else (after[0], *key_of(after[1], after[2]))
        marks = ", ".join("?" * len(place))
        names = ", ".join(("changed_at", "inbox", "relpath")[: len(place)])
        behind = f"({names}) < ({marks})"
        which = "" if state is None else f"state='{state}' AND "
        order = "ORDER BY changed_at DESC, inbox DESC, relpath DESC LIMIT ?"
        if inbox is None:
            index = _BY_AGE.get(state or "", "photo_latest")
            by = f"INDEXED BY {index} WHERE {which}{behind} {order}"
            return list(self._rows(by, *place, most))
        root = stored.folder(inbox)
        if state in _LISTED:
            same = "inbox=?" if state == "quarantined" else _SAME
            by = f"INDEXED BY {_LISTED[state]} WHERE {which}{behind} AND {same} {order}"
            return list(self._rows(by, *place, root, most))
        # the index itself says which are the inbox's: rows of others are not read
        found = self._db.execute(
            f"SELECT {COLUMNS} FROM (SELECT changed_at AS at, inbox AS box, relpath AS name"  # noqa: S608
            f" FROM photo INDEXED BY photo_latest WHERE {behind} AND {_SAME}) CROSS JOIN photo"
            f" WHERE {which}inbox=box AND relpath=name"
            " ORDER BY at DESC, box DESC, name DESC LIMIT ?",
            (*place, root, most),
        )
        return [row_of(row) for row in found]

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

    def unsaid(self, limit: int = 1_000_000) -> list[tuple[str, str, str]]:
        """(inbox, relpath, record) of lines that are not in the log yet, the oldest first."""
        found = self._db.execute(
            "SELECT inbox, relpath, record FROM photo WHERE record IS NOT NULL"
            " ORDER BY changed_at LIMIT ?", (limit,)
        )  # fmt: skip
        return [(stored.path(inbox), stored.path(name), record) for inbox, name, record in found]

    def kept_count(self, inbox: str) -> int:
        """How many sources of an inbox stay although they were to go."""
        found = self._db.execute(
            "SELECT count(*) FROM photo INDEXED BY photo_kept WHERE kept IS NOT NULL AND inbox=?",
            (stored.folder(inbox),),
        )  # fmt: skip
        return int(found.fetchone()[0])

    def accepted(self) -> Iterator[Row]:
        """Photos whose cut-outs somebody found good."""
        by = "INDEXED BY photo_accepted WHERE review='accepted'"
        return self._rows(f"{by} AND state='done'")

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

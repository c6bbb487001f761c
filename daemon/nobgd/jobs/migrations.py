"""How the ledger's tables came to be what they are: one script for each version of the schema.

A script is never changed once it was released, only followed by another.
"""

from __future__ import annotations

import sqlite3

_SCRIPTS = [
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
    # An index for each state that is asked for, as SQLite sees that `state='retry'` in a query
    # is that of the index only when it is written there in the same words; and the number of
    # photos in each state, because counting a million rows takes seconds.
    """
    ALTER TABLE photo ADD COLUMN inode;     -- see `stored.number`; NULL: not known
    ALTER TABLE photo ADD COLUMN ctime_ns;
    DROP INDEX photo_open;
    CREATE INDEX photo_trying ON photo (inbox) WHERE state = 'trying';
    CREATE INDEX photo_retry ON photo (changed_at) WHERE state = 'retry';
    CREATE INDEX photo_set_aside ON photo (changed_at) WHERE state = 'quarantined';
    CREATE INDEX photo_set_aside_in ON photo (inbox, changed_at) WHERE state = 'quarantined';
    DROP INDEX photo_unsaid;
    CREATE INDEX photo_unsaid ON photo (changed_at) WHERE record IS NOT NULL;
    CREATE TABLE tally (
      inbox TEXT NOT NULL, state TEXT NOT NULL, number INTEGER NOT NULL,
      PRIMARY KEY (inbox, state)
    ) WITHOUT ROWID;
    INSERT INTO tally SELECT inbox, state, count(*) FROM photo GROUP BY inbox, state;
    """,
    """
    ALTER TABLE photo ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;  -- it has left its inbox
    ALTER TABLE photo ADD COLUMN keep TEXT;      -- why the source must stay, '' for nothing
    ALTER TABLE photo ADD COLUMN kept TEXT;      -- the code by which it was said to be kept
    ALTER TABLE photo ADD COLUMN kept_why TEXT;
    ALTER TABLE photo ADD COLUMN aside TEXT;     -- '' a copy is in quarantine; why there is none
    UPDATE photo SET aside='' WHERE state='quarantined';
    CREATE INDEX photo_kept ON photo (inbox) WHERE kept IS NOT NULL;
    """,
    # For lists of all, a part at a time.  SQLite keeps inbox and relpath in every index of such a
    # table, but sorts by them again unless they are named.
    """
    CREATE INDEX photo_latest ON photo (changed_at, inbox, relpath);
    DROP INDEX photo_retry;
    CREATE INDEX photo_retry ON photo (changed_at, inbox, relpath) WHERE state = 'retry';
    DROP INDEX photo_set_aside;
    CREATE INDEX photo_set_aside ON photo (changed_at, inbox, relpath) WHERE state = 'quarantined';
    """,
    """
    ALTER TABLE photo ADD COLUMN doubt REAL;     -- see `Done`; NULL: not known
    ALTER TABLE photo ADD COLUMN confidence REAL;
    ALTER TABLE photo ADD COLUMN review TEXT;    -- open: somebody should look | accepted | rejected
    CREATE INDEX photo_review ON photo (inbox, relpath) WHERE review = 'open';
    """,
    "CREATE INDEX photo_accepted ON photo (inbox, relpath) WHERE review = 'accepted';",
    "ALTER TABLE photo ADD COLUMN redo TEXT;  -- how somebody wants it made, see `jobs.redoing`\n",
]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables up to date.  Raises sqlite3.DatabaseError for those of a newer nobgd."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_SCRIPTS):
        raise sqlite3.DatabaseError(
            f"the ledger is of a newer nobgd (schema {version}); upgrade nobgd again"
        )
    for number in range(version, len(_SCRIPTS)):
        db.executescript(f"BEGIN; {_SCRIPTS[number]} PRAGMA user_version={number + 1}; COMMIT;")

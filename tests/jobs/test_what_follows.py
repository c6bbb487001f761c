"""What follows from each event in each state of a photo: a table, a line for each.

After a change that is meant: ``python -m jobs.follows`` in tests/ writes the table anew.
"""

from __future__ import annotations

from pathlib import Path

from jobs import follows

TABLE = Path(__file__).with_name("what_follows.txt")


def test_nothing_follows_that_the_table_does_not_say(tmp_path: Path) -> None:
    """State × event, source rule × once × outcome × blame: row, requests, words in the log."""
    assert follows.rows(tmp_path) == TABLE.read_text().splitlines()

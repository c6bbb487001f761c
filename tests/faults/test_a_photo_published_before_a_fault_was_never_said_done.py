"""An output was in place when the share failed, and its photo was never said to be done.

The rename had worked, the flush of the folder after it had not.  The next try found the output,
and the log then said "skipped: already done", as of a photo from before nobgd's time: no timing,
no `photo.done`, and `nobgd once` counted it with those that it had not touched.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import valid
from faults.rows import errno_matrix


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_the_next_try_ends_in_done(tmp_path: Path, number: int) -> None:
    """The folder's flush fails once, under a running daemon."""
    why = errno_matrix.missing()
    if why is not None:
        pytest.skip(why)
    from faults.faulty import Mount

    outbox = Mount(tmp_path / "below", tmp_path / "house" / "out")
    try:
        with House(tmp_path / "house", tmp_path / "cache") as house:
            until(lambda: house.listen().events["inbox.watching"], 30, "the inbox is watched")
            outbox.fail("dir-fsync", number, 1)
            (house.inbox / "a.jpg").write_bytes(valid(1))
            assert house.await_ends(["a.jpg"], 60) == []
            assert outbox.fired() == 1
            assert house.events["outbox.lost"] == 1
            assert house.ends == {house.path("a.jpg"): "photo.done"}
    finally:
        outbox.close()

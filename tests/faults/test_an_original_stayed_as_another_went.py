"""Two originals of one folder go at the same time, and neither is forgotten.

Both go through the hidden folder.  The first to finish took it away under the second, whose move
then found no folder: that passed for a photo that had vanished, so it stood in the inbox for ever
and nothing was said.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from nobgd.lane import going


def test_the_hidden_folder_stays_while_anybody_is_in_it(tmp_path: Path) -> None:
    """And leaves with the last."""
    for name in "ab":
        (tmp_path / name).touch()
    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        with going.entered(parent) as late:
            with going.entered(parent) as early:
                os.unlink(early.take(parent, "a"), dir_fd=early.folder)
            late.take(parent, "b")
            assert os.listdir(late.folder) == ["b"]
            os.unlink("b", dir_fd=late.folder)
        assert os.listdir(tmp_path) == []
    finally:
        os.close(parent)


def test_many_at_once_leave_nothing(tmp_path: Path) -> None:
    """Of 200 that are moved out by four threads none stays, and the folder is as before."""
    for number in range(200):
        (tmp_path / str(number)).touch()

    def work(share: int) -> None:
        parent = os.open(tmp_path, os.O_RDONLY)
        try:
            left = [str(number) for number in range(share, 200, 4)]
            while left:
                try:
                    with going.entered(parent) as room:
                        os.unlink(room.take(parent, left[-1]), dir_fd=room.folder)
                        left.pop()
                except going.Busy:
                    continue
        finally:
            os.close(parent)

    threads = [threading.Thread(target=work, args=(share,)) for share in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert os.listdir(tmp_path) == []

"""The lock that says who is alive."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobgd.fs import lock


def test_one_holds_it_and_says_who_it_is(tmp_path: Path) -> None:
    """Until its process gives it back."""
    path = tmp_path / "lock"
    assert lock.holder(path) is None
    held = lock.take(path)
    assert held is not None
    assert lock.holder(path) == str(os.getpid())
    assert lock.take(path) is None
    os.close(held)
    assert lock.holder(path) is None


def test_a_look_at_it_keeps_nobody_from_it(tmp_path: Path) -> None:
    """While one process looks at it all the time, another takes it in the end."""
    path = tmp_path / "lock"
    path.touch()
    look = (
        "from pathlib import Path\nfrom nobgd.fs import lock\n"
        f"while True: lock.holder(Path({str(path)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", look]) as process:
        held = lock.take(path, 60)
        process.kill()
    assert held is not None
    os.close(held)


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    """A crash leaves nothing to clear up."""
    path = tmp_path / "lock"
    take = (
        f"import os\nfrom pathlib import Path\nfrom nobgd.fs import lock\n"
        f"lock.take(Path({str(path)!r}))\nos.abort()"
    )
    subprocess.run([sys.executable, "-c", take], check=False)
    assert path.read_text().isdigit()
    assert lock.holder(path) is None


def test_what_it_says_may_be_anything(tmp_path: Path) -> None:
    """Only a pid is shown."""
    path = tmp_path / "lock"
    held = lock.take(path)
    path.write_text("\x1b[2J no pid")
    assert lock.holder(path) == "unknown"
    assert held is not None
    os.close(held)


def test_on_smb_a_lock_that_another_has_is_refused_in_another_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EACCES, from flock and from whoever reads it: it is held, and by whom is not known."""
    path = tmp_path / "lock"
    path.touch()

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "not now")

    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr(os, "pread", refused)
    assert lock.take(path) is None
    assert lock.holder(path) == "unknown"

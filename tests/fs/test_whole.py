"""A small file of our own is there as a whole, with its rights from the first moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nobgd.fs import whole


def test_it_is_replaced_with_its_mode_and_owner(tmp_path: Path) -> None:
    """Nothing else is left."""
    file = tmp_path / "a"
    file.write_bytes(b"before")
    whole.write(file, b"now", 0o640, (os.getuid(), os.getgid()))
    assert file.read_bytes() == b"now"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert os.listdir(tmp_path) == ["a"]


def test_what_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """And no temporary file."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/kept").touch()
    with pytest.raises(OSError, match="directory"):
        whole.write(tmp_path / "a", b"now")
    assert os.listdir(tmp_path) == ["a"]

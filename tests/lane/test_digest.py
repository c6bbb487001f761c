"""The checksum of a photo that was touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nobgd.fs.mounts import identify
from nobgd.lane.errands import run
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Digest


def errand(root: Path, name: str = "a.jpg") -> Digest:
    info = os.lstat(root / name)
    return Digest(str(root), name, info.st_size, info.st_mtime_ns, identify(str(root)))


def test_it_is_that_of_the_bytes(tmp_path: Path) -> None:
    """As a number, which is what an errand answers."""
    data = os.urandom(300_000)
    (tmp_path / "a.jpg").write_bytes(data)
    assert f"{run(errand(tmp_path)):064x}" == hashlib.sha256(data).hexdigest()


def test_another_file_is_not_hashed(tmp_path: Path) -> None:
    """One that has changed or left is nobody's fault; a link is never followed."""
    (tmp_path / "a.jpg").write_bytes(b"one")
    asked = errand(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"longer")
    with pytest.raises(NobgdError) as caught:
        run(asked)
    assert caught.value.code is Code.CHANGED
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(NobgdError) as caught:
        run(asked)
    assert caught.value.code is Code.VANISHED
    (tmp_path / "b.jpg").write_bytes(b"one")
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    with pytest.raises(NobgdError) as caught:
        run(asked)
    assert caught.value.code is Code.UNSAFE

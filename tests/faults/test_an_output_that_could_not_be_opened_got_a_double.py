"""An error on opening our own output was taken for somebody else's file.

The share said EIO for a moment; the photo that had changed was then published under the next
name, and the folder held an old and a new cut-out of it for ever.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd.lane import target
from nobgd.picture import provenance
from nobgd.values import Code, Job, NobgdError, Recipe

OPEN = os.open


def job(root: Path) -> Job:
    for name in ("in", "out"):
        (root / name).mkdir()
    names = ("a_nobg.png", "a.jpg_nobg.png")
    return Job(
        str(root / "in"), "a.jpg", 1, 1, str(root / "out"), names, frozenset(), frozenset(),
        "key", Recipe("u2netp", "0", "fp32"),
    )  # fmt: skip


def picture(job: Job, sha256: str) -> list[bytes | memoryview]:
    """The head of a PNG as far as `placing` reads one, and its end."""
    return [
        provenance.SIGNATURE, target.text(job, sha256, 1.0, None), provenance.frame(b"IEND", b""),
    ]  # fmt: skip


def failing(number: int, name: str) -> Callable[..., int]:
    def opened(path: str, flags: int, *rest: Any, **more: Any) -> int:
        if path == name:
            raise OSError(number, os.strerror(number), path)
        return OPEN(path, flags, *rest, **more)

    return opened


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EINTR])
def test_the_place_is_to_blame(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo is tried again later, and goes to its one name then."""
    this = job(tmp_path)
    target.put(this, "1" * 64, picture(this, "1" * 64))
    this = replace(this, own="a_nobg.png", replaces="1" * 64)  # it was changed
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing(number, "a_nobg.png"))
        with pytest.raises(NobgdError) as caught:
            target.put(this, "2" * 64, picture(this, "2" * 64))
    assert caught.value.code.blame is Code.IO_ERROR.blame
    assert os.listdir(this.outbox) == ["a_nobg.png"]
    target.put(this, "2" * 64, picture(this, "2" * 64))
    assert os.listdir(this.outbox) == ["a_nobg.png"]


def test_other_things_than_files_are_left_alone(tmp_path: Path) -> None:
    """A folder, a pipe or a link of that name is not opened further; the next name is taken."""
    this = job(tmp_path)
    taken = Path(this.outbox) / "a_nobg.png"
    ways: tuple[tuple[Callable[[], object], Callable[[], object]], ...] = (
        (taken.mkdir, taken.rmdir),
        (lambda: os.mkfifo(taken), taken.unlink),
        (lambda: taken.symlink_to("nowhere"), taken.unlink),
    )
    for make, unmake in ways:
        make()
        output, _ = target.put(this, "1" * 64, picture(this, "1" * 64))
        assert output.endswith("/a.jpg_nobg.png")
        os.unlink(output)
        unmake()

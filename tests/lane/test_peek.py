"""A file's first bytes tell its format, whatever it is called; anything else is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults.pictures import corpus
from nobgd.lane.errands import run
from nobgd.picture.kinds import FORMATS
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Peek
from nobgd.values.mount import Mount


def test_each_is_recognised(tmp_path: Path) -> None:
    """In every variety of the corpus."""
    for kind, data in corpus():
        (tmp_path / "x").write_bytes(data)
        number = run(Peek(str(tmp_path), "x"))
        first = "TIFF" if kind == "RAW" else kind  # its tags tell the rest
        assert number == FORMATS.index(first)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\0" * 5000, b"8BPS" + bytes(90), b"\xff", b"\xff\x0a"]
)
def test_what_is_none_of_them_is_none(tmp_path: Path, data: bytes) -> None:
    """Nothing is refused: there is only nothing to tell."""
    (tmp_path / "x").write_bytes(data)
    assert run(Peek(str(tmp_path), "x")) == -1


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A name that has left; a pipe is not opened for reading; a link is not followed."""
    with pytest.raises(NobgdError) as caught:
        run(Peek(str(tmp_path), "x"))
    assert caught.value.code is Code.VANISHED
    os.mkfifo(tmp_path / "pipe")
    assert run(Peek(str(tmp_path), "pipe")) == -1
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(NobgdError) as caught:
        run(Peek(str(tmp_path), "link"))
    assert caught.value.code is Code.UNSAFE
    with pytest.raises(NobgdError) as caught:
        run(Peek(str(tmp_path), "pipe", mount=Mount(1, -1, "", "", "")))
    assert caught.value.code is Code.GONE_AWAY

"""The line to a lane: no message is too long, too many or too slow for the supervisor."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from nobgd.pool import line


@pytest.fixture
def ends() -> Iterator[tuple[line.Line, socket.socket]]:
    ours, theirs = socket.socketpair()
    made = line.Line(ours)
    yield made, theirs
    made.close()
    theirs.close()


def test_both_ends_speak_alike(ends: tuple[line.Line, socket.socket]) -> None:
    """A value goes down, bytes come up, by the frames of the standard library."""
    made, theirs = ends
    made.send({"a": 1}, time.monotonic() + 5)
    there = Connection(theirs.detach())
    assert there.recv() == {"a": 1}
    there.send_bytes(b"x" * 200_000)
    parts = [made.receive(1) for _ in range(10)]
    assert [part for part in parts if part] == [b"x" * 200_000]
    there.close()


def test_half_a_header_is_no_message_and_holds_nobody(
    ends: tuple[line.Line, socket.socket],
) -> None:
    """Nor is a message whose end does not come."""
    made, theirs = ends
    theirs.sendall(b"\0\0")
    assert made.receive(0.01) is None
    assert made.receive(0.01) is None
    theirs.sendall(b"\0\5abc")
    assert made.receive(0.01) is None
    theirs.sendall(b"de")
    assert made.receive(0.01) == b"abcde"


@pytest.mark.parametrize("length", [-1, line.LONGEST + 1, 1 << 30])
def test_a_length_beyond_all_reason_is_not_waited_for(
    ends: tuple[line.Line, socket.socket], length: int
) -> None:
    """A gigabyte is refused by its header."""
    made, theirs = ends
    theirs.sendall(struct.pack("!i", length))
    with pytest.raises(line.Overdone):
        made.receive(1)


def test_messages_without_end_are_counted(ends: tuple[line.Line, socket.socket]) -> None:
    """More than a request needs, or more bytes, are refused; a new request counts anew."""
    made, theirs = ends
    for _ in range(2):
        made.begin()
        for _ in range(line.MOST):
            theirs.sendall(b"\0\0\0\1x")
            assert made.receive(1) == b"x"
    theirs.sendall(b"\0\0\0\1x")
    with pytest.raises(line.Overdone):
        made.receive(1)


def pour(made: line.Line, theirs: socket.socket) -> None:
    for _ in range(200):
        theirs.sendall(struct.pack("!i", 50_000) + bytes(50_000))
        made.receive(1)


def test_bytes_without_end_are_counted(ends: tuple[line.Line, socket.socket]) -> None:
    """Few messages may be long, not all."""
    made, theirs = ends
    theirs.settimeout(5)
    with pytest.raises(line.Overdone):
        pour(made, theirs)


def test_what_nobody_asked_for_is_noticed(ends: tuple[line.Line, socket.socket]) -> None:
    """It would be taken for the answer to the next request."""
    made, theirs = ends
    assert made.quiet()
    theirs.sendall(b"\0")
    assert not made.quiet()


def test_a_lane_that_does_not_read_is_not_waited_for(
    ends: tuple[line.Line, socket.socket],
) -> None:
    """A message down has its deadline, too."""
    made, _ = ends
    with pytest.raises(TimeoutError):
        made.send_bytes(bytes(5_000_000), time.monotonic() + 0.05)


def test_the_end_is_heard(ends: tuple[line.Line, socket.socket]) -> None:
    """EOFError, as for a process that is gone."""
    made, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        made.receive(1)

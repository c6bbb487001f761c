"""`events.sock`: listeners hear what happens, and none of them holds up who tells."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobgd.status import telling


@pytest.fixture
def told(tmp_path: Path) -> Iterator[telling.Telling]:
    made = telling.Telling(tmp_path / telling.NAME)
    made.start()
    yield made
    made.stop()


def _connect(told: telling.Telling) -> socket.socket:
    before = len(told._queues)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(60)
    line.connect(str(told._path))
    until = time.monotonic() + 60
    while len(told._queues) == before and time.monotonic() < until:
        time.sleep(0.01)
    return line


def test_all_listeners_hear_all(told: telling.Telling) -> None:
    """In order, as lines of JSON."""
    with _connect(told) as one, _connect(told) as other:
        for number in range(3):
            told.tell({"event": "photo.done", "number": number})
        for line in (one, other):
            heard = line.makefile("rb")
            assert [json.loads(heard.readline())["number"] for _ in range(3)] == [0, 1, 2]


def test_a_listener_that_does_not_listen_loses_the_oldest(told: telling.Telling) -> None:
    """What is kept for it is bounded; telling goes on."""
    with _connect(told):
        for number in range(20_000):
            told.tell({"event": "x", "number": number, "text": "y" * 200})
        assert all(len(queue) <= telling._KEPT for queue in told._queues)


def test_too_many_are_turned_away(told: telling.Telling) -> None:
    """The ninth hears the end at once; those that are there go on."""
    lines = [_connect(told) for _ in range(telling._MOST)]
    with socket.socket(socket.AF_UNIX) as late:
        late.settimeout(60)
        late.connect(str(told._path))
        assert late.recv(1) == b""
    told.tell({"event": "x"})
    for line in lines:
        assert line.makefile("rb").readline() == b'{"event": "x"}\n'
        line.close()

"""The control socket: who may ask, who may change something, and what a bad request does."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.fs import lock
from nobgd.status import control, listening

_NOBODY = 65534
_ASK = """
import json, os, socket, sys
uid, gid, path, request = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.setgroups(json.loads(sys.argv[5]))
os.setgid(gid)
os.setuid(uid)
with socket.socket(socket.AF_UNIX) as line:
    try:
        line.connect(path)
    except PermissionError:
        print(json.dumps("kept out"))
        sys.exit()
    line.sendall(request.encode() + b"\\n")
    print(line.makefile().readline())
"""


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[config.Config]:
    """With a runtime folder that everybody can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as runtime:
        Path(runtime).chmod(0o755)
        monkeypatch.setenv("RUNTIME_DIRECTORY", runtime)
        text = "{state_dir: state, inboxes: [{path: in, outbox: out}]}"
        yield config.parse(text, "f.yaml", tmp_path)


@pytest.fixture
def daemon(settings: config.Config, asked: list[dict[str, Any]]) -> Iterator[Path]:
    """A real socket whose handler repeats what it is asked."""

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"heard": request}

    path = control.own_path(settings)
    served = listening.Control(path, handle)
    served.start()
    yield path
    served.stop()
    assert not path.exists()


def ask_as(
    uid: int, gid: int, path: Path, request: dict[str, Any], groups: Iterable[int] = ()
) -> Any:
    words = [str(uid), str(gid), str(path), json.dumps(request), json.dumps(list(groups))]
    result = subprocess.run(
        [sys.executable, "-c", _ASK, *words], capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def in_reach(daemon: Path) -> Path:
    """The socket where everybody may connect, so that only what is asked decides."""
    daemon.chmod(0o666)
    return daemon


def test_question_and_answer(daemon: Path, settings: config.Config) -> None:
    """One line each way; the socket is for its user and group only."""
    request = {"do": "why", "path": "/in/caf\udce9"}
    assert control.ask(settings, request) == {"heard": request}
    assert stat.S_IMODE(daemon.stat().st_mode) == 0o660
    assert stat.S_ISSOCK(daemon.stat().st_mode)


def test_nobody_answers(settings: config.Config) -> None:
    """No socket, or one that a crash has left."""
    with pytest.raises(control.NotRunning):
        control.ask(settings, {"do": "status"})
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(control.own_path(settings)))
    with pytest.raises(control.NotRunning):
        control.ask(settings, {"do": "status"})


def test_a_socket_that_a_crash_left_is_replaced(settings: config.Config) -> None:
    """The state folder's lock has shown that nobody uses it."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(control.own_path(settings)))
    served = listening.Control(control.own_path(settings), lambda _: {"fresh": True})
    served.start()
    assert control.ask(settings, {"do": "status"}) == {"fresh": True}
    served.stop()


def test_a_folder_with_a_long_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's name may have 107 bytes; its folder may be longer."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(deep))
    settings = config.parse("inboxes: [{path: in, outbox: out}]", "f", tmp_path)
    served = listening.Control(control.own_path(settings), lambda _: {"deep": True})
    served.start()
    assert control.ask(settings, {"do": "status"}) == {"deep": True}
    served.stop()


@as_root
def test_the_kernel_keeps_strangers_out(in_reach: Path, asked: list[dict[str, Any]]) -> None:
    """With the mode that it is made with, others cannot even connect."""
    in_reach.chmod(0o660)
    assert ask_as(_NOBODY, _NOBODY, in_reach, {"do": "status"}) == "kept out"
    assert asked == []


@as_root
@pytest.mark.parametrize("do", ["retry", "pause", "resume", "anything"])
def test_a_stranger_may_look_and_not_touch(
    in_reach: Path, asked: list[dict[str, Any]], do: str
) -> None:
    """Whoever connects may read; to change something takes root, the daemon's user or group."""
    assert "error" in ask_as(_NOBODY, _NOBODY, in_reach, {"do": do, "paths": []})
    assert asked == []
    assert ask_as(_NOBODY, _NOBODY, in_reach, {"do": "status"}) == {"heard": {"do": "status"}}
    request = {"do": do, "paths": []}
    assert ask_as(_NOBODY, os.getegid(), in_reach, request) == {"heard": request}
    assert ask_as(0, 0, in_reach, request) == {"heard": request}


@pytest.mark.parametrize("said", [b"\n", b"no json\n", b"[1]\n", b"\xff\n", b'{"do"'])
def test_a_bad_request_ends_its_connection_only(
    daemon: Path, settings: config.Config, asked: list[dict[str, Any]], said: bytes
) -> None:
    """The next one is answered."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(daemon))
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        line.settimeout(10)
        assert line.recv(100) == b""
    assert asked == []
    assert control.ask(settings, {"do": "status"}) == {"heard": {"do": "status"}}


@as_root
@pytest.mark.parametrize("others", [0, 5, 1000])
def test_a_member_of_the_group_may_steer_by_any_of_his_groups(
    in_reach: Path, asked: list[dict[str, Any]], others: int
) -> None:
    """Supplementary groups count, however many there are; those of others do not."""
    groups = list(range(70_000, 70_000 + others))
    request = {"do": "pause", "inbox": None}
    assert "error" in ask_as(_NOBODY, _NOBODY, in_reach, request, groups)
    assert asked == []
    member = ask_as(_NOBODY, _NOBODY, in_reach, request, [*groups, os.getegid()])
    assert member == {"heard": request}


@pytest.mark.parametrize("request_", [
    b'{"do": []}', b'{"do": {}}', b'{"do": null}', b"{}", b"[" * 100_000, b'{"a":' * 100_000,
    b'{"do": "why", "path": 3}', b'{"do": "status"' + b" " * (2 << 20), b"9" * 6000,
    b'{"do": "why", "path": "\\u0000"}',
])  # fmt: skip
def test_nothing_that_a_client_sends_ends_the_listening(
    daemon: Path, settings: config.Config, request_: bytes
) -> None:
    """Whatever it is, and whoever may send it: the next one is answered."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(daemon))
        line.settimeout(10)
        with contextlib.suppress(OSError):
            line.sendall(request_ + b"\n")
            line.recv(1 << 20)
    assert control.ask(settings, {"do": "status"}) == {"heard": {"do": "status"}}


def crowd(path: Path, count: int, said: bytes) -> list[socket.socket]:
    lines = []
    for _ in range(count):
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(path))
        line.settimeout(10)
        with contextlib.suppress(BrokenPipeError):  # it has had to make room already
            line.sendall(said)
        lines.append(line)
    return lines


@pytest.mark.parametrize("said", [b"", b'{"do"', b'{"do": "status"}\n'])
@pytest.mark.parametrize("count", [1, 31, 200])
def test_clients_that_are_silent_or_slow_delay_nobody(
    daemon: Path, settings: config.Config, monkeypatch: pytest.MonkeyPatch, said: bytes, count: int
) -> None:
    """Silent, in the middle of a word, or not taking their answer: others are answered at once."""
    monkeypatch.setattr(control, "ASKING_S", 60.0)
    lines = crowd(daemon, count, said)
    before = time.process_time()
    assert control.ask(settings, {"do": "status"}) == {"heard": {"do": "status"}}
    assert time.process_time() - before < 5
    for line in lines:
        line.close()


def test_a_request_has_one_deadline_however_it_trickles(
    daemon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then does not stretch it."""
    monkeypatch.setattr(control, "ASKING_S", 0.3)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(daemon))
        line.settimeout(0.02)
        with pytest.raises((BrokenPipeError, ConnectionResetError, EOFError)):
            trickle(line)


def trickle(line: socket.socket) -> None:
    for _ in range(3000):  # a minute
        line.sendall(b" ")
        with contextlib.suppress(TimeoutError):
            if line.recv(1) == b"":
                raise EOFError


def test_many_are_answered_at_a_time(settings: config.Config) -> None:
    """Sixteen wait for an answer that comes only when all have asked."""
    together = threading.Barrier(16)

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        together.wait(30)
        return request

    served = listening.Control(control.own_path(settings), handle)
    served.start()
    heard: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: heard.append(control.ask(settings, {"do": "status"})))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    served.stop()
    assert heard == [{"do": "status"}] * 16


def test_too_many_at_a_time_are_told_that_it_is_busy(settings: config.Config) -> None:
    """Where nobody who is still asking can make room, the next one gets no answer at once."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    held = lock.take(settings.state_dir / "lock")
    free = threading.Event()

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        free.wait(60)
        return request

    served = listening.Control(control.own_path(settings), handle)
    served.start()
    lines = crowd(control.own_path(settings), 64, b'{"do": "status"}\n')
    with pytest.raises(control.Busy, match="does not answer"):
        control.ask(settings, {"do": "status"})
    free.set()
    served.stop()
    assert held is not None
    os.close(held)
    for line in lines:
        line.close()


def test_a_daemon_that_does_not_answer_is_told_from_none(
    settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the lock: whoever holds it lives, with or without a socket."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with pytest.raises(control.NotRunning):
        control.ask(settings, {"do": "status"})
    held = lock.take(settings.state_dir / "lock")
    assert held is not None
    with pytest.raises(control.Busy, match=str(os.getpid())):
        control.ask(settings, {"do": "status"})
    monkeypatch.setattr(control, "_TIMEOUT_S", 0.2)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(control.own_path(settings)))
        deaf.listen(8)
        with pytest.raises(control.Busy):
            control.ask(settings, {"do": "status"})
        os.close(held)
        with pytest.raises(control.NotRunning):
            control.ask(settings, {"do": "status"})


def test_whoever_asked_to_change_something_and_left_changes_nothing(
    settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He was told that he got no answer, so nothing is done when his turn comes."""
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {}

    served = listening.Control(control.own_path(settings), answer)
    with socket.socket(socket.AF_UNIX) as line:
        with monkeypatch.context() as early:
            early.setattr(threading.Thread, "start", lambda _: None)
            served.start()  # and nobody takes a connection yet
        line.connect(str(control.own_path(settings)))
        line.sendall(b'{"do": "pause", "inbox": null}\n')
    threading.Thread(target=served._serve, daemon=True).start()
    assert control.ask(settings, {"do": "status"}) == {}
    served.stop()
    assert asked == [{"do": "status"}]

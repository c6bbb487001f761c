"""The control socket: who may ask, who may change something, and what a bad request does."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.status import control

_NOBODY = 65534
_ASK = """
import json, os, socket, sys
uid, gid, path, request = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.setgroups([])
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
        yield config.parse("inboxes: [{path: in, outbox: out}]", "f.yaml", tmp_path)


@pytest.fixture
def daemon(settings: config.Config, asked: list[dict[str, Any]]) -> Iterator[Path]:
    """A real socket whose handler repeats what it is asked."""

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"heard": request}

    path = control.own_path(settings)
    served = control.Control(path, handle)
    served.start()
    yield path
    served.stop()
    assert not path.exists()


def ask_as(uid: int, gid: int, path: Path, request: dict[str, Any]) -> Any:
    words = [str(uid), str(gid), str(path), json.dumps(request)]
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
    served = control.Control(control.own_path(settings), lambda _: {"fresh": True})
    served.start()
    assert control.ask(settings, {"do": "status"}) == {"fresh": True}
    served.stop()


def test_a_folder_with_a_long_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's name may have 107 bytes; its folder may be longer."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(deep))
    settings = config.parse("inboxes: [{path: in, outbox: out}]", "f", tmp_path)
    served = control.Control(control.own_path(settings), lambda _: {"deep": True})
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

"""Telling systemd, against a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobgd.systemd import notify


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@nobgd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name.replace("@", "\0"))
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield line


def test_each_message_is_one_datagram(systemd: socket.socket) -> None:
    """READY, STATUS, STOPPING and WATCHDOG, as sd_notify(3) has them."""
    for say, heard in (
        (notify.ready, b"READY=1"),
        (notify.stopping, b"STOPPING=1"),
        (notify.watchdog, b"WATCHDOG=1"),
        (lambda: notify.status("3 waiting · 2 working"), "STATUS=3 waiting · 2 working".encode()),
    ):
        assert say()
        assert systemd.recv(4096) == heard


def test_a_status_is_one_line_whatever_is_in_it(systemd: socket.socket) -> None:
    """A name with a newline cannot smuggle in READY=1; bytes that are no UTF-8 are escaped."""
    assert notify.status("/in/a\nREADY=1 \udce9")
    heard = systemd.recv(4096)
    assert heard == b"STATUS=/in/a READY=1 \\udce9"


def test_reloading_and_its_time_are_one_datagram(systemd: socket.socket) -> None:
    """The time is the monotonic clock's, in microseconds, of just now."""
    before = time.monotonic_ns() // 1000
    assert notify.reloading()
    first, second = systemd.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) <= time.monotonic_ns() // 1000


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No socket named, or one that nobody listens on: the daemon goes on."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify.ready()


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("60000000", None, 60.0),
        ("60000000", "mine", 60.0),
        ("60000000", "1", None),
        (None, None, None),
        ("soon", None, None),
    ],
)
def test_who_is_watched(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, seconds: float | None
) -> None:
    """The process that systemd names, and nobody who inherited its environment."""
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, str(os.getpid()) if value == "mine" else value)
    assert notify.watchdog_s() == seconds

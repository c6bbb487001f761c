"""Showing metrics: the file, the port, and what is said when they cannot be had."""

from __future__ import annotations

import errno
import os
import queue
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobgd.metrics.port import Port, refusal, unreachable
from nobgd.metrics.textfile import TextFile


@pytest.fixture
def port() -> Iterator[Port]:
    open_port = Port(0, lambda: b"nobgd_lanes 2\n", "text/plain; version=0.0.4")
    yield open_port
    open_port.stop()


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing but the file is left, and what was handed over is there after `stop`."""
    said: list[str] = []
    file = TextFile(str(tmp_path / "nobgd.prom"), said.append)
    file.write(lambda: b"old 1\n")
    file.write(lambda: b"new 2\n")
    file.stop()
    assert [each.name for each in tmp_path.iterdir()] == ["nobgd.prom"]
    assert (tmp_path / "nobgd.prom").read_bytes() == b"new 2\n"
    assert not said


def test_a_folder_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    """The sentence names the folder; the daemon goes on."""
    said: list[str] = []
    file = TextFile(str(tmp_path / "gone/nobgd.prom"), said.append)
    for _ in range(3):
        file.write(lambda: b"x 1\n")
    file.stop()
    assert len(said) == 1
    assert said[0].startswith("metrics.textfile: ")
    assert str(tmp_path / "gone") in said[0]


def test_the_port_answers_metrics_and_nothing_else(port: Port) -> None:
    """GET /metrics is answered with the right type; other paths are 404."""
    base = f"http://127.0.0.1:{port.number}"
    with urllib.request.urlopen(f"{base}/metrics", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert answer.read() == b"nobgd_lanes 2\n"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{base}/", timeout=60)
    assert refused.value.code == 404
    refused.value.close()


def test_the_port_listens_on_the_loopback_device_only(port: Port) -> None:
    """Another address of this machine, loopback too, is not listened on."""
    with socket.socket() as line:
        line.settimeout(2)
        assert line.connect_ex(("127.0.0.2", port.number)) == errno.ECONNREFUSED


def test_a_daemon_that_does_not_answer_is_503() -> None:
    """A loop that is stuck is told to whoever asks."""

    def stuck() -> bytes:
        raise TimeoutError

    port = Port(0, stuck, "text/plain")
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port.number}/metrics", timeout=60)
        assert refused.value.code == 503
        refused.value.close()
    finally:
        port.stop()


def test_a_port_in_use_is_a_sentence(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the address and the way out; under systemd that may be the drop-in."""
    with pytest.raises(OSError, match="in use") as caught:
        Port(port.number, lambda: b"", "text/plain")
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    assert "127.0.0.1:9787: Address already in use; choose another" in refusal(9787, caught.value)
    monkeypatch.setenv("INVOCATION_ID", "x")
    assert "nobgd unit" in refusal(9787, OSError(errno.EAFNOSUPPORT, "not supported"))


def test_a_network_of_its_own_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only under systemd, and only where the loopback device is the only one."""
    devices = tmp_path / "dev"
    devices.write_text("Inter-| Receive\n face |bytes\n    lo: 1 2 3\n")
    monkeypatch.setenv("INVOCATION_ID", "x")
    assert "PrivateNetwork" in str(unreachable(str(devices)))
    devices.write_text("    lo: 1 2 3\n  eth0: 1 2 3\n")
    assert unreachable(str(devices)) is None
    devices.write_text("    lo: 1 2 3\n")
    monkeypatch.delenv("INVOCATION_ID")
    assert unreachable(str(devices)) is None


def test_nothing_is_written_onto_a_bare_mount_point(tmp_path: Path) -> None:
    """Said once, and once when the share is back; temps that a kill left are swept."""
    share = tmp_path / "share"
    share.mkdir()
    mount = ["mount", "-t", "tmpfs", "nobgd-test", str(share)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    try:
        (share / ".nobgd-0123456789abcdef.tmp").write_text("cut short")
        (share / "sub").mkdir()
        file = TextFile(str(share / "nobgd.prom"), said.put)
        assert file._write(b"one\n") == ""
        assert sorted(os.listdir(share)) == ["nobgd.prom", "sub"]
        subprocess.run(["umount", str(share)], check=True)
        file.write(lambda: b"two\n")
        assert "no longer mounted" in said.get(timeout=20)
        file.write(lambda: b"two\n")
        assert os.listdir(share) == []
        subprocess.run(mount, check=True)
        file.write(lambda: b"three\n")
        assert said.get(timeout=20) == ""
        file.stop()
        assert (share / "nobgd.prom").read_text() == "three\n"
    finally:
        while os.path.ismount(share):
            subprocess.run(["umount", "-l", str(share)], check=True)


def test_a_link_in_its_place_is_replaced(tmp_path: Path) -> None:
    """And what it points at is left alone."""
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "nobgd.prom").symlink_to(tmp_path / "kept")
    file = TextFile(str(tmp_path / "nobgd.prom"), lambda _: None)
    assert file._write(b"text\n") == ""
    file.stop()
    assert (tmp_path / "kept").read_text() == "kept"
    assert not (tmp_path / "nobgd.prom").is_symlink()

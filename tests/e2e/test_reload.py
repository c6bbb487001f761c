"""SIGHUP with a real daemon that systemd listens to: what is said, and what goes on."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """What the daemon has told systemd since the start."""
    said: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

        def listen() -> None:  # as systemd does: else the queue fills, and the daemon waits
            while (datagram := line.recv(8192)) != b"end":
                said.append(datagram.decode())

        thread = threading.Thread(target=listen)
        thread.start()
        yield lambda: said
        line.sendto(b"end", str(tmp_path / "notify"))
        thread.join()


def drop(photo: Path, target: Path, width: int) -> None:
    with Image.open(photo) as picture:
        picture.resize((width, 200)).save(target)


def test_good_bad_and_impossible(
    daemon: Callable[..., Any], photo: Path, systemd: Callable[[], list[str]]
) -> None:
    """RELOADING and READY each time; what cannot be is refused, and photos go on being done."""
    d = daemon().start()
    assert d.process is not None
    good = json.loads(d.config.read_text())

    def reload(**changes: Any) -> None:
        d.config.write_text(json.dumps({**good, **changes}))
        d.process.send_signal(signal.SIGHUP)

    reload(workers={"cuont": 1})
    d.until(lambda: len(d.events("service.reload_refused")) == 1)
    assert "did you mean count" in d.events("service.reload_refused")[0]["reason"]
    d.until(lambda: any("reload refused" in each for each in systemd()))
    drop(photo, d.inbox / "a.jpg", 300)
    d.await_done(1)

    reload(model={"name": "u2netp", "directory": "nowhere", "precision": "int8"})
    d.until(lambda: len(d.events("service.reload_refused")) == 2)
    drop(photo, d.inbox / "b.jpg", 301)
    d.await_done(2)

    reload(workers={"count": 1}, watch={"settle_s": 0.3})
    d.until(lambda: d.events("service.reloaded"))
    assert d.events("service.reloaded")[0]["changed"] == ["inboxes", "watch", "workers"]
    drop(photo, d.inbox / "c.jpg", 302)
    d.await_done(3)
    assert d.events("service.reloaded")[0]["needs_restart"] == []
    assert json.loads(d.verb("status", "--json").stdout)["lane_count"] == 1
    (d.root / "prom").mkdir()
    reload(metrics={"textfile": "prom/nobgd.prom"})
    d.until(lambda: len(d.events("service.reloaded")) == 2)
    assert d.events("service.reloaded")[1]["needs_restart"] == ["unit"]
    assert d.stop() == 0

    told = systemd()
    states = [each.split("=")[0] for each in told if each[:5] in ("READY", "RELOA", "STOPP")]
    assert states == ["READY", *["RELOADING", "READY"] * 4, "STOPPING"]
    assert all("\nMONOTONIC_USEC=" in each for each in told if each.startswith("RELOADING"))
    assert "WATCHDOG=1" in told
    lines = [each for each in told if each.startswith("STATUS=") and "waiting" in each]
    assert any(f"{d.inbox}: inotify (" in each for each in lines)
    assert "reload refused" not in lines[-1]


def test_metrics_and_share_control_come_with_a_reload(
    daemon: Callable[..., Any], photo: Path, tmp_path: Path
) -> None:
    """Nothing that can be configured needs a restart, but for the folders of state and cache."""
    d = daemon().start()
    assert d.process is not None
    good = json.loads(d.config.read_text())
    (tmp_path / "prom").mkdir()
    good["metrics"] = {"textfile": "prom/nobgd.prom"}
    good["inboxes"][0]["share_control"] = True
    d.config.write_text(json.dumps(good))
    d.process.send_signal(signal.SIGHUP)
    d.until(lambda: d.events("service.reloaded"))
    assert d.events("service.reloaded")[0]["needs_restart"] == []
    d.until(lambda: (tmp_path / "prom/nobgd.prom").exists())
    (d.inbox / "_PAUSE").touch()
    d.until(lambda: d.events("inbox.paused"))
    shutil.copy(photo, d.inbox / "a.jpg")
    (d.inbox / "_PAUSE").unlink()
    d.await_done(1)

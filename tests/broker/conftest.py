"""A real broker in a folder, on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ports
from nobgd import config
from nobgd.broker import acts, server
from nobgd.broker import folder as folders
from nobgd.broker.folder import Folder

WAIT_S = 60.0
_READ = "Reloaded server configuration"


class Broker:
    """Its configuration, its folder, and the process that reads it."""

    def __init__(self, base: Path) -> None:
        port = ports.free()
        self.base = base
        file = base / "nobgd.yaml"
        file.write_text(
            f"state_dir: state\ncluster: {{listen: 'tls://127.0.0.1:{port}'}}\n"
            "inboxes: [{path: in, outbox: out}]\n"
        )
        self.config = config.load(file)
        self.setup = acts.set_up(self.config, ["127.0.0.1", "nas.lan"])
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Folder:
        """As the code under test finds it."""
        return folders.of(self.config)

    @property
    def log(self) -> str:
        """What it said."""
        return (self.base / "log").read_text()

    def start(self) -> None:
        """And wait until it has written its number, which it does when it listens."""
        program = server.find()
        assert program is not None
        with open(self.base / "log", "ab") as log:
            self.process = subprocess.Popen(
                [program, "-c", str(self.folder.conf)], stdout=log, stderr=log
            )
        until = time.monotonic() + WAIT_S
        while "Server is ready" not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """It reads its files a moment after an act told it to; this waits until it has."""
        before = self.log.count(_READ)
        yield
        until = time.monotonic() + WAIT_S
        while self.log.count(_READ) == before:
            assert time.monotonic() < until, self.log
            time.sleep(0.01)

    def stop(self) -> None:
        """For good."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One that runs, for all tests of a module."""
    if (wrong := server.wrong()) is not None:
        pytest.skip(wrong)
    found = Broker(tmp_path_factory.mktemp("broker"))
    os.makedirs(found.base / "in")
    found.start()
    yield found
    found.stop()

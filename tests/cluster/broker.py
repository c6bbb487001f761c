"""A real broker with a CA of its own, and workers of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ports
from nobgd import config
from nobgd.broker import acts
from nobgd.cluster import join
from nobgd.fs import whole

OLDEST = (2, 12, 7)
PATIENCE_S = 60.0
TESTS = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])


def lacking() -> str | None:
    """Why there can be no broker here; None: there can."""
    server = shutil.which("nats-server")
    if server is None:
        return "there is no nats-server on PATH"
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in said.strip().rpartition("v")[2].split("-")[0].split("."))
    if version < OLDEST:
        return f"{said.strip()} is older than {'.'.join(map(str, OLDEST))}"
    return None


def await_true(what: Any, limit_s: float = PATIENCE_S) -> None:
    """What is waited for is another process."""
    until = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > until:
            pytest.fail(f"not within {limit_s:.0f} s: {what.__doc__ or what}")
        time.sleep(0.05)


class Broker:
    """nats-server on a free port of this machine, as `nobgd cluster` sets it up."""

    def __init__(self, root: Path, *hosts: str, address: str = "127.0.0.1") -> None:
        self.root, self.address = root, address
        root.mkdir(exist_ok=True)
        self.port = ports.free(address)
        self.process: subprocess.Popen[bytes] | None = None
        settings = {
            "state_dir": "state", "cache_dir": "cache", "inboxes": [{"path": "i", "outbox": "o"}],
            "cluster": {"listen": f"tls://{address}:{self.port}"},
        }  # fmt: skip
        self.config = config.parse(json.dumps(settings), str(root / "nobgd.yaml"), root)
        self.folder = acts.set_up(self.config, [address]).folder
        self.home = acts.home_join(self.config)
        for host in hosts:
            self.invite(host)

    def invite(self, host: str) -> None:
        made, _ = acts.invite(self.config, host, role="worker", again=False)
        join.write(self.root / f"{host}.join", made)

    def start(self) -> Broker:
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["nats-server", "-c", str(self.folder.conf)], stdout=log, stderr=log
            )
        await_true(self._listens)
        return self

    def _listens(self) -> bool:
        with socket.socket() as asked:
            return asked.connect_ex((self.address, self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """All that it has stored."""
        shutil.rmtree(self.folder.store, ignore_errors=True)


class Worker:
    """`nobgd worker` with one inference at a time; with ``sleep_s`` its model only sleeps."""

    def __init__(
        self, broker: Broker, host: str, cache: Path, *, sleep_s: float | None = None,
        channel: int = 0, within: tuple[str, ...] = (), program: str = "", **keys: Any,
    ) -> None:  # fmt: skip
        self.host = host
        self._program = program or ("nobgd" if sleep_s is None else "cluster.sleeper")
        # real inferences by one thread, as those of home
        self._core = [*within, *(["taskset", "-c", "0"] if sleep_s is None else [])]
        self._sleep = broker.root / f"{host}.sleep"
        self.sleeps(sleep_s or 0.0)
        self._environment = {
            **os.environ, "SLEEP_FILE": str(self._sleep), "PYTHONPATH": TESTS,
            "CHANNEL": str(channel), "RAW": "1",
        }  # fmt: skip
        self.log = broker.root / f"{host}.log"
        values = {"join": f"{host}.join", "lanes": 1, "cache_dir": str(cache), **keys}
        self.file = broker.root / f"{host}.yaml"
        self.file.write_text(json.dumps(values))
        self.process: subprocess.Popen[bytes] | None = None

    def sleeps(self, seconds: float) -> None:
        """For each picture from the next one on."""
        whole.write(self._sleep, str(seconds).encode())

    def start(self, *words: str) -> Worker:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._core, sys.executable, "-m", self._program, "worker", "--join",
                 str(self.file), *words],
                stdout=log, stderr=log, start_new_session=True, env=self._environment,
            )  # fmt: skip
        return self

    def signal(self, number: int) -> None:
        """To the worker and its model process."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

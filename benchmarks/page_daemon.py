"""A daemon with a page, as the benchmarks of the API need one."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from benchmarks.part import Bench
from benchmarks.processes import children, words

LONGEST_S = 300.0


class Daemon:
    """`nobgd run` with a page."""

    def __init__(self, bench: Bench, home: Path, model: str = "u2net") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.inbox, self.out, self.state = home / "in", home / "out", home / "state"
        for folder in (self.inbox, self.out, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        self.log, self.config = home / "log", home / "nobgd.yaml"
        weights = {"directory": str(bench.weights)} if model == "u2net" else {"name": model}
        settings = {
            "model": weights, "state_dir": str(self.state),
            "cache_dir": str(bench.work / "web-cache"),
            "log": {"file": str(self.log)},
            "web": {"listen": f"127.0.0.1:{self.port}"},
            "inboxes": [{
                "path": str(self.inbox), "outbox": str(self.out), "watch": {"settle_s": 0},
            }],
        }  # fmt: skip
        self.config.write_text(json.dumps(settings))
        self.log.touch()
        self.pid = 0

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        """It runs, and its page answers."""
        command = [sys.executable, "-m", "nobgd", "run", "-c", str(self.config)]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.pid = daemon.pid
        try:
            until(lambda: b"service.ready" in self.log.read_bytes(), "the daemon")
            until(self._answers, "the page")
            yield self
        finally:
            daemon.terminate()
            daemon.wait()

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/api/v1/session")[0] == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_S)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            with contextlib.suppress(BrokenPipeError):  # it has answered before the end
                line.request(method, path, body, named)
            answer = line.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            line.close()

    @cached_property
    def token(self) -> str:
        """One that may hand in and look; made when it is first asked for."""
        words = ["web", "token", "add", "bench", "--scope", "submit,look", "-c", str(self.config)]
        command = [sys.executable, "-m", "nobgd", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def link(self) -> str:
        """For a browser, good once."""
        command = [sys.executable, "-m", "nobgd", "web", "open", "-c", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def page_mb(self) -> float:
        """PSS of the process that serves the page."""
        (page,) = (pid for pid in children(self.pid) if b"nobgd\0web" in words(pid))
        rollup = Path(f"/proc/{page}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


def until(what: Callable[[], object], name: str) -> None:
    """Wait for another process, with a limit."""
    end = time.monotonic() + LONGEST_S
    while not what():
        if time.monotonic() > end:
            sys.exit(f"{name}: not within {LONGEST_S:.0f} s")
        time.sleep(0.005)

"""A house with a page: what its rows ask of it, and which processes serve it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ports
from faults.house import House, Stuck, until

PATIENCE_S = 180.0


class Paged(House):
    """`nobgd run` with `web:` on a free port of loopback."""

    def __init__(self, root: Path, cache: Path, **settings: Any) -> None:
        self.port = ports.free()
        web = {"listen": f"127.0.0.1:{self.port}"}
        super().__init__(root, cache, web=web, **settings)
        self.home = self.state / "web"
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> Paged:
        """Start it; daemon and page answer when this returns."""
        super().start()
        until(self.answers, PATIENCE_S, "the page answers")
        return self

    def __enter__(self) -> Paged:
        return self.start()

    def answers(self) -> bool:
        """Whether the page is there."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/api/v1/session")[0] == 200
        return False

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body.  Raises OSError, HTTPException where it was cut short."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request(method, path, body, named)
            found = line.getresponse()
            return found.status, found.read()
        finally:
            line.close()

    def verb(self, *words: str) -> str:
        """What `nobgd web …` says."""
        command = [sys.executable, "-m", "nobgd", "web", *words, "-c", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def status(self, key: str) -> dict[str, Any]:
        """As the page tells it."""
        found: dict[str, Any] = json.loads(self.ask("GET", "/api/v1/status", X_Api_Key=key)[1])
        return found

    def servers(self) -> list[int]:
        """The processes that serve this page."""
        return [
            pid
            for pid, words in processes()
            if b"--minded" in words and os.fsencode(self.config) in words
        ]

    def left(self) -> list[str]:
        """Temporary files of uploads that were cut short, once they had time to leave."""
        with contextlib.suppress(Stuck):
            until(lambda: not self.temps(), 20, "temporary files leave")
        return [f"left behind: {path.name}" for path in self.temps()]

    def temps(self) -> list[Path]:
        """What is being received."""
        return list(self.home.glob("in/*/.nobgd*"))

    def kill_servers(self) -> int:
        """SIGKILL to each; how many there were."""
        return sum(map(killed, self.servers()))


def processes() -> Iterator[tuple[int, list[bytes]]]:
    """Every process of this machine, and its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "cmdline").read_bytes().split(b"\0")


def killed(pid: int) -> bool:
    """SIGKILL; False where there is none of that number any more."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def memory_mb(pid: int) -> float:
    """The most memory that a process has had (VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024

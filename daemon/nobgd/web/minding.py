"""`nobgd run` in the foreground starts the web process and starts it again when it ends.

Under systemd it does not: the daemon has no network there, and a socket unit starts the page.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from nobgd.config import Config, webbing
from nobgd.web import sessions

_NEEDED = ("starlette", "uvicorn", "python_multipart")
_AGAIN_S = (1.0, 60.0)
_ENDING_S = 15.0
_NOT_AGAIN = 2  # usage, or what starting again does not mend
MISSING = "web: needs more packages: pip install 'nobgd[web]'; there is no page until then"


def missing() -> bool:
    """Whether the extra [web] is not installed."""
    return any(importlib.util.find_spec(name) is None for name in _NEEDED)


class Minder:
    """One thread and one child."""

    def __init__(self, config: Config, path: Path, say: Callable[[str], None]) -> None:
        self._config = config
        self._path = path
        self._say = say
        self._ended = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._mind, name="web", daemon=True)

    def start(self) -> None:
        """Start it, where it can be."""
        if self._config.web is None or "NOTIFY_SOCKET" in os.environ:
            return
        if missing():
            self._say(MISSING)
            return
        self._thread.start()

    def stop(self) -> None:
        """End it; it sees that its stdin ends."""
        self._ended.set()
        child = self._child
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_ENDING_S)
            if child.poll() is None:
                child.kill()

    def _mind(self) -> None:
        pause = _AGAIN_S[0]
        while not self._ended.is_set():
            command = [sys.executable, "-m", "nobgd", "web", "--minded", "-c", str(self._path)]
            try:
                self._child = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                self._say(f"the page cannot be started: {error}")
                return
            code = self._child.wait()
            if self._ended.is_set() or code == _NOT_AGAIN:
                return
            self._say(f"the page ended ({code}) and is started again in {pause:g} s")
            self._ended.wait(pause)
            pause = min(2 * pause, _AGAIN_S[1])


def link(config: Config, url: str) -> str:
    """A link for a browser on this machine, good once.  Raises OSError."""
    return f"{url}#key={sessions.new_link(webbing.sessions(config))}"

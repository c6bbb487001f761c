"""On a terminal `nobgd run`, and so `make run`, prints a link that lets a browser in."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from e2e.conftest import PATIENCE_S, await_true
from web.conftest import Page

_LINK = re.compile(rb"(http://127\.0\.0\.1:\d+/)#key=([\w-]+)")


def _read_until_link(terminal: int) -> re.Match[bytes]:
    said, until = b"", time.monotonic() + PATIENCE_S
    while (found := _LINK.search(said)) is None or not said[found.end() :]:
        ready, _, _ = select.select([terminal], [], [], max(0, until - time.monotonic()))
        assert ready, said
        said += os.read(terminal, 4096)
    return found


def test_the_link_is_printed_and_opens_the_page(tmp_path: Path, cache: Path) -> None:
    """Once; the session that it gives may see everything."""
    page = Page(tmp_path, cache)
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "nobgd", "run", "-c", str(page.config)]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    try:
        address, key = _read_until_link(terminal).groups()
        assert address.decode() == f"http://127.0.0.1:{page.port}/"
        await_true(page.answers)
        entered = page.ask("POST", "/api/v1/session", json.dumps({"key": key.decode()}))
        assert entered.status == 204
        pair = entered.headers["set-cookie"].partition(";")[0]
        told = page.ask("GET", "/api/v1/session", Cookie=pair).json
        assert set(told["scopes"]) == {"submit", "look", "review", "steer"}
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE_S)
        os.close(terminal)


def test_the_configuration_of_make_run_has_the_page() -> None:
    """What `make run` makes nobgd.yaml of."""
    text = (Path(__file__).parents[2] / "config/nobgd.yaml").read_text()
    assert re.search(r"^web: ", text, re.MULTILINE)

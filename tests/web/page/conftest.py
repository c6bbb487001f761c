"""Debian's Chromium, driven by Playwright; skipped, and said so, where it is not installed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from web.conftest import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
PATIENCE_MS = 100_000.0  # three test processes may share two slow cores
Open = Callable[..., Any]
HUES = {"light": "light", "dark": "dark", "phone": "light"}


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, as its package for Python brings it."""
    import axe_playwright_python

    (found,) = Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")
    return found.read_text()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visits(chromium: Any, page: Page) -> Iterator[Open]:
    """A new browser profile's tab on the page, let in by a link; all that it asked is noted."""
    opened: list[Any] = []

    def visit(*, known: bool = True, **how: Any) -> Any:
        context = chromium.new_context(**{"locale": "en-GB", **how})
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        tab = context.new_page()
        tab.asked, tab.wrong = [], []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
        tab.on("console", lambda said: tab.wrong.append(said.text) if said.type == "error" else 0)
        made = page.verb("open") if known else None
        tab.goto(made.stdout.strip() if made else f"http://127.0.0.1:{page.port}/")
        if known:
            tab.wait_for_selector("#nav:not([hidden])")
        return tab

    yield visit
    for context in opened:
        context.close()


def violations(tab: Any, axe: str) -> list[Any]:
    """What axe finds in a tab; by the debugger, as the page's policy lets no script in."""
    line = tab.context.new_cdp_session(tab)
    line.send("Runtime.evaluate", {"expression": axe})
    found = line.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run().then(r => JSON.stringify(r.violations.map("
            "v => [v.id, v.nodes.map(n => n.html)])))",
            "awaitPromise": True,
        },
    )
    line.detach()
    return list(json.loads(found["result"]["value"]))


def dragged(tab: Any, *paths: Path) -> Callable[[], None]:
    """Files held over a tab as from the system; calling what is returned lets go of them there."""
    line = tab.context.new_cdp_session(tab)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}

    def send(kind: str) -> None:
        line.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data})

    tab.wait_for_selector(".zone")
    for kind in ("dragEnter", "dragOver", "dragOver"):
        send(kind)
        tab.wait_for_selector("body.over")  # it falls where the page has said that it takes it

    def let_go() -> None:
        send("drop")
        line.detach()

    return let_go


def dropped(tab: Any, *paths: Path) -> None:
    """Files dropped on a tab as from the system: the event is trusted."""
    dragged(tab, *paths)()

"""The pictures of the page in docs: ``PYTHONPATH=tests python -m web.page.screenshots [FOLDER]``.

A real daemon with u2net, whose weights `make setup` has fetched, and photos of models/calibration;
they are dropped, judged and painted over as a person would do it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from web.conftest import Page
from web.page.conftest import CHROMIUM, dropped

ROOT = Path(__file__).parents[3]
PHOTOS = ("cat", "bison", "coffee", "panda", "chameleon", "duck", "kangaroo", "moose", "lemur",
          "owl", "africa", "charminar")  # fmt: skip
_WIDE = {"viewport": {"width": 1180, "height": 780}}
_PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}
_PATIENCE_MS = 200_000


def main(into: Path) -> None:
    """Write them."""
    from playwright.sync_api import sync_playwright

    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as driver:
        root = Path(work)
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = Page(root, root / "cache", model="u2net").start()
        try:
            walk(page, browser, into, root)
        finally:
            page.daemon.stop()


def walk(page: Page, browser: Any, into: Path, root: Path) -> None:
    """Every screen, once as it is met first."""

    def opened(**how: Any) -> Any:
        context = browser.new_context(**{"locale": "en-GB", "bypass_csp": True, **how})
        context.set_default_timeout(_PATIENCE_MS)
        tab = context.new_page()
        tab.goto(page.verb("open").stdout.strip())
        tab.wait_for_selector(".zone")
        return tab

    def shot(tab: Any, name: str) -> None:
        tab.wait_for_load_state("networkidle") if False else tab.wait_for_timeout(900)
        tab.screenshot(path=into / f"{name}.png")

    tab = opened(**_WIDE)
    shot(tab, "empty")
    names = [ROOT / f"models/calibration/{each}.jpg" for each in PHOTOS]
    (root / "cut-short.jpg").write_bytes(names[0].read_bytes()[:9000])
    dropped(tab, *names[2:], root / "cut-short.jpg", *names[:2])
    tab.wait_for_selector(".card[data-state=working], .card[data-state=waiting]")
    shot(tab, "working")
    tab.wait_for_function("document.querySelectorAll('.card[data-state=done]').length >= 12")
    tab.wait_for_selector(".card[data-state=quarantined]")
    tab.wait_for_function(_LOADED)
    shot(tab, "photos")
    _photo(tab, "cat")
    tab.locator(".viewer input[type=range]").fill("50")
    shot(tab, "photo")
    _reviewed(tab, shot)
    tab.evaluate("location.hash = '#/history'")
    tab.wait_for_selector(".report > *")
    shot(tab, "history")
    tab.evaluate("location.hash = '#/settings'")
    tab.wait_for_selector(".boxes li")
    shot(tab, "settings")
    dark = opened(**_WIDE, color_scheme="dark", locale="zh-CN")
    dark.wait_for_function(_LOADED)
    shot(dark, "photos-dark-zh-CN")
    _photo(dark, "cat")
    dark.locator(".viewer input[type=range]").fill("50")
    shot(dark, "photo-dark-zh-CN")
    _phone(opened(**_PHONE), shot)


_LOADED = """[...document.querySelectorAll('.card[data-state=done] img')].slice(0, 8)
  .every(each => each.complete && each.naturalWidth)"""


def _photo(tab: Any, name: str) -> None:
    tab.locator(".card .name", has_text=name).click()
    tab.wait_for_selector(".facts dd")
    tab.wait_for_function("document.querySelector('img.after').naturalWidth > 0")


def _reviewed(tab: Any, shot: Callable[[Any, str], None]) -> None:
    tab.evaluate("location.hash = '#/'")
    tab.get_by_role("button", name="Doubtful").click()
    tab.wait_for_timeout(500)
    shot(tab, "doubtful")
    if tab.locator(".card[data-review=open] .name").count():
        tab.locator(".card[data-review=open] .name").first.click()
        tab.wait_for_function("document.querySelector('img.after').naturalWidth > 0")
        shot(tab, "review")
        tab.keyboard.press("e")
        tab.wait_for_selector("canvas.strokes")
        shot(tab, "touch")
        tab.keyboard.press("Escape")


def _phone(tab: Any, shot: Callable[[Any, str], None]) -> None:
    tab.wait_for_function(_LOADED)
    shot(tab, "phone")
    _photo(tab, "cat")
    shot(tab, "phone-photo")
    tab.evaluate("scrollTo(0, 600)")
    shot(tab, "phone-photo-below")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/page")

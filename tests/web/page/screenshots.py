"""The pictures of the page in docs: ``PYTHONPATH=tests python -m web.page.screenshots [FOLDER]``.

A real daemon with u2net, whose weights `make setup` has fetched, and photos of models/calibration;
they are dropped, judged and painted over as a person would do it.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

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
        tab.mouse.move(0, 0)
        tab.wait_for_timeout(900)  # what fades in is there
        data = tab.screenshot()
        with Image.open(io.BytesIO(data)) as picture:  # a third of the size, and as good to read
            few = picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=3)
            few.save(into / f"{name}.png", optimize=True)

    tab = opened(**_WIDE)
    names = [ROOT / f"models/calibration/{each}.jpg" for each in PHOTOS]
    (root / "cut-short.jpg").write_bytes(names[0].read_bytes()[:9000])
    dropped(tab, *names[2:], root / "cut-short.jpg", *names[:2])
    tab.wait_for_function("document.querySelectorAll('.card[data-state=done]').length >= 12")
    tab.wait_for_selector(".card[data-state=quarantined]")
    tab.wait_for_function(_LOADED)
    tab.wait_for_selector("#state.idle")
    shot(tab, "photos")
    _photo(tab, "cat")
    tab.locator(".viewer input[type=range]").fill("50")
    shot(tab, "photo")
    _reviewed(tab, shot)
    tab.evaluate("location.hash = '#/history'")
    tab.wait_for_selector(".report > *")
    shot(tab, "history")
    dark = opened(**_WIDE, color_scheme="dark", locale="zh-CN")
    dark.wait_for_function(_LOADED)
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
    """The first of the doubtful; then the editor, with a stroke of each kind."""
    tab.evaluate("location.hash = '#/'")
    tab.get_by_role("button", name="Doubtful").click()
    tab.locator(".card[data-review=open] .name", has_text="owl").click()
    tab.wait_for_function("document.querySelector('img.after').naturalWidth > 0")
    shot(tab, "review")
    tab.keyboard.press("e")
    box = tab.locator("canvas.strokes").bounding_box()
    for kind, x, y in (("Remove", 0.72, 0.8), ("Keep", 0.62, 0.3)):
        tab.get_by_role("button", name=kind, exact=True).click()
        tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        tab.mouse.down()
        tab.mouse.move(box["x"] + x * box["width"], box["y"] + (y + 0.12) * box["height"], steps=9)
        tab.mouse.up()
    shot(tab, "touch-up")
    tab.keyboard.press("Escape")


def _phone(tab: Any, shot: Callable[[Any, str], None]) -> None:
    tab.wait_for_function(_LOADED)
    shot(tab, "phone")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/page")

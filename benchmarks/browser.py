"""What a person sees of the page, in Debian's Chromium: paint, a thousand photos, news, review.

Times are the browser's own clock; a photo's row is compared with the time stamp of its log line.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.page_daemon import Daemon, until
from benchmarks.part import Bench, Verdict, at_least, at_most

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
_WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True,
}  # fmt: skip
_SLOWER = 4  # how much slower a phone's processor is taken to be
_PATIENCE_MS = 900_000.0
_WATCH = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });
window.rows = {};
new MutationObserver(() => {
  for (const card of document.querySelectorAll(".card[data-state=done]")) {
    window.rows[card.querySelector(".name").textContent] ??= Date.now();
  }
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
window.turned = (before) => new Promise((good) => {
  const began = performance.now();
  const look = () => {
    const picture = document.querySelector("img.after");
    const there = location.hash !== before && picture?.complete && picture.naturalWidth > 0
      && picture.src.includes(location.hash.split("/")[2]) && !picture.closest(".loading");
    if (there || performance.now() - began > 20000) good(performance.now() - began);
    else requestAnimationFrame(look);
  };
  look();
});
"""


def measure(bench: Bench) -> dict[str, Any]:
    """All of it, with the small model: the page is what is measured; {} without Chromium."""
    if _CHROMIUM is None:
        bench.say("there is no chromium: what a browser sees is left out")
        return {}
    from playwright.sync_api import sync_playwright

    many, news, judged, large = (8, 2, 2, 2) if bench.short else (1000, 20, 30, 199)
    found: dict[str, Any] = {}
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=flags)
        with Daemon(bench, bench.work / "browser", model="u2netp").running() as daemon:
            found["paint_ms"] = _paint(browser, daemon, 1, **_WIDE)
            found["phone_paint_ms"] = _paint(browser, daemon, _SLOWER, **_PHONE)
            bench.say(f"first paint: {found}")
            found["news_ms"] = _news(browser, daemon, bench.work, news, heard=True)
            found["polled_ms"] = _news(browser, daemon, bench.work, news // 2, heard=False)
            bench.say(f"log to row: {found['news_ms']:.0f} ms, polled {found['polled_ms']:.0f}")
            found |= _reviewed(browser, daemon, bench.work, judged)
            bench.say(f"key to next picture: p95 {found['review_p95_ms']:.0f} ms")
            found |= _dropped(browser, daemon, bench.work, many)
            bench.say(f"{many} dropped: {found}")
            found |= _large(browser, daemon, bench.work, large)
        browser.close()
    return found


@contextlib.contextmanager
def _opened(browser: Any, daemon: Daemon, *, slower: int = 1, **how: Any) -> Iterator[Any]:
    """A tab of a new profile on the page, let in by a link."""
    context = browser.new_context(bypass_csp=True, **how)  # for what is watched, not for the page
    context.set_default_timeout(_PATIENCE_MS)
    context.add_init_script(_WATCH)
    tab = context.new_page()
    if slower > 1:
        line = context.new_cdp_session(tab)
        line.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    try:
        tab.goto(daemon.link())
        tab.wait_for_selector("#nav:not([hidden])")
        yield tab
    finally:
        context.close()


def _paint(browser: Any, daemon: Daemon, slower: int, **how: Any) -> float:
    """Milliseconds to the first contentful paint; the median of five visits."""
    times: list[float] = []
    for _ in range(5):
        with _opened(browser, daemon, slower=slower, **how) as tab:
            times.append(tab.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            ))  # fmt: skip
    return statistics.median(times)


def _news(browser: Any, daemon: Daemon, work: Path, count: int, *, heard: bool) -> float:
    """Milliseconds from a photo's line in the log to its row, p95."""
    late = []
    with _opened(browser, daemon, **_WIDE) as tab:
        if not heard:
            tab.context.route("**/api/v1/events", lambda route: route.abort())
            tab.reload()
            tab.wait_for_selector("#nav:not([hidden])")
        for number in range(count):
            name = f"news-{heard}-{number}.jpg"
            data = _noise(work, name, number).read_bytes()
            daemon.ask("POST", f"/api/v1/cutout?name={name}", data)
            tab.wait_for_function("name => window.rows[name]", arg=name)
            shown = tab.evaluate("name => window.rows[name]", name)
            late.append(max(0.0, shown - _said_ms(daemon, name.removesuffix(".jpg"))))
            time.sleep(0.05 * (number % 7))  # at another moment between two polls
    return _p95(late)


def _said_ms(daemon: Daemon, name: str) -> float:
    """When the log said that a photo is done, in milliseconds since the epoch."""
    for line in reversed(daemon.log.read_bytes().splitlines()):
        event = json.loads(line)
        if event["event"] == "photo.done" and f"/{name}~" in event["source"]:
            return datetime.fromisoformat(event["timestamp"]).timestamp() * 1000
    raise LookupError(name)


def _reviewed(browser: Any, daemon: Daemon, work: Path, count: int) -> dict[str, float]:
    """Milliseconds from the key that judges to the next picture."""
    for number in range(count + 1):
        data = _noise(work, f"fog-{number}.jpg", 500 + number, size=(1600, 1200)).read_bytes()
        daemon.ask("POST", f"/api/v1/cutout?name=fog-{number}.jpg", data)
    took = []
    with _opened(browser, daemon, **_WIDE) as tab:
        tab.locator(".tabs button").nth(3).click()
        fogs = tab.locator(".card[data-review=open]")
        fogs.nth(count).wait_for()
        fogs.first.locator(".name").click()
        tab.wait_for_function("document.querySelector('img.after')?.naturalWidth > 0")
        time.sleep(3.0)  # the first is looked at, before keys are known
        for _ in range(count):
            time.sleep(1.0)  # nobody judges faster
            before = tab.evaluate("location.hash")
            turned = tab.evaluate_handle("before => ({ done: window.turned(before) })", before)
            tab.keyboard.press("x")
            took.append(turned.evaluate("each => each.done"))
    return {"judged": count, "review_ms": statistics.median(took), "review_p95_ms": _p95(took)}


def _dropped(browser: Any, daemon: Daemon, work: Path, count: int) -> dict[str, Any]:
    """Photos dropped at once: how many arrive, and the longest task of the page meanwhile."""
    folder = work / "many"
    folder.mkdir()
    for number in range(count):
        _noise(folder, f"many-{number:04}.jpg", 10_000 + number)
    with _opened(browser, daemon, **_WIDE) as tab:
        tab.wait_for_selector(".zone")
        tab.evaluate("window.tasks.length = 0")
        began = time.monotonic()
        _drop(tab, folder)
        until(lambda: len(_there(daemon, "many-")) >= count, "what was dropped")
        arrived_s = time.monotonic() - began
        until(lambda: daemon.log.read_bytes().count(b"/many-") >= count, "the cut-outs")
        time.sleep(2)
        longest = max([0.0, *tab.evaluate("window.tasks")])
    names = {path.name.partition("~")[0] for path in _there(daemon, "many-")}
    return {"dropped": count, "arrived": len(names), "arrived_s": arrived_s,
            "longest_task_ms": longest}  # fmt: skip


def _large(browser: Any, daemon: Daemon, work: Path, large_mb: int) -> dict[str, float]:
    """One large file dropped: seconds, and the page's process after it."""
    folder = work / "large"
    folder.mkdir()
    path = _noise(folder, "large.jpg", 1)
    with path.open("ab") as stream:
        stream.write(bytes(large_mb * 1_000_000))
    with _opened(browser, daemon, **_WIDE) as tab:
        tab.wait_for_selector(".zone")
        began = time.monotonic()
        _drop(tab, folder)
        until(lambda: _there(daemon, "large"), "the large file")
        return {"dropped_mb": large_mb, "large_s": time.monotonic() - began,
                "after_drop_mb": daemon.page_mb()}  # fmt: skip


def _drop(tab: Any, folder: Path) -> None:
    """A folder let go of over the page, as the system does it: the event is trusted."""
    line = tab.context.new_cdp_session(tab)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        line.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 200, "data": data})


def _there(daemon: Daemon, begins: str) -> list[Path]:
    return list((daemon.state / "web/in").glob(f"*/{begins}*~*.jpg"))


def _noise(
    folder: Path, name: str, number: int, size: tuple[int, int] = (320, 240)
) -> Path:  # fmt: skip
    """A JPEG in which no subject is found, so that it is doubtful; unlike that of other numbers.

    Clouds, which take as long to encode as photos do.
    """
    coarse = np.random.default_rng(number).normal(128, 45, (size[1] // 12, size[0] // 12, 3))
    path = folder / name
    clouds = Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize(size)
    clouds.save(path, quality=80)
    return path


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def section(result: dict[str, Any]) -> list[str]:
    """One paragraph."""
    if not result:
        return []
    return [
        "",
        f"In Chromium, with u2netp: the first paint after {result['paint_ms']:.0f} ms"
        f" ({result['phone_paint_ms']:.0f} on a phone {_SLOWER} times as slow); a photo's row"
        f" changes {result['news_ms']:.0f} ms after its line in the log (p95;"
        f" {result['polled_ms']:.0f} where events do not come through); from the key that judges a"
        f" cut-out to the next picture {result['review_ms']:.0f} ms, p95"
        f" {result['review_p95_ms']:.0f}. Of {result['dropped']:,} photos dropped at once"
        f" {result['arrived']:,} lie there after {result['arrived_s']:.0f} s, with no task of the"
        f" page longer than {result['longest_task_ms']:.0f} ms. A drop of {result['dropped_mb']} MB"
        f" takes {result['large_s']:.1f} s and leaves the page's process at"
        f" {result['after_drop_mb']:.0f} MB.",
    ]


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on what a browser sees."""
    if not result:
        return []
    return [
        at_most("first paint", result["paint_ms"], 150.0, "ms"),
        at_most("first paint on a phone four times as slow", result["phone_paint_ms"], 400.0, "ms"),
        at_most("a log line to its row, p95", result["news_ms"], 400.0, "ms"),
        at_most("a log line to its row by polling, p95", result["polled_ms"], 2500.0, "ms"),
        at_most("key to the next picture in review, p95", result["review_p95_ms"], 100.0, "ms"),
        at_least(f"{result['dropped']} photos dropped at once that arrive",
                 result["arrived"] / result["dropped"], 1.0),
        at_most("longest task of the page meanwhile", result["longest_task_ms"], 200.0, "ms"),
        at_most("page's process after a large drop", result["after_drop_mb"], 45.0, "MB"),
    ]  # fmt: skip

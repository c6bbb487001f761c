"""SIGKILL of browser, web process and daemon while photos are handed in, by the page and the API.

Half of the photos are dropped on the page in a real browser, which is opened anew after its end
and gets all of them again, as a person would do it; the others come by programs that send each
until it is acknowledged.  Then nothing is killed until nothing waits, and disk and log are
compared with what was sent: each photo there once, whole, done once, its cut-out whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faults.house import Checks, Stuck, sha256, until
from faults.paged import PATIENCE_S, Paged, killed, processes
from faults.pictures import valid

NAME, TITLE = "uploads", "SIGKILL of browser, web process and daemon during uploads"
FULL, SHORT = 500, 4
_PORTION = 20  # uploads between two drains
_KILLS = ("browser", "web", "daemon", "web")  # in each portion, at random moments
_CLIENTS = 3
_CHUNK = 16_384
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
_SLOW = {"offline": False, "latency": 1, "downloadThroughput": -1, "uploadThroughput": 600_000}


def missing() -> str | None:
    """Why it cannot be done here."""
    return None if _CHROMIUM else "there is no chromium on PATH"


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of uploads; yields (next number, violations, counts)."""
    from playwright.sync_api import sync_playwright

    house = Paged(root, root.parent / "cache")
    checks = Checks(house, apart=["sent", "profile"])
    with sync_playwright() as driver:
        try:
            house.start()
            key = house.verb("token", "add", "row", "--scope", "submit,look")
            while start < stop:
                end = min(start + _PORTION, stop)
                portion = _Portion(house, key, seed, start, end, driver)
                wrong = portion.run() + portion.wrong(checks)
                yield end, [f"before {end}: {each}" for each in wrong], portion.counts
                start = end
        finally:
            house.kill()
            house.kill_servers()


class _Portion:
    """Some uploads, what was killed meanwhile, and what came of it."""

    def __init__(
        self, house: Paged, key: str, seed: int, start: int, end: int, driver: Any
    ) -> None:
        self.house, self._key, self._driver = house, key, driver
        self._chance = random.Random(seed * 1_000_003 + start)
        self.counts: Counter[str] = Counter()
        self._sent: dict[str, bytes] = {}
        for number in range(start, end):
            data = valid(seed * 1_000_003 + number)
            padding = self._chance.randrange(100_000, 500_000)  # after a JPEG's end: no damage
            self._sent[f"{number}.jpg"] = data + self._chance.randbytes(padding)
        names = list(self._sent)
        self._dropped, self._programs = names[::2], names[1::2]
        self._acknowledged: dict[str, str] = {}  # id → name
        self._ended = threading.Event()

    def run(self) -> list[str]:
        """Send all and kill meanwhile; what did not happen."""
        folder = self.house.root / "sent"
        folder.mkdir(exist_ok=True)
        for name in self._dropped:
            (folder / name).write_bytes(self._sent[name])
        threads = [threading.Thread(target=self._hand_in, args=(n,)) for n in range(_CLIENTS)]
        try:
            browser = self._open(folder)
            for each in threads:
                each.start()
            kills = _KILLS[: max(3, len(self._sent) // 5)]
            for victim in self._chance.sample(kills, len(kills)):
                time.sleep(self._chance.uniform(0.1, 0.7))
                self.counts["uploads that were under way"] += len(self.house.temps())
                self.counts[f"{victim} killed"] += self._kill(victim)
                if victim == "browser":
                    _close(browser)
                    browser = self._open(folder)
            self._wait_for("what was dropped lies there", set(self._dropped))
            _close(browser)
            for each in threads:
                each.join(PATIENCE_S)
            self._wait_for("what was acknowledged lies there", set(self._acknowledged.values()))
        except Stuck as stuck:
            return [f"{stuck}; missing: {sorted(set(self._sent) - set(self._there()))}"]
        finally:
            self._ended.set()
            shutil.rmtree(folder)
        return []

    def _hand_in(self, first: int) -> None:
        """A program: sends each photo, slowly, until it is told that it is there."""
        for name in self._programs[first::_CLIENTS]:
            while not self._ended.is_set():
                try:
                    status, body = self.house.ask(
                        "PUT", f"/api/v1/photos?name={quote(name)}", _slowly(self._sent[name]),
                        X_Api_Key=self._key, Content_Length=str(len(self._sent[name])),
                    )  # fmt: skip
                    if status in (200, 201):
                        self._acknowledged[json.loads(body)["id"]] = name
                        self.counts["acknowledged"] += 1
                        break
                except (OSError, ValueError, http.client.HTTPException):
                    self.counts["uploads cut short"] += 1
                self._ended.wait(0.1)

    def _open(self, folder: Path) -> Any:
        """A browser of its own on the page, with all of its photos dropped."""
        profile = self.house.root / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        context = self._driver.chromium.launch_persistent_context(
            str(profile), executable_path=_CHROMIUM, args=["--no-sandbox"]
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        tab = context.pages[0]
        for _ in range(20):  # a page that was killed is there again in a moment
            with contextlib.suppress(Exception):
                tab.goto(self.house.verb("open"))
                tab.wait_for_selector("#nav:not([hidden])", timeout=5000)
                break
        context.new_cdp_session(tab).send("Network.emulateNetworkConditions", _SLOW)
        tab.locator("#file[multiple]").set_input_files([folder / each for each in self._dropped])
        return context

    def _kill(self, victim: str) -> int:
        """End it now; the daemon is started again, the page starts by itself."""
        if victim == "browser":
            words = str(self.house.root / "profile").encode()
            mine = [pid for pid, said in processes() if any(words in each for each in said)]
            return min(1, sum(map(killed, mine)))
        if victim == "web":
            return self.house.kill_servers()
        self.house.kill()
        time.sleep(self._chance.uniform(0, 0.5))
        self.house.start()
        return 1

    def _there(self) -> dict[str, list[Path]]:
        """What lies in the drop folder of this portion, by the name that it was sent under."""
        found: dict[str, list[Path]] = {}
        for path in self.house.home.glob("in/*/*~*.jpg"):
            name = f"{path.name.partition('~')[0]}.jpg"
            if name in self._sent:
                found.setdefault(name, []).append(path)
        return found

    def _wait_for(self, sentence: str, names: set[str]) -> None:
        until(lambda: names <= self._there().keys(), PATIENCE_S, sentence)

    def wrong(self, checks: Checks) -> list[str]:
        """When nothing waits any more: what is lost, torn, doubled, or left behind."""
        house, there, found = self.house, self._there(), []
        relpaths = [str(path) for paths in there.values() for path in paths]
        found += [f"lost: {source}" for source in house.await_ends(relpaths, PATIENCE_S)]
        for name, data in self._sent.items():
            digest, paths = hashlib.sha256(data).hexdigest(), there.get(name, [])
            self.counts["photos"] += 1
            if len(paths) != 1:
                found.append(f"{name} lies there {len(paths)} times")
                continue
            source = str(paths[0])
            if sha256(source) != digest:
                found.append(f"torn: {name}")
            if (said := house.versions[source, digest]) != 1:
                found.append(f"{name} was said to be done {said} times")
            else:
                relpath = str(paths[0].relative_to(house.home / "in"))
                found += checks.picture(relpath, house.outputs[source], digest)
        for photo, name in self._acknowledged.items():
            status, body = house.ask("GET", f"/api/v1/photos/{photo}", X_Api_Key=self._key)
            if status != 200 or json.loads(body)["state"] != "done":
                found.append(f"{name} was acknowledged and is {body[:200]!r}")
        if house.events["photo.failed"] or house.events["photo.quarantined"]:
            found.append(f"attempts were burnt: {dict(house.codes)}")
        return found + house.left() + checks.violations({})


def _slowly(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _CHUNK):
        yield data[at : at + _CHUNK]
        time.sleep(0.06)


def _close(browser: Any) -> None:
    with contextlib.suppress(Exception):  # it was killed
        browser.close()

"""What came by the page leaves after its time, and nothing that still waits; on a real daemon."""

from __future__ import annotations

import os
import time

from nobgd import config
from nobgd.web import keeping, queueing
from web.conftest import Page


def test_what_is_settled_leaves_after_its_days(page: Page, photos: dict[str, bytes]) -> None:
    """Photo and cut-out, together; what is younger stays, and so does what waits."""
    assert page.ask("POST", "/api/v1/cutout?name=old.jpg", photos["coffee"]).status == 200
    assert page.ask("POST", "/api/v1/cutout?name=new.jpg", photos["chelsea"]).status == 200
    settings = config.load(page.config)
    assert settings.web is not None
    ago = time.time() - (settings.web.keep_days + 1) * 86_400
    for path in page.home.glob("*/*/old*"):
        os.utime(path, (ago, ago))
    unknown = page.home / "in" / ".nobgd-0123.tmp"
    unknown.write_bytes(b"")
    os.utime(unknown, (ago, ago))
    assert keeping.tidy(settings, time.time()) == 2
    left = sorted(path.name.partition("~")[0] for path in page.home.glob("*/*/*.*"))
    assert left == ["new", "new"]
    assert unknown.exists()
    unknown.unlink()


def test_openapi_names_every_route(page: Page) -> None:
    """With what it is for."""
    found = page.ask("GET", "/api/v1/openapi.json").json
    assert {"/v1.0/removebg", "/api/remove", "/api/v1/photos/{id}/result"} <= found["paths"].keys()
    for methods in found["paths"].values():
        assert all(each["summary"] for each in methods.values())


def test_who_comes_to_a_full_queue_hears_when_to_come_again() -> None:
    """By the measured rate, within limits."""
    assert queueing.again_s(queueing.MOST, 60) == 200
    assert queueing.again_s(queueing.MOST, 0) == 600
    assert queueing.again_s(queueing.MOST, 1e6) == 5

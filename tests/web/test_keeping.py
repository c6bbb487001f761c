"""What came by the page leaves after its time, and nothing that still waits; on a real daemon."""

from __future__ import annotations

import os
import time
from pathlib import Path

from e2e.conftest import await_true
from nobgd import config
from nobgd.config import webbing
from nobgd.fs import publish, tree
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


def test_what_a_kill_left_half_made_goes_at_the_start(tmp_path: Path) -> None:
    """Small pictures and other formats, too: nobody else looks into their folder for it."""
    config_file = tmp_path / "nobgd.yaml"
    config_file.write_text("{state_dir: state, inboxes: [{path: in, outbox: out}], web: {}}")
    settings = config.load(config_file)
    (tmp_path / "state").mkdir()
    webbing.make(settings)
    with tree.within(str(webbing.made(settings))) as folder, publish.temporary(folder, 0o600):
        name = next(webbing.made(settings).iterdir())
        left = name.with_name(f".nobgd-{'0' * 16}.tmp")
        left.write_bytes(b"half")
        keeper = keeping.Keeper(settings)
        keeper.start()
        await_true(lambda: not left.exists())
        keeper.stop()
        assert name.exists()  # somebody writes it


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

"""Every screen, light, dark and on a phone, in both languages: accessible, and it fits."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from web.conftest import Page

from .conftest import HUES, Open, violations

_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True,
}  # fmt: skip
_WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}


@pytest.fixture(scope="module")
def three(page: Page, photos: dict[str, bytes]) -> None:
    """One that is good, one that is doubtful, one that is cut short."""
    noise = io.BytesIO()
    Image.effect_noise((200, 150), 40).convert("RGB").save(noise, "JPEG")
    given = {"cup": photos["coffee"], "fog": noise.getvalue(), "half": photos["chelsea"][:3000]}
    for name, data in given.items():
        page.ask("POST", f"/api/v1/cutout?name={name}.jpg", data)


class _Screens:
    """What axe finds on each screen that was looked at."""

    def __init__(self, tab: Any, axe: str) -> None:
        self.tab, self._axe = tab, axe
        self.found: dict[str, list[Any]] = {}

    def look(self, name: str, shows: str) -> None:
        self.tab.locator(shows).first.wait_for()
        self.found[name] = violations(self.tab, self._axe)
        wider = self.tab.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wider, f"{name} is wider than the screen"

    def go(self, name: str, address: str, shows: str) -> None:
        self.tab.evaluate("at => { location.hash = at }", address)
        self.look(name, shows)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("hue", HUES)
@pytest.mark.parametrize("lang", ["en-GB", "zh-CN"])
def test_every_screen_is_accessible_and_in_its_language(
    visits: Open, axe: str, hue: str, lang: str
) -> None:  # fmt: skip
    """The list and its tabs, photos of each kind, the editor, keys, history, settings."""
    from playwright.sync_api import expect

    how = _PHONE if hue == "phone" else _WIDE
    fresh = visits(locale=lang, color_scheme=HUES[hue], **how)
    expect(fresh.locator("html")).to_have_attribute("lang", lang[:2] if lang[0] == "e" else lang)
    screens = _Screens(fresh, axe)
    screens.look("photos", ".card[data-state=done]")
    address = {
        name: fresh.locator(".card .name", has_text=name).get_attribute("href")
        for name in ("cup", "fog", "half")
    }
    fresh.locator("details.output summary").click()
    screens.look("output", "#o-format")
    fresh.locator(".tabs button").nth(3).click()
    screens.look("doubtful", ".card[data-review=open]")
    fresh.locator(".tabs button").nth(4).click()
    screens.look("failed", ".card[data-state=quarantined]")
    screens.go("photo", address["cup"], ".verdict .no")
    screens.go("review", address["fog"], ".verdict .yes")
    fresh.locator(".redo button").last.click()
    screens.look("editor", "canvas.strokes")
    fresh.keyboard.press("Escape")
    screens.go("failure", address["half"], ".facts dd")
    fresh.locator("#keys").click()
    screens.look("keys", "dialog dl")
    fresh.keyboard.press("Escape")
    screens.go("history", "#/history", ".charts img")
    screens.go("settings", "#/settings", ".boxes li")
    assert screens.found == {each: [] for each in screens.found}
    assert fresh.wrong == []


@pytest.mark.parametrize("hue", HUES)
@pytest.mark.parametrize("lang", ["en-GB", "zh-CN"])
def test_the_door_is_accessible(visits: Open, axe: str, hue: str, lang: str) -> None:
    """What somebody sees who has no session yet."""
    how = _PHONE if hue == "phone" else _WIDE
    fresh = visits(known=False, locale=lang, color_scheme=HUES[hue], **how)
    screens = _Screens(fresh, axe)
    screens.look("door", "#key")
    assert screens.found == {"door": []}
    assert fresh.wrong == []

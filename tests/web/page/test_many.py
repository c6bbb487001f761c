"""What the page offers for all photos of a filter, where a page of the list shows only some."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import pytest

from web.conftest import Page

from .conftest import Open

DONE, SHOWN, FAILED = 103, 100, 2


@pytest.fixture(scope="module", autouse=True)
def _there(page: Page, photos: dict[str, bytes]) -> None:
    """More that are done than a page shows, all but one of them copies; two that are cut short."""
    key = page.token("submit")
    given = {f"cup{number}.jpg": photos["coffee"] for number in range(DONE)}
    given |= {f"half{number}.jpg": photos["chelsea"][: 3000 + number] for number in range(FAILED)}
    made = [
        page.ask("PUT", f"/api/v1/photos?name={name}", data, X_Api_Key=key).json
        for name, data in given.items()
    ]
    for each in made:
        while each["state"] not in ("done", "quarantined"):
            each = page.ask("GET", f"/{each['links']['self']}?wait=25", X_Api_Key=key).json


def test_all_that_match_are_chosen_and_downloaded_by_keys(visits: Open) -> None:
    from playwright.sync_api import expect

    tab = visits(viewport={"width": 1280, "height": 860})
    expect(tab.locator(".card")).to_have_count(SHOWN)
    expect(tab.locator("#whole")).to_have_count(0)  # nothing is filtered
    tab.locator(".tabs button").nth(2).click()
    whole, chosen = tab.locator("#whole"), tab.locator(".tools [aria-live]")
    expect(tab.locator("label[for=whole]")).to_have_text(f"All {DONE} that match")
    tab.locator("#all").focus()
    tab.keyboard.press("Tab")
    expect(whole).to_be_focused()
    tab.keyboard.press("Space")
    expect(chosen).to_have_text(f"{DONE} chosen")
    expect(tab.locator(".card input:checked")).to_have_count(SHOWN)
    tab.keyboard.press("Tab")
    with tab.expect_download() as one:
        tab.keyboard.press("Enter")
    with zipfile.ZipFile(one.value.path()) as file:
        assert len(file.namelist()) == DONE
    older = tab.locator(".pages button").nth(1)
    older.click()
    expect(tab.locator(".card input:checked")).to_have_count(DONE - SHOWN)
    expect(chosen).to_have_text(f"{DONE} chosen")
    tab.locator(".card input").first.uncheck()
    expect(whole).not_to_be_checked()
    expect(chosen).to_have_text(f"{DONE - SHOWN - 1} chosen")
    whole.check()
    expect(chosen).to_have_text(f"{DONE} chosen")
    tab.locator(".tabs button").nth(3).click()
    expect(chosen).to_have_text("")
    expect(tab.locator("label[for=whole]")).to_be_hidden()
    assert tab.wrong == []


@pytest.mark.parametrize(
    ("lang", "said", "told"),
    [("en-GB", f"Try all {FAILED} again", f"{FAILED} photos are tried again"),
     ("zh-CN", f"全部 {FAILED} 张重试", f"已重新排队 {FAILED} 张照片")],
)  # fmt: skip
def test_all_that_failed_are_tried_again(visits: Open, lang: str, said: str, told: str) -> None:
    """One request says which: those that have failed when it is answered."""
    from playwright.sync_api import expect

    tab = visits(viewport={"width": 1280, "height": 860}, locale=lang)
    asked: list[Any] = []
    tab.on("request", lambda each: asked.append(each.post_data) if "actions" in each.url else 0)
    tab.locator(".tabs button").nth(4).click()
    expect(tab.locator(".card[data-state=quarantined]")).to_have_count(FAILED)
    retry = tab.get_by_role("button", name=said)
    retry.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#toasts")).to_contain_text(told)
    assert [json.loads(each) for each in asked] == [{"do": "retry", "state": "quarantined"}]
    expect(tab.locator(".card[data-state=quarantined]")).to_have_count(FAILED)
    expect(retry).to_be_visible()
    assert tab.wrong == []

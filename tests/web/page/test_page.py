"""The page in a browser, on a real daemon: dropped, seen, compared, downloaded; by everybody."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from web.conftest import Page

from .conftest import Open, dragged, dropped, violations

NASTY = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, bytes]) -> Path:
    """Two photos, one below; a file that is none and one that only pretends."""
    root = tmp_path_factory.mktemp("dropped") / "holiday"
    (root / "sub").mkdir(parents=True)
    (root / NASTY).write_bytes(photos["chelsea"])
    (root / "sub" / "咖啡.jpg").write_bytes(photos["coffee"])
    (root / "notes.txt").write_text("hello")
    (root / "bad.jpg").write_text("hello")
    return root


@pytest.fixture(scope="module")
def tab(visits: Open, folder: Path, photos: dict[str, bytes]) -> Any:
    """A tab on which a folder and a photo were dropped; all are cut out."""
    from playwright.sync_api import expect

    found = visits(viewport={"width": 1280, "height": 860})
    (folder.parent / "astronaut.jpg").write_bytes(photos["astronaut"])
    dropped(found, folder, folder.parent / "astronaut.jpg")
    expect(found.locator(".card[data-state=done]")).to_have_count(3)
    return found


def test_what_is_dropped_is_cut_out_and_what_is_not_is_said(tab: Any) -> None:
    """A file that is no photo is passed over; one that the server refuses is named, with why."""
    from playwright.sync_api import expect

    names = set(tab.locator(".card .name").all_inner_texts())
    assert names == {"_img src=x onerror=alert(1)_.jpg", "咖啡.jpg", "astronaut.jpg"}
    refused = tab.locator(".refused")
    expect(refused).to_contain_text("bad.jpg")
    assert tab.locator("img[src=x]").count() == 0
    assert [text for text in tab.wrong if "status of 400" not in text] == []  # bad.jpg's


def test_small_pictures_are_no_work(visits: Open) -> None:
    """The page itself asks for them, and no event tells that they are made."""
    from playwright.sync_api import expect

    def at_one(route: Any) -> None:
        answer = route.fetch()
        lane = {"lane": 1, "source": "Preview", "stage": "memory", "seconds": 0.1}
        route.fulfill(response=answer, json={**answer.json(), "working": 1, "lanes": [lane]})

    fresh = visits(viewport={"width": 1280, "height": 860})
    fresh.context.route("**/api/v1/status", at_one)
    fresh.reload()
    expect(fresh.locator("#state")).to_have_text("Ready", timeout=20_000)
    assert fresh.locator(".live li").count() == 0


def test_nothing_is_asked_of_anybody_else_and_little_of_us(visits: Open, page: Page) -> None:
    fresh = visits()
    fresh.wait_for_selector(".zone")
    own = f"http://127.0.0.1:{page.port}/"
    assert {url[: len(own)] for url in fresh.asked} == {own}
    files = {url.partition("#")[0] for url in fresh.asked if "/api/" not in url}
    assert len(files) <= 6, files
    assert fresh.wrong == []


def test_one_click_downloads_it(tab: Any) -> None:
    """One, and all that are chosen as an archive."""
    card = tab.locator(".card", has_text="咖啡")
    with tab.expect_download() as one:
        card.locator(".get").click()
    assert one.value.suggested_filename == "咖啡_nobg.png"
    with Image.open(one.value.path()) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (200, 150))
    tab.locator("#all").check()
    with tab.expect_download() as many:
        tab.get_by_role("button", name="Download ZIP").click()
    with zipfile.ZipFile(io.BytesIO(Path(many.value.path()).read_bytes())) as file:
        assert len(file.namelist()) == 3
        assert file.testzip() is None


def test_it_comes_in_the_format_and_on_the_ground_that_is_chosen(visits: Open, tab: Any) -> None:
    """One and many; the choice is kept for the next visit."""
    assert tab.locator(".card").count() == 3
    fresh = visits(viewport={"width": 1280, "height": 860})
    fresh.locator("details.output summary").click()
    fresh.locator("#o-format").select_option("jpeg")
    fresh.locator("#o-background").select_option("black")
    fresh.locator("#o-longest_side").fill("100")
    fresh.locator("#o-longest_side").press("Tab")
    with fresh.expect_download() as one:
        fresh.locator(".card", has_text="咖啡").locator(".get").click()
    assert one.value.suggested_filename == "咖啡_nobg.jpg"
    with Image.open(one.value.path()) as picture:
        assert (picture.format, picture.size) == ("JPEG", (100, 75))
    fresh.locator("#all").check()
    with fresh.expect_download() as many:
        fresh.get_by_role("button", name="Download ZIP").click()
    with zipfile.ZipFile(many.value.path()) as file:
        assert {name.rpartition(".")[2] for name in file.namelist()} == {"jpg"}
    fresh.reload()
    fresh.wait_for_selector("details.output")
    assert "JPEG" in fresh.locator("details.output summary").inner_text()
    fresh.locator(".card", has_text="咖啡").locator(".name").click()
    with fresh.expect_download() as mask:
        fresh.get_by_role("link", name="Download the mask").click()
    assert mask.value.suggested_filename == "咖啡_mask.png"
    assert fresh.wrong == []


def test_by_keys_alone(visits: Open, tab: Any) -> None:
    """From the address bar to the download of a photo, and through its views, without a mouse."""
    from playwright.sync_api import expect

    assert tab.locator(".card").count() == 3
    fresh = visits(viewport={"width": 1280, "height": 860})
    expect(fresh.locator(".card[data-state=done]")).to_have_count(3)
    for _ in range(60):
        fresh.keyboard.press("Tab")
        if fresh.evaluate("document.activeElement.className") == "name":
            break
    fresh.keyboard.press("Enter")
    fresh.wait_for_selector(".facts dd")
    after = fresh.locator(".viewer .after")
    slider = fresh.locator(".viewer input[type=range]")
    first = fresh.url
    fresh.keyboard.press("Space")
    expect(slider).to_have_value("100")
    fresh.keyboard.press("m")
    expect(after).to_have_attribute("src", _has("/preview/mask/1600"))
    fresh.keyboard.press("m")
    fresh.keyboard.press("z")
    expect(after).to_have_attribute("src", _has("/result"))
    fresh.keyboard.press("z")
    fresh.keyboard.press("b")
    expect(fresh.locator(".sheet")).to_have_attribute("data-ground", "white")
    with fresh.expect_download() as one:
        fresh.keyboard.press("d")
    assert one.value.suggested_filename.endswith("_nobg.png")
    fresh.keyboard.press("ArrowRight")
    fresh.wait_for_url(lambda url: url != first)
    fresh.keyboard.press("?")
    expect(fresh.get_by_role("dialog")).to_be_visible()
    fresh.keyboard.press("Escape")
    expect(fresh.get_by_role("dialog")).to_have_count(0)
    fresh.keyboard.press("Escape")
    expect(fresh.locator(".card")).to_have_count(3)
    assert fresh.wrong == []


def _has(text: str) -> Any:
    import re

    return re.compile(re.escape(text))


def test_a_photo_that_waits_has_a_page_and_shows_itself_when_it_is_done(
    visits: Open, page: Page, photos: dict[str, bytes]
) -> None:
    """Until then nothing is asked for that there is not."""
    from playwright.sync_api import expect

    key = page.token("submit,look,steer")
    status = page.ask("GET", "/api/v1/status", X_Api_Key=key).json
    said = json.dumps({"inbox": status["inboxes"][-1]["key"]})
    assert page.ask("POST", "/api/v1/pause", said, X_Api_Key=key).status == 200
    try:
        data = photos["coffee"] + b"waits"
        put = page.ask("PUT", "/api/v1/photos?name=waits.jpg", data, X_Api_Key=key).json
        fresh = visits(viewport={"width": 1280, "height": 860})
        fresh.evaluate("at => { location.hash = at }", f"#/photo/{put['id']}")
        expect(fresh.locator(".facts")).to_contain_text("Waiting")
        expect(fresh.locator(".viewer")).to_be_hidden()
    finally:
        assert page.ask("POST", "/api/v1/resume", said, X_Api_Key=key).status == 200
    expect(fresh.locator(".viewer .after")).to_be_visible()
    expect(fresh.locator(".facts")).to_contain_text("Done")
    assert fresh.wrong == []


def test_without_a_link_the_form_does_it_and_a_token_opens_the_rest(
    visits: Open, page: Page, axe: str, tmp_path: Path, photos: dict[str, bytes]
) -> None:  # fmt: skip
    """Also without scripts."""
    (tmp_path / "cup.jpg").write_bytes(photos["coffee"])
    for how in ({}, {"java_script_enabled": False}):
        fresh = visits(known=False, **how)
        fresh.locator("#file").set_input_files(tmp_path / "cup.jpg")
        with fresh.expect_download() as one:
            fresh.locator("form.zone button").click()
        assert one.value.suggested_filename == "cup_nobg.png"
    fresh = visits(known=False)
    fresh.locator("#key").fill("wrong")
    fresh.locator("form.lock button").click()
    fresh.wait_for_selector("#toasts p")
    assert violations(fresh, axe) == []
    fresh.locator("#key").fill(page.token("submit,look"))
    fresh.locator("form.lock button").click()
    fresh.wait_for_selector("#nav:not([hidden])")


def test_what_is_dropped_is_taken_whatever_has_come_beneath_it(
    visits: Open, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    """The list that loads, another screen: no drag over it comes before the drop."""
    (tmp_path / "late.jpg").write_bytes(photos["coffee"] + b"late")
    fresh = visits(viewport={"width": 1280, "height": 860})
    let_go = dragged(fresh, tmp_path / "late.jpg")
    fresh.evaluate("location.hash = '#/history'")
    fresh.wait_for_selector(".screen.history")
    let_go()
    fresh.wait_for_selector(".card:has-text('late.jpg')")
    assert fresh.locator("body.over").count() == 0


def test_what_is_chosen_while_nobody_answers_is_sent_when_somebody_does(
    visits: Open, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    """The page's own files may be out of reach as well: what sends comes with the first photo."""
    from playwright.sync_api import expect

    (tmp_path / "patient.jpg").write_bytes(photos["coffee"] + b"patient")
    fresh = visits(viewport={"width": 1280, "height": 860})
    fresh.wait_for_selector(".zone")
    fresh.context.set_offline(True)
    fresh.locator("#file[multiple]").set_input_files(tmp_path / "patient.jpg")
    expect(fresh.locator("#toasts")).to_contain_text("did not answer")
    fresh.context.set_offline(False)
    expect(fresh.locator(".card", has_text="patient.jpg")).to_have_count(1)


def test_who_stands_on_a_filter_stays_there(
    visits: Open, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    """What the daemon says meanwhile takes nobody's focus."""
    from playwright.sync_api import expect

    (tmp_path / "first.jpg").write_bytes(photos["coffee"] + b"first")
    fresh = visits(viewport={"width": 1280, "height": 860})
    dropped(fresh, tmp_path / "first.jpg")
    expect(fresh.locator(".card[data-state=done]", has_text="first.jpg")).to_have_count(1)
    done = fresh.locator(".tabs button", has_text="Done")
    before = done.locator("b").inner_text()
    done.focus()
    (tmp_path / "second.jpg").write_bytes(photos["coffee"] + b"second")
    fresh.locator("#file[multiple]").set_input_files(tmp_path / "second.jpg")
    expect(fresh.locator(".card[data-state=done]", has_text="second.jpg")).to_have_count(1)
    expect(done.locator("b")).not_to_have_text(before)
    expect(done).to_be_focused()

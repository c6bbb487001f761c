"""Doubtful cut-outs on the page: a key judges and goes on, another takes it back."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from .conftest import Open


def test_a_key_judges_and_goes_on_and_another_takes_it_back(
    visits: Open, tmp_path: Path
) -> None:  # fmt: skip
    """Two that are doubtful; one is made anew by R; X and A, then U brings the last one back."""
    from playwright.sync_api import expect

    for name, spread in (("fog-1.jpg", 40), ("fog-2.jpg", 60)):
        Image.effect_noise((200, 150), spread).convert("RGB").save(tmp_path / name)
    fresh = visits(viewport={"width": 1280, "height": 860})
    both = [tmp_path / "fog-1.jpg", tmp_path / "fog-2.jpg"]
    fresh.locator("#file[multiple]").set_input_files(both)
    fresh.get_by_role("button", name="Doubtful").click()
    fogs = fresh.locator(".card[data-review=open]", has_text="fog-")
    expect(fogs).to_have_count(2)
    fresh.locator(".card .name", has_text="fog-1").click()
    title = fresh.locator("h1.name")
    expect(title).to_have_text("fog-1.jpg")
    fresh.get_by_label("Make anew by").select_option("edges=plain")
    before = fresh.locator("img.after").get_attribute("src")
    title.click()
    fresh.keyboard.press("r")
    expect(fresh.locator("#toasts")).to_contain_text("made anew")
    expect(fresh.locator("img.after")).not_to_have_attribute("src", before or "")
    expect(fresh.locator(".facts")).to_contain_text("Doubtful")
    fresh.keyboard.press("a")
    expect(title).to_have_text("fog-2.jpg")
    fresh.keyboard.press("u")
    expect(title).to_have_text("fog-1.jpg")
    expect(fresh.locator(".facts")).to_contain_text("Doubtful")
    fresh.keyboard.press("x")
    expect(title).to_have_text("fog-2.jpg")
    fresh.keyboard.press("Control+z")
    expect(title).to_have_text("fog-1.jpg")
    fresh.keyboard.press("x")
    expect(title).to_have_text("fog-2.jpg")
    fresh.keyboard.press("a")
    expect(fresh.locator("h1.name", has_text="fog-2")).to_have_count(0)
    fresh.evaluate("location.hash = '#/'")
    for name, said in (("fog-1", "rejected"), ("fog-2", "accepted")):
        card = fresh.locator(".card", has_text=name)
        expect(card).to_have_attribute("data-review", said)
    assert fresh.wrong == []


def test_a_cut_out_is_painted_over(visits: Open, tmp_path: Path) -> None:
    """E opens the editor; a stroke is drawn, undone, drawn again and applied."""
    from playwright.sync_api import expect

    Image.effect_noise((200, 150), 50).convert("RGB").save(tmp_path / "fog-3.jpg")
    fresh = visits(viewport={"width": 1280, "height": 860})
    fresh.locator("#file[multiple]").set_input_files([tmp_path / "fog-3.jpg"])
    card = fresh.locator(".card[data-state=done]", has_text="fog-3")
    card.locator(".name").click()
    expect(fresh.locator("h1.name")).to_have_text("fog-3.jpg")
    expect(fresh.get_by_role("button", name="Touch up")).to_be_visible()
    before = fresh.locator("img.after").get_attribute("src")
    fresh.keyboard.press("e")
    canvas, apply = fresh.locator("canvas.strokes"), fresh.get_by_role("button", name="Apply")
    expect(canvas).to_have_attribute("width", "200")
    expect(apply).to_be_disabled()
    box = canvas.bounding_box()
    assert box is not None
    for undone in (True, False):
        fresh.mouse.move(box["x"] + 20, box["y"] + 20)
        fresh.mouse.down()
        fresh.mouse.move(box["x"] + 80, box["y"] + 60)
        fresh.mouse.up()
        expect(apply).to_be_enabled()
        if undone:
            fresh.keyboard.press("u")
            expect(apply).to_be_disabled()
    apply.click()
    expect(fresh.get_by_role("dialog")).to_have_count(0)
    expect(fresh.locator("img.after")).not_to_have_attribute("src", before or "")
    assert fresh.wrong == []

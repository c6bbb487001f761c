"""Painting over a cut-out by the API: the rest of it stays, and so does what was painted."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from web.conftest import Page


def _picture(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGBA"))


def _strokes(level: int) -> bytes:
    """Of a page's canvas: the left half is painted, the rest is left alone."""
    layer = np.full((75, 100, 3), 128, np.uint8)
    layer[:, :50] = level
    out = io.BytesIO()
    Image.fromarray(layer).save(out, "PNG")
    return out.getvalue()


def test_strokes_are_kept_or_removed_and_taken_back(page: Page, photos: dict[str, bytes]) -> None:
    """What is kept is the photo's; taken back, the cut-out is what it was; others may not."""
    key = page.token("submit,look,review")
    put = page.ask("PUT", "/api/v1/photos?name=cup.jpg", photos["coffee"], X_Api_Key=key).json
    route = f"/api/v1/photos/{put['id']}"

    def settled() -> dict[str, object]:
        found: dict[str, object] = page.ask("GET", f"{route}?wait=25", X_Api_Key=key).json
        return found

    def result() -> np.ndarray:
        return _picture(page.ask("GET", f"{route}/result", X_Api_Key=key).body)

    def painted(method: str, body: bytes | None = None) -> np.ndarray:
        before = settled()["version"]
        asked = page.ask(method, f"{route}/mask", body, X_Api_Key=key)
        assert asked.status == 200, asked.body
        for _ in range(200):  # each asks for up to 25 s
            if settled()["version"] != before and settled()["state"] == "done":
                break
        return result()

    assert settled()["state"] == "done"
    first, photo = result(), _picture(photos["coffee"])
    kept = painted("PUT", _strokes(255))
    assert (kept[:, :98] == photo[:, :98]).all()
    assert (kept[:, 102:] == first[:, 102:]).all()
    assert settled()["touched"] is True
    removed = painted("PUT", _strokes(0))
    assert not removed[:, :98].any()
    assert (painted("DELETE") == first).all()
    assert settled()["touched"] is False

    assert page.ask("PUT", f"{route}/mask", b"no", X_Api_Key=key).status == 400
    look = page.token("look")
    assert page.ask("PUT", f"{route}/mask", _strokes(0), X_Api_Key=look).status == 403

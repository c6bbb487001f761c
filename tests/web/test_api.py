"""The API, on a real daemon and its page: what comes back is what the daemon made."""

from __future__ import annotations

import base64
import io
import json
from urllib.parse import urlencode

import pytest
from PIL import Image

from web.conftest import Page, form


def _png(data: bytes) -> tuple[str, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.mode, picture.size


@pytest.fixture(scope="module")
def key(page: Page) -> str:
    return page.token("submit,look,review,steer")


def test_one_call_cuts_out(page: Page, photos: dict[str, bytes]) -> None:
    """The body goes in, and the same PNG comes back that lies in the page's outbox."""
    found = page.ask("POST", "/api/v1/cutout?name=../../My%20cup.jpg", photos["coffee"])
    assert found.status == 200, found.body
    assert found.headers["content-type"] == "image/png"
    assert 'filename="My cup_nobg.png"' in found.headers["content-disposition"]
    assert _png(found.body) == ("RGBA", (200, 150))
    (there,) = page.home.glob("out/*/My cup~*_nobg.png")
    assert there.read_bytes() == found.body


def test_a_photo_goes_in_is_waited_for_and_comes_out(
    page: Page, photos: dict[str, bytes], key: str
) -> None:  # fmt: skip
    """The same bytes of the same name are the same photo, however often they come."""
    path = "/api/v1/photos?name=cat%20%3Cb%3E.jpg"
    first = page.ask("PUT", path, photos["chelsea"], X_Api_Key=key)
    again = page.ask("PUT", path, photos["chelsea"], Authorization=f"Bearer {key}")
    assert (first.status, again.status) == (201, 200)
    told = first.json
    assert told["name"] == "cat _b_.jpg"
    assert told["id"] == again.json["id"]
    for _ in range(20):
        told = page.ask("GET", f"/{told['links']['self']}?wait=25", X_Api_Key=key).json
        if told["state"] == "done":
            break
    assert (told["state"], told["code"], told["mine"]) == ("done", None, True)
    assert 0 <= told["doubt"] <= 1
    assert told["review"] in (None, "open")
    found = page.ask("GET", f"/{told['links']['result']}?download=1", X_Api_Key=key)
    assert found.headers["content-disposition"].startswith("attachment")
    assert _png(found.body) == ("RGBA", (200, 150))


@pytest.mark.parametrize(
    ("asked", "kind", "mode", "size"),
    [
        ("format=webp&quality=80", "WEBP", "RGBA", (200, 150)),
        ("format=jpeg", "JPEG", "RGB", (200, 150)),
        ("background=%23ff0000", "PNG", "RGB", (200, 150)),
        ("canvas=300x300&background=white", "PNG", "RGB", (300, 300)),
        ("longest_side=100", "PNG", "RGBA", (100, 75)),
        ("mask=1", "PNG", "L", (200, 150)),
    ],
)
def test_a_cut_out_is_rendered_as_it_is_asked_for(
    page: Page, photos: dict[str, bytes], asked: str, kind: str, mode: str, size: tuple[int, int]
) -> None:  # fmt: skip
    """In a lane, without another inference, and of the cut-out as it is."""
    found = page.ask("POST", f"/api/v1/cutout?name=cup.jpg&{asked}", photos["coffee"])
    assert found.status == 200, found.body
    with Image.open(io.BytesIO(found.body)) as picture:
        assert (picture.format, picture.mode, picture.size) == (kind, mode, size)
    assert found.headers["content-type"] == f"image/{kind.lower()}"
    ending = {"WEBP": ".webp", "JPEG": ".jpg", "PNG": ".png"}[kind]
    name = f"cup_{'mask' if mode == 'L' else 'nobg'}{ending}"
    assert f'"{name}"' in found.headers["content-disposition"]


@pytest.mark.parametrize("asked", ["format=gif", "quality=0", "margin=3000", "canvas=99999x99999"])
def test_a_rendering_that_cannot_be_is_refused(page: Page, asked: str) -> None:
    """Before a byte is read, with the key and what it may be."""
    found = page.ask("POST", f"/api/v1/cutout?{asked}", b"x")
    assert (found.status, found.json["code"]) == (400, "bad_request")
    assert found.json["detail"].startswith(asked.partition("=")[0])


def test_removebg_says_where_the_subject_is(page: Page, photos: dict[str, bytes]) -> None:
    """On a ground, cropped: as JPEG, with its size and the box in the photo."""
    body, kind = form(("image_file", "cup.jpg", photos["coffee"]), ("bg_color", None, b"fff"),
                      ("crop", None, b"true"), ("crop_margin", None, b"10px"))  # fmt: skip
    found = page.ask("POST", "/v1.0/removebg", body, Content_Type=kind)
    with Image.open(io.BytesIO(found.body)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (int(found.headers["x-width"]), int(found.headers["x-height"]))
        assert picture.width == int(found.headers["x-foreground-width"]) + 20
    mask, kind = form(("image_file", "cup.jpg", photos["coffee"]), ("channels", None, b"alpha"))
    found = page.ask("POST", "/v1.0/removebg", mask, Content_Type=kind)
    assert _mode(found.body) == "L"


def _mode(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.mode


def test_what_cannot_be_cut_out_is_said(page: Page, photos: dict[str, bytes]) -> None:
    """At once where the first bytes show it, else with the daemon's own code and sentence."""
    text = page.ask("POST", "/api/v1/cutout?name=a.jpg", b"hello")
    assert (text.status, text.json["code"]) == (400, "not_a_picture")
    half = page.ask("POST", "/api/v1/cutout?name=half.jpg", photos["coffee"][:3000])
    assert (half.status, half.json["code"]) == (422, "truncated")
    assert half.json["detail"].startswith("half.jpg: ")
    assert half.headers["content-type"] == "application/problem+json"
    assert not list(page.home.glob("in/*/.nobgd*"))


def test_a_form_without_script_gives_the_picture(page: Page, photos: dict[str, bytes]) -> None:
    """As a browser sends it when JavaScript is off."""
    body, kind = form(("file", "astronaut.jpg", photos["astronaut"]), ("token", None, b""))
    found = page.ask("POST", "/drop", body, Content_Type=kind, Sec_Fetch_Site="same-origin")
    assert found.status == 200
    assert 'filename="astronaut_nobg.png"' in found.headers["content-disposition"]


def test_rembgs_dialect(page: Page, photos: dict[str, bytes]) -> None:
    """The field file, form and query parameters; a URL is never fetched."""
    body, kind = form(("file", "x", photos["coffee"]), ("model", None, b"birefnet-general-lite"))
    found = page.ask("POST", "/api/remove?a=false", body, Content_Type=kind)
    assert found.status == 200
    assert _png(found.body) == ("RGBA", (200, 150))
    assert found.headers["x-nobgd-ignored"] == "model, a"
    assert page.ask("POST", "/api/remove-background", body, Content_Type=kind).status == 200
    url = page.ask("GET", "/api/remove?url=http://example.org/a.jpg")
    assert url.status == 400
    assert "fetches no URL" in url.json["detail"]
    body, kind = form(("picture", "x", photos["coffee"]))
    none = page.ask("POST", "/api/remove", body, Content_Type=kind)
    assert (none.status, none.json["detail"]) == (422, "the field file is missing")


def test_removebgs_dialect(page: Page, photos: dict[str, bytes]) -> None:
    """As bytes or as JSON; the file as multipart, urlencoded or JSON; any key on this machine."""
    body, kind = form(("image_file", None, photos["coffee"]), ("size", None, b"auto"),
                      ("bg_color", None, b""), ("type", None, b"person"))  # fmt: skip
    found = page.ask("POST", "/v1.0/removebg", body, Content_Type=kind, X_Api_Key="theirs")
    assert found.status == 200, found.body
    assert _png(found.body) == ("RGBA", (200, 150))
    told = {name: value for name, value in found.headers.items() if name.startswith("x-")}
    assert int(told["x-credits-charged"]) == 0
    assert (told["x-width"], told["x-height"], told["x-type"]) == ("200", "150", "other")
    assert told["x-nobgd-ignored"] == "type"
    encoded = base64.b64encode(photos["coffee"]).decode()
    as_json = page.ask(
        "POST", "/v1.0/removebg", json.dumps({"image_file_b64": encoded, "size": "preview"}),
        Content_Type="application/json", Accept="application/json",
    )  # fmt: skip
    assert base64.b64decode(as_json.json["data"]["result_b64"]) == found.body
    assert as_json.headers["x-nobgd-ignored"] == "size"
    url = f"data:image/jpeg;base64,{encoded}"
    plain = page.ask(
        "POST", "/v1.0/removebg", urlencode({"image_file_b64": url}),
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert plain.body == found.body
    account = page.ask("GET", "/v1.0/account").json["data"]["attributes"]
    assert account["api"]["sizes"] == "all"
    assert page.ask("POST", "/v1.0/improve", b"").status == 501


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "missing_source"),
        ({"image_url": "http://example.org/a.jpg"}, "failed_image_download"),
        ({"image_base64": "AAAA"}, "missing_source"),
        ({"image_file_b64": "?"}, "invalid_file_type"),
        ({"image_file_b64": "aGVsbG8="}, "invalid_file_type"),
        ({"image_file_b64": "", "size": "huge"}, "invalid_size"),
        ({"format": "zip"}, "invalid_format"),
        ({"channels": "red"}, "invalid_channels"),
        ({"bg_color": "#12"}, "invalid_bg_color"),
        ({"roi": "0 0 5 5"}, "invalid_roi"),
        ({"crop": "true", "crop_margin": "1 2"}, "invalid_crop_margin"),
        ({"scale": "50%"}, "invalid_scale"),
        ({"bg_image_url": "http://example.org/a.jpg"}, "invalid_bg_image_url"),
    ],
)
def test_removebgs_errors(page: Page, given: dict[str, str], code: str) -> None:
    """In its words: a list of errors, each with a code that its clients know."""
    found = page.ask(
        "POST", "/v1.0/removebg", urlencode(given),
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert (found.status, found.json["errors"][0]["code"]) == (400, code)
    assert found.json["errors"][0]["title"]


def test_pause_is_seen_and_ended(page: Page, key: str) -> None:
    """By the key of an inbox; `status` is that of the command."""
    status = page.ask("GET", "/api/v1/status", X_Api_Key=key).json
    assert status["running"] is True
    inbox = status["inboxes"][0]["key"]
    said = json.dumps({"inbox": inbox})
    assert page.ask("POST", "/api/v1/pause", said, X_Api_Key=key).status == 200
    status = page.ask("GET", "/api/v1/status", X_Api_Key=key).json
    assert [each["paused"] for each in status["inboxes"]] == [True, False]
    assert page.ask("POST", "/api/v1/resume", said, X_Api_Key=key).status == 200

"""Lists, small pictures, archives and figures, on a real daemon and its page."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from PIL import Image

from web.conftest import Page


@pytest.fixture(scope="module")
def key(page: Page) -> str:
    return page.token("submit,look,review")


@pytest.fixture(scope="module")
def done(page: Page, photos: dict[str, bytes], key: str) -> list[dict[str, Any]]:
    """Three photos that are cut out; two are called the same."""
    found = []
    for name, data in (("a.jpg", "coffee"), ("a.jpg", "chelsea"), ("b.jpg", "astronaut")):
        told = page.ask("PUT", f"/api/v1/photos?name={name}", photos[data], X_Api_Key=key).json
        for _ in range(20):
            told = page.ask("GET", f"/{told['links']['self']}?wait=25", X_Api_Key=key).json
            if told["state"] == "done":
                break
        assert told["state"] == "done", told
        found.append(told)
    return found


def test_a_list_comes_in_parts_that_make_the_whole(
    page: Page, key: str, done: list[dict[str, Any]]
) -> None:  # fmt: skip
    whole = page.ask("GET", "/api/v1/photos?state=done", X_Api_Key=key).json
    assert whole["next"] is None
    assert [each["id"] for each in whole["photos"]] == [each["id"] for each in reversed(done)]
    assert whole["photos"][-1] == done[0]
    parts, after = [], ""
    for _ in range(9):
        part = page.ask("GET", f"/api/v1/photos?limit=1&after={after}", X_Api_Key=key).json
        parts += part["photos"]
        if (after := part["next"]) is None:
            break
    assert parts == whole["photos"]
    for nothing in ("state=quarantined", "state=waiting", "state=working", "state=x"):
        asked = page.ask("GET", f"/api/v1/photos?{nothing}", X_Api_Key=key).json
        assert asked == {"photos": [], "next": None}


@pytest.mark.parametrize(
    ("what", "mode"), [("in", "RGB"), ("out", "RGBA"), ("mask", "RGB")]
)  # fmt: skip
def test_small_pictures(
    page: Page, key: str, done: list[dict[str, Any]], what: str, mode: str
) -> None:  # fmt: skip
    path = f"/{done[0]['links']['self']}/preview/{what}/320"
    found = page.ask("GET", f"{path}?v={done[0]['version']}", X_Api_Key=key)
    assert found.status == 200, found.body
    assert found.headers["content-type"] == "image/webp"
    assert "immutable" in found.headers["cache-control"]
    with Image.open(io.BytesIO(found.body)) as small:
        assert (small.mode, small.size) == (mode, (200, 150))
    again = page.ask("GET", path, X_Api_Key=key)
    assert again.body == found.body
    assert "immutable" not in again.headers["cache-control"]


def test_an_archive_has_each_under_a_name_of_its_own(
    page: Page, key: str, done: list[dict[str, Any]]
) -> None:  # fmt: skip
    ids = [each["id"] for each in done]
    plain = page.ask("POST", "/api/v1/zip", json.dumps({"ids": ids}), X_Api_Key=key)
    form = urlencode([("ids", each) for each in ids])
    kind = "application/x-www-form-urlencoded"
    same = page.ask("POST", "/api/v1/zip", form, X_Api_Key=key, Content_Type=kind)
    for found in (plain, same):
        assert found.status == 200, found.body
        assert found.headers["content-disposition"].startswith('attachment; filename="nobgd-')
        with zipfile.ZipFile(io.BytesIO(found.body)) as file:
            assert file.testzip() is None
            assert file.namelist() == ["a_nobg.png", "a_nobg (2).png", "b_nobg.png"]
            cut = page.ask("GET", f"/{done[1]['links']['result']}", X_Api_Key=key)
            assert file.read("a_nobg (2).png") == cut.body


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "photos?limit=0", None, 400),
        ("GET", "photos?limit=1e3", None, 400),
        ("GET", "photos?after=%00", None, 400),
        ("GET", "photos?after=bnVsbA", None, 200),  # null
        ("GET", "photos?after=WyJ4Il0", None, 200),  # ["x"]
        ("POST", "zip", "{}", 400),
        ("POST", "zip", '{"ids": []}', 400),
        ("POST", "zip", '{"ids": [1]}', 400),
        ("POST", "zip", '{"ids": ["x"]}', 404),
        ("POST", "zip", "[]", 400),
        ("POST", "actions", '{"do": "delete", "ids": ["x"]}', 400),
        ("POST", "actions", '{"do": "retry"}', 400),
        ("GET", "report?period=1s", None, 400),
    ],
)
def test_what_is_asked_wrongly_is_said(
    page: Page, key: str, method: str, path: str, body: str | None, status: int
) -> None:  # fmt: skip
    found = page.ask(method, f"/api/v1/{path}", body, X_Api_Key=key)
    assert found.status == status, found.body
    if status >= 400:
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json["detail"]


def test_only_previews_that_there_are(page: Page, key: str, done: list[dict[str, Any]]) -> None:
    for path in ("out/321", "out/99999999", "gone/320", "../320", "out/320/.."):
        found = page.ask("GET", f"/{done[0]['links']['self']}/preview/{path}", X_Api_Key=key)
        assert found.status == 404


@pytest.mark.usefixtures("done")
def test_retrying_nothing_retries_nothing(page: Page, key: str) -> None:
    """A list of which no id is ours must not become "all that there are"."""
    body = json.dumps({"do": "retry", "ids": ["nobody.x"]})
    found = page.ask("POST", "/api/v1/actions", body, X_Api_Key=key).json
    assert found["done"] == []
    assert [each["id"] for each in found["failed"]] == ["nobody.x"]


def test_who_may_only_submit_sees_no_list(page: Page) -> None:
    only = page.token("submit")
    for path in ("photos", "report", "config"):
        assert page.ask("GET", f"/api/v1/{path}", X_Api_Key=only).status == 403
        assert page.ask("GET", f"/api/v1/{path}").status == 401


@pytest.mark.usefixtures("done")
def test_the_figures_are_those_of_the_report(page: Page, key: str) -> None:
    found = page.ask("GET", "/api/v1/report?period=24h", X_Api_Key=key)
    assert found.status == 200, found.body
    assert found.json["totals"]["photos"] == 3
    drawn = page.ask("GET", "/api/v1/report?period=24h&charts=1", X_Api_Key=key).json
    assert drawn["totals"] == found.json["totals"]
    assert list(drawn["charts"]) == ["throughput", "cost", "waits"]
    for text in drawn["charts"].values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(root.findall(".//{*}rect") + root.findall(".//{*}circle")) > 0


def test_the_configuration_is_told_as_it_was_understood(page: Page, key: str) -> None:
    found = page.ask("GET", "/api/v1/config", X_Api_Key=key).json
    assert found["web"]["listen"].startswith("127.0.0.1:")
    assert found["output"]["compression"] == "fast"


def test_a_cut_out_is_judged_and_the_judgement_taken_back(page: Page, key: str) -> None:
    """The doubtful are a list of their own; nothing that is not done can be judged."""
    noise = Image.effect_noise((200, 150), 40).convert("RGB")
    data = io.BytesIO()
    noise.save(data, "JPEG")
    told = page.ask("PUT", "/api/v1/photos?name=fog.jpg", data.getvalue(), X_Api_Key=key).json
    path = f"/{told['links']['self']}"
    for _ in range(20):
        told = page.ask("GET", f"{path}?wait=25", X_Api_Key=key).json
        if told["state"] == "done":
            break
    assert (told["state"], told["review"]) == ("done", "open"), told
    assert told["doubt"] > 0.5

    def doubtful() -> list[str]:
        found, after = [], ""
        while after is not None:
            asked = f"/api/v1/photos?state=doubtful&limit=1&after={after}"
            part = page.ask("GET", asked, X_Api_Key=key).json
            found += [each["name"] for each in part["photos"] if each["name"] == "fog.jpg"]
            after = part["next"]
        return found

    for verb, review, listed in (
        ("accept", "accepted", []), ("reject", "rejected", []), ("reopen", "open", ["fog.jpg"]),
    ):  # fmt: skip
        found = page.ask("POST", f"{path}/{verb}", X_Api_Key=key)
        assert (found.status, found.json["review"]) == (200, review)
        assert doubtful() == listed
    only = page.token("submit,look")
    assert page.ask("POST", f"{path}/accept", X_Api_Key=only).status == 403

"""Who may, from where: links, sessions, tokens, hosts and other sites' pages, on a real daemon."""

from __future__ import annotations

import json

import pytest

from web.conftest import Page, form

ASKED = "/api/v1/status"


def test_a_link_is_good_once(page: Page) -> None:
    """It gives a cookie that no script reads and no other site sends."""
    link = page.verb("open").stdout.strip()
    address, _, key = link.partition("#key=")
    assert address == f"http://127.0.0.1:{page.port}/"
    said = json.dumps({"key": key})
    first = page.ask("POST", "/api/v1/session", said, Sec_Fetch_Site="same-origin")
    assert first.status == 204
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert page.ask("POST", "/api/v1/session", said).status == 401
    pair = cookie.partition(";")[0]
    assert page.ask("GET", ASKED, Cookie=pair).status == 200
    assert "steer" in page.ask("GET", "/api/v1/session", Cookie=pair).json["scopes"]
    ended = page.ask("DELETE", "/api/v1/session", Cookie=pair, Sec_Fetch_Site="same-origin")
    assert ended.status == 204
    assert page.ask("GET", ASKED, Cookie=pair).status == 401


def test_a_token_may_what_its_scopes_say_until_it_is_revoked(page: Page) -> None:
    """It is kept as a hash only; nothing on the page makes or widens one."""
    token = page.token("look")
    assert page.ask("GET", ASKED, X_Api_Key=token).status == 200
    put = page.ask("PUT", "/api/v1/photos?name=a.jpg", b"x", X_Api_Key=token)
    assert (put.status, put.json["code"]) == (403, "no_scope")
    assert token not in (page.home / "tokens.json").read_text()
    assert "look" in page.verb("token", "list").stdout
    assert page.verb("token", "add", "look").returncode == 1
    assert page.verb("token", "revoke", "look").returncode == 0
    assert page.verb("token", "revoke", "look").returncode == 1
    assert page.ask("GET", ASKED, X_Api_Key=token).status == 401


@pytest.mark.parametrize("path", ["/api/v1/photos/x.y", "/api/v1/status", "/api/v1/events"])
def test_without_a_session_nothing_is_told(page: Page, path: str) -> None:
    """Only the call that gives back what it was given is open, and only on this machine."""
    assert page.ask("GET", path).status in (401, 404)
    assert page.ask("GET", f"{path}?api_key=x&token=y").status in (401, 404)


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "", "localhost@evil.test", "[::2]", "10.0.0.1"]
)
def test_another_name_is_refused(page: Page, host: str) -> None:
    """So a name that was made to point here (DNS rebinding) gets nothing."""
    found = page.ask("GET", "/api/v1/session", Host=host)
    assert found.status in (400, 421)
    assert b"scopes" not in found.body


def test_another_sites_page_may_not_send(page: Page, photos: dict[str, bytes]) -> None:
    """A form needs no permission of the browser's; so where it comes from is looked at."""
    body, kind = form(("file", "a.jpg", photos["coffee"]))
    foreign = [
        {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://evil.test"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    ]  # fmt: skip
    for headers in foreign:
        found = page.ask("POST", "/api/remove", body, Content_Type=kind, **headers)
        assert (found.status, found.json["code"]) == (403, "cross_site"), headers
    own = {"Origin": f"http://127.0.0.1:{page.port}"}
    assert page.ask("POST", "/api/remove", body, Content_Type=kind, **own).status == 200


def test_who_comes_by_a_proxy_is_not_this_machine(page: Page, photos: dict[str, bytes]) -> None:
    """Its connection comes from loopback, too."""
    found = page.ask("POST", "/api/v1/cutout", photos["coffee"], X_Forwarded_For="10.0.0.7")
    assert found.status == 401


def test_every_answer_is_closed_to_others(page: Page) -> None:
    """No sniffing, no frames, no other origin; not even for errors."""
    for path in ("/api/v1/session", "/nothing", "/api/remove"):
        found = page.ask("GET", path, Origin="http://evil.test")
        assert found.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
        assert found.headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in found.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "%2e%2e%2fa", "AAAA.AAAA", "a" * 9000, "%00", "MGUx.VRZQJ4tsWH0PTBp1"],
)
def test_no_path_is_read_from_an_id(page: Page, name: str) -> None:
    """What was not made here is nobody's id."""
    assert page.ask("GET", f"/api/v1/photos/{name}/result").status in (400, 401, 404)

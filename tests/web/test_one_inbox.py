"""Lists and retries of one inbox of two, on a real daemon and its page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.conftest import await_true
from web.conftest import Page


class _Failing:
    """A page whose own folder and inbox have one photo each that is cut short."""

    def __init__(self, page: Page, data: bytes) -> None:
        self._page = page
        self._key = page.token("submit,look,review,steer")
        self.data = data
        (page.daemon.inbox / "theirs.jpg").write_bytes(data)
        assert self.ask("PUT", "photos?name=mine.jpg", data).status == 201
        keys = {each["inbox"]: each["key"] for each in self.get("status")["inboxes"]}
        self.theirs = keys.pop(str(page.daemon.inbox))
        (self.own,) = keys.values()
        await_true(self.failed)

    def ask(self, method: str, path: str, body: bytes | str | None = None) -> Any:
        return self._page.ask(method, f"/api/v1/{path}", body, X_Api_Key=self._key)

    def get(self, path: str) -> Any:
        found = self.ask("GET", path)
        assert found.status == 200, found.body
        return found.json

    def act(self, **asked: Any) -> Any:
        return self.ask("POST", "actions", json.dumps(asked))

    def names(self, **asked: str) -> list[str]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return sorted(each["name"] for each in self.get(f"photos?{query}")["photos"])

    def failed(self) -> bool:
        """Both are in quarantine."""
        return self.names(state="quarantined") == ["mine.jpg", "theirs.jpg"]


@pytest.fixture(scope="module")
def failing(page: Page, photos: dict[str, bytes]) -> _Failing:
    return _Failing(page, photos["chelsea"][:3000])


def test_a_list_is_of_one_inbox(failing: _Failing) -> None:
    assert failing.names(state="quarantined", inbox=failing.own) == ["mine.jpg"]
    assert failing.names(state="quarantined", inbox=failing.theirs) == ["theirs.jpg"]
    assert failing.names(inbox=failing.theirs, limit="1") == ["theirs.jpg"]
    assert failing.names(state="done", inbox=failing.own) == []
    for key in ("x", failing.own[:-1], "%00"):
        found = failing.ask("GET", f"photos?inbox={key}")
        assert (found.status, found.json["code"]) == (404, "not_found")


def test_what_waits_is_listed_and_retried_by_inbox(failing: _Failing) -> None:
    """While both are paused what is tried again can be seen to wait."""
    assert failing.ask("POST", "pause", "{}").status == 200
    try:
        failing.ask("PUT", "photos?name=new.jpg", failing.data + b"new")
        await_true(lambda: failing.names(state="waiting") == ["new.jpg"])
        assert failing.names(state="waiting", inbox=failing.theirs) == []
        found = failing.act(do="retry", state="quarantined", inbox=failing.theirs)
        assert found.status == 200, found.body
        (photo,) = found.json["done"]
        assert (found.json["failed"], found.json["more"]) == ([], False)
        assert failing.get(f"photos/{photo}")["name"] == "theirs.jpg"
        await_true(lambda: failing.names(state="waiting") == ["new.jpg", "theirs.jpg"])
        assert failing.names(state="waiting", inbox=failing.theirs) == ["theirs.jpg"]
        assert failing.names(inbox=failing.own) == ["mine.jpg", "new.jpg"]
        assert failing.names(state="quarantined") == ["mine.jpg"]
        again = failing.act(do="retry", state="quarantined", inbox=None).json
        assert [failing.get(f"photos/{each}")["name"] for each in again["done"]] == ["mine.jpg"]
        nothing = failing.act(do="retry", state="quarantined").json
        assert nothing == {"done": [], "failed": [], "more": False}
    finally:
        assert failing.ask("POST", "resume", "{}").status == 200
    await_true(lambda: len(failing.names(state="quarantined")) == 3)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"ids": ["x"], "state": "quarantined"}, 400),
        ({"ids": ["x"], "inbox": "x"}, 400),
        ({"inbox": None}, 400),
        ({"state": "done"}, 400),
        ({"state": ["quarantined"]}, 400),
        ({"state": None}, 400),
        ({"state": "quarantined", "inbox": "x"}, 404),
        ({"state": "quarantined", "inbox": ["x"]}, 404),
    ],
)
def test_a_filter_that_is_none_changes_nothing(
    failing: _Failing, asked: dict[str, Any], status: int
) -> None:  # fmt: skip
    before = failing.get("photos?state=quarantined")
    found = failing.act(do="retry", **asked)
    assert found.status == status, found.body
    assert found.json["detail"]
    assert failing.get("photos?state=quarantined") == before


def test_who_may_only_look_retries_nothing(failing: _Failing, page: Page) -> None:
    only = page.token("submit,look")
    asked = json.dumps({"do": "retry", "state": "quarantined"})
    assert page.ask("POST", "/api/v1/actions", asked, X_Api_Key=only).status == 403
    assert len(failing.names(state="quarantined")) == 3

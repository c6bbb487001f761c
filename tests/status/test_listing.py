"""Lists of photos and retries of what failed, of one inbox or all, on a ledger without a daemon."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.plan import inbox_key
from nobgd.status import answers
from nobgd.values import Code, Done, Failed

STATES = "", "retrying", "done", "quarantined", "doubtful"
MOST = 1000  # photos of one retry


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    text = "inboxes: [{path: a, outbox: o}, {path: b, outbox: p}]"
    return config.parse(text, "nobgd.yaml", tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """In each of two inboxes, in turns: done, doubtful, in quarantine, to be tried again."""
    now = itertools.count(1.0)
    made = Ledger(str(tmp_path / "ledger.sqlite3"), lambda: next(now) // 3)  # some at one time
    for number in range(12):
        for inbox in (str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "of old")):
            name = f"{number}.jpg"
            made.begin(inbox, name, 100, 5, "/out", f"{name}.png")
            review = "open" if number % 4 == 1 else None
            match number % 4:
                case 0 | 1:
                    made.done(Done(inbox, name, f"/out/{name}.png", "0" * 64, "recipe", 4, 3, 1, 9),
                              "/out", None, review)  # fmt: skip
                case 2:
                    made.quarantined(Failed(inbox, name, Code.BROKEN, "it is broken"))
                case _:
                    made.retry(Failed(inbox, name, Code.BROKEN, "no"), 1e12, burn=True)
    made.commit()
    yield made
    made.close()


def asked(settings: Config, ledger: Ledger, **request: Any) -> dict[str, Any]:
    return answers.answer(settings, ledger, None, request)


def parts(settings: Config, ledger: Ledger, state: str, **more: Any) -> list[dict[str, Any]]:
    """The whole list, two at a time."""
    found: list[dict[str, Any]] = []
    after = None
    for _ in range(40):
        request = {"state": state, "after": after, "limit": 2, **more}
        part = asked(settings, ledger, do="photos", **request)
        assert len(part["photos"]) <= 2
        found += part["photos"]
        if (after := part["next"]) is None:
            return found
    pytest.fail("it has no end")


@pytest.mark.parametrize("state", STATES)
def test_the_list_of_an_inbox_is_that_part_of_the_list_of_all(
    settings: Config, ledger: Ledger, state: str
) -> None:
    whole = parts(settings, ledger, state)
    keys = [inbox_key(str(each.path)) for each in settings.inboxes]
    assert {each["inbox"] for each in whole} == set(keys)
    for key in keys:
        mine = parts(settings, ledger, state, inbox=key)
        assert mine == [each for each in whole if each["inbox"] == key]
        assert len(mine) == (12 if state == "" else 6 if state == "done" else 3)


def test_an_inbox_that_there_is_not_has_no_list(settings: Config, ledger: Ledger) -> None:
    old = inbox_key(str(settings.inboxes[0].path.with_name("of old")))
    said = {"error": "there is no such inbox"}
    for key in ("x", "", old):
        request = {"state": "", "after": None, "limit": 2, "inbox": key}
        assert asked(settings, ledger, do="photos", **request) == said
        assert asked(settings, ledger, do="retry", state="quarantined", inbox=key) == said


def test_what_failed_is_tried_again_in_one_inbox_or_all(settings: Config, ledger: Ledger) -> None:
    a, b = (str(each.path) for each in settings.inboxes)
    old = str(Path(a).with_name("of old"))
    found = asked(settings, ledger, do="retry", state="quarantined", inbox=inbox_key(b))
    assert found["freed"] == [[inbox_key(b), f"{number}.jpg"] for number in (10, 6, 2)]
    assert found["more"] is False
    assert [ledger.count(each, "quarantined") for each in (a, b, old)] == [3, 0, 3]
    assert [ledger.count(each, "retry") for each in (a, b, old)] == [3, 3, 3]
    found = asked(settings, ledger, do="retry", state="retrying", inbox=None)
    assert len(found["freed"]) == 6
    assert [ledger.count(each, "retry") for each in (a, b, old)] == [0, 0, 3]
    for state in ("done", "doubtful", "", "trying"):
        assert "error" in asked(settings, ledger, do="retry", state=state, inbox=None)
    assert [ledger.count(each, "done") for each in (a, b, old)] == [6, 6, 6]


@pytest.mark.parametrize("more", [0, 1])
def test_a_retry_takes_so_many_and_says_whether_there_are_others(
    settings: Config, ledger: Ledger, more: int
) -> None:
    a, b = (str(each.path) for each in settings.inboxes)
    for number in range(MOST - 6 + more):  # there are three in each
        ledger.begin(a, f"x{number}.jpg", 100, 5, "/out", f"x{number}.png")
        ledger.quarantined(Failed(a, f"x{number}.jpg", Code.BROKEN, "it is broken"))
    found = asked(settings, ledger, do="retry", state="quarantined", inbox=None)
    assert len(found["freed"]) == MOST
    assert found["more"] is bool(more)
    assert ledger.count(a, "quarantined") + ledger.count(b, "quarantined") == more

"""`nobgd list`, `accept`, `reject` and `retry --changed` on a ledger, without a daemon."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.config import Config
from nobgd.jobs import doubtful, recipes
from nobgd.jobs.ledger import Ledger
from nobgd.status import answers, inventory
from nobgd.values import Code, Done, Failed, Job, Photo, Recipe

RECIPE = Recipe("u2net", "0" * 64, "fp32", edges="fine")
OLDER = replace(RECIPE, edges="plain")


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    text = "inboxes: [{path: b, outbox: o}, {path: a, outbox: p}]"
    return config.parse(text, "nobgd.yaml", tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Three photos done in one inbox, one of them doubtful, one by an older recipe; others."""
    made = Ledger(str(tmp_path / "ledger.sqlite3"), time.time)
    inbox = str(tmp_path / "b")
    photos = ("1.jpg", 0.2, OLDER), ("2.jpg", 0.9, RECIPE), ("3\n.jpg", 0.1, RECIPE)
    for name, doubt, recipe in photos:
        made.begin(inbox, name, 100, 5, str(tmp_path / "o"), f"{name}.png")
        done = Done(
            inbox, name, str(tmp_path / f"o/{name}.png"), "0" * 64, recipe.key, 4, 3, 100, 9,
            subject_confidence=0.1, keep=Code.NOTHING_FOUND if doubt > 0.5 else "", doubt=doubt,
            review=doubt > 0.5,
        )  # fmt: skip
        made.done(done, str(tmp_path / "o"), None, "open" if done.review else None)
    other = str(tmp_path / "a")
    made.skipped(Photo(other, "x.txt", 1, 1, 0.0), "not named like a photo")
    made.begin(other, "y.jpg", 1, 1, "o", "y")
    made.quarantined(Failed(other, "y.jpg", Code.BROKEN, "it is broken"))
    fact = recipes.counting(None, RECIPE, {"model": {}, "edges": None, "rendering": {}})
    made.remember(f"recipes {inbox}", fact)
    made.commit()
    yield made
    made.close()


def listed(settings: Config, ledger: Ledger, state: str | None = None, **more: Any) -> list[str]:
    """Names of photos, by as many requests as it takes."""
    names: list[str] = []
    after: list[str] | None = ["", ""]
    while after is not None:
        request = {"do": "list", "state": state, "after": after, **more}
        answer = json.loads(json.dumps(answers.answer(settings, ledger, None, request)))
        names += [Path(photo["source"]).name for photo in answer["photos"]]
        after = answer["after"]
    return names


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_all_are_listed_by_inbox_and_name(
    settings: Config, ledger: Ledger, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages that takes; a name is shown as it can be printed."""
    monkeypatch.setattr(inventory, "_LOOKED_AT", page)
    assert listed(settings, ledger) == ["x.txt", "y.jpg", "1.jpg", "2.jpg", "3\\n.jpg"]
    assert listed(settings, ledger, "done") == ["1.jpg", "2.jpg", "3\\n.jpg"]
    assert listed(settings, ledger, "quarantined") == ["y.jpg"]
    assert listed(settings, ledger, "doubtful") == ["2.jpg"]
    assert listed(settings, ledger, "accepted") == []


def test_what_an_older_recipe_made_is_let_go(settings: Config, ledger: Ledger) -> None:
    """Until then it counts as done."""
    inbox = str(settings.inboxes[0].path)
    assert listed(settings, ledger, changed=True) == ["1.jpg"]
    asked = {"do": "retry", "changed": True}
    assert answers.answer(settings, ledger, None, asked) == {"inboxes": [inbox]}
    assert json.loads(ledger.fact(f"recipes {inbox}") or "")["count"] == [RECIPE.key]
    assert answers.answer(settings, ledger, None, asked) == {"inboxes": []}


def test_a_verdict_is_booked(settings: Config, ledger: Ledger) -> None:
    """An original in which nothing was found may go once somebody says that it is good."""
    inbox = str(settings.inboxes[0].path)
    before = ledger.get(inbox, "2.jpg")
    assert before is not None
    code, why = doubtful.stays(before) or (None, "")
    assert code is Code.NOTHING_FOUND
    assert "probably no subject; look at its cut-out and run `nobgd accept`" in why
    told = answers.answer(settings, ledger, None, {
        "do": "accept", "paths": [f"{inbox}/2.jpg", f"{inbox}/9.jpg", "/elsewhere/a.jpg"],
    })  # fmt: skip
    assert told == {"judged": [f"{inbox}/2.jpg"]}
    row = ledger.get(inbox, "2.jpg")
    assert row is not None
    assert (row.review, row.keep, doubtful.stays(row)) == ("accepted", "", None)
    assert doubtful.accepted(row, RECIPE)
    assert doubtful.accepted(row, replace(RECIPE, rendering="ffffff"))
    assert not doubtful.accepted(row, replace(RECIPE, model="isnet"))
    answers.answer(settings, ledger, None, {"do": "reject", "paths": [f"{inbox}/2.jpg"]})
    row = ledger.get(inbox, "2.jpg")
    assert row is not None
    assert (doubtful.stays(row) or ("",))[0] is Code.DOUBTFUL
    further = replace(before, keep=Code.MORE_PICTURES)  # what no verdict mends is said first
    assert (doubtful.stays(further) or ("",))[0] is Code.MORE_PICTURES
    assert listed(settings, ledger, "rejected") == ["2.jpg"]


def test_what_was_accepted_stays_so_when_it_is_made_again() -> None:
    """And what is doubtful now is open."""
    done = Done("/in", "a.jpg", "/out/a", "0" * 64, "r", 1, 1, 1, 1, review=True)
    job = Job("/in", "a.jpg", 1, 1, "/out", ("a",), frozenset(), frozenset(), "k", RECIPE)
    assert doubtful.review(job, done) == "open"
    assert doubtful.review(job, replace(done, review=False)) is None
    assert doubtful.review(replace(job, accepted=True), done) == "accepted"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("b", "is an inbox: 3 done; its cut-outs go to {}/o; the daemon is not running"),
        ("b/", "is an inbox: 3 done"),
        ("a", "is an inbox: 1 quarantined, 1 skipped"),
        ("o", "is an outbox: cut-outs of photos in {}/b go there"),
        ("o/1.jpg.png", "was made from {}/b/1.jpg at "),
        ("b/1.jpg", "the original has left the inbox"),
        ("o/other.png", "no photo that nobgd knows of has it for its cut-out"),
        ("c/1.jpg", "is in no inbox; the inboxes are {0}/b, {0}/a"),
    ],
)
def test_why_has_an_answer_for_what_is_no_photo_or_has_left(
    settings: Config, ledger: Ledger, tmp_path: Path, path: str, says: str
) -> None:
    """An inbox, an outbox, a cut-out, a file of somebody else's; an original that went unseen."""
    for name in "abo":
        (tmp_path / name).mkdir()
    asked = {"do": "why", "path": f"{tmp_path}/{path}"}
    assert says.format(tmp_path) in answers.answer(settings, ledger, None, asked)["why"]


def test_retry_says_which_cut_outs_stand_in_its_way(
    settings: Config, ledger: Ledger, tmp_path: Path
) -> None:
    """They would only be found again."""
    (tmp_path / "o").mkdir()
    (tmp_path / "o/1.jpg.png").touch()
    paths = [f"{tmp_path}/b/1.jpg", f"{tmp_path}/b/2.jpg", f"{tmp_path}/a/y.jpg"]
    told = answers.answer(settings, ledger, None, {"do": "retry", "paths": paths})
    assert told["freed"] == paths
    assert told["standing"] == {paths[0]: f"{tmp_path}/o/1.jpg.png"}
    assert "outputs" not in told

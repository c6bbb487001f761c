"""Which recipes count as done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from nobgd.jobs import recipes
from nobgd.values import Recipe, Rendering

FINE = Recipe("u2net", "0" * 64, "fp32", edges="fine")
PLAIN = replace(FINE, edges="plain")


WHITE = replace(FINE, rendering=Rendering(background="#ffffff").key)


def counting(
    before: str | None,
    recipe: Recipe,
    edges: str | None = None,
    *,
    model: dict[str, Any] | None = None,
    rendering: dict[str, Any] | None = None,
) -> str:
    asked = {"model": model or {}, "edges": edges, "rendering": rendering or {}}
    return recipes.counting(before, recipe, asked)


def keys(fact: str) -> set[str]:
    return set(json.loads(fact)["count"])


def test_plain_edges_have_the_key_of_the_time_before_there_were_others() -> None:
    """Nothing that an older nobgd made is done again by who asks for plain edges."""
    assert PLAIN.key == f"u2net:fp32:{'0' * 64}:r1"


def test_fine_edges_that_were_made_before_their_arithmetic_changed_stay() -> None:
    """They have another key since, and count as long as nothing else is asked for."""
    before = f"{PLAIN.key}:fine"
    assert FINE.key == f"u2net:fp32:{'0' * 64}:r4:fine"
    fact = json.dumps({"asked": [FINE.weights, "fine"], "count": [before]})
    assert keys(counting(fact, FINE, "fine")) == {before, FINE.key}


def test_after_an_upgrade_what_was_made_before_counts() -> None:
    """Nothing is remembered and nothing said: plain and fine are both done, now and later."""
    first = counting(None, FINE, None)
    assert keys(first) == {PLAIN.key, FINE.key}
    assert counting(first, FINE, None) == first


def test_who_asks_for_fine_edges_gets_them_everywhere() -> None:
    """Said at the upgrade or any time after it, only fine counts."""
    assert keys(counting(None, FINE, "fine")) == {FINE.key}
    assert keys(counting(counting(None, FINE, None), FINE, "fine")) == {FINE.key}


def test_plain_and_back() -> None:
    """Each change of what the user says does everything anew; the same said again nothing."""
    upgraded = counting(None, FINE, None)
    plain = counting(upgraded, PLAIN, "plain")
    assert keys(plain) == {PLAIN.key}
    assert counting(plain, PLAIN, "plain") == plain
    assert keys(counting(plain, FINE, None)) == {FINE.key}
    assert keys(counting(plain, FINE, "fine")) == {FINE.key}


def test_another_model_does_everything_anew() -> None:
    """Whatever counted before was made by other weights."""
    other = replace(FINE, checksum="1" * 64)
    assert keys(counting(counting(None, FINE, None), other, None)) == {other.key}


def test_better_arithmetic_leaves_what_was_made() -> None:
    """The next revision is no change that the user made."""
    before = counting(None, FINE, "fine")
    after = replace(FINE, revision=2)
    assert keys(counting(before, after, "fine")) == {FINE.key, after.key}


def test_a_ledger_of_the_time_before_there_were_renderings() -> None:
    """What it remembered still counts while nothing else is asked for."""
    before = json.dumps({"asked": [FINE.weights, None], "count": [PLAIN.key, FINE.key]})
    assert keys(counting(before, FINE)) == {PLAIN.key, FINE.key}
    assert keys(counting(before, WHITE, rendering={"background": "#ffffff"})) == {WHITE.key}


def test_another_ground_does_everything_anew_and_a_default_that_is_said_nothing() -> None:
    """Quality 90 is what it was; white is not."""
    first = counting(None, FINE)
    assert keys(counting(first, FINE, rendering={"quality": 90})) == keys(first)
    assert keys(counting(first, WHITE, rendering={"background": "#ffffff"})) == {WHITE.key}


def test_an_upgrade_that_changes_a_default_does_nothing_anew() -> None:
    """Neither another model nor another rendering that nobody asked for."""
    first = counting(None, FINE)
    newer = replace(FINE, model="isnet", checksum="2" * 64)
    assert keys(counting(first, newer)) == {PLAIN.key, FINE.key, newer.key}
    assert keys(counting(first, newer, model={"name": "isnet"})) == {newer.key}
    assert keys(counting(first, WHITE)) == {PLAIN.key, FINE.key, WHITE.key}

"""Which recipes' outputs count as done in each inbox.

The one in force does.  When an upgrade brings another default, or better arithmetic, so do those
before it: what an older nobgd made stays done, until `nobgd retry --changed` lets go of it.  When
the user asks for something else than before, only the new one does, and everything is done again.
What the user asked for is remembered in the ledger; where it is not, the ledger is new or of a
nobgd that had plain edges only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nobgd.config import Config, InboxConfig
from nobgd.config.presets import PRESETS
from nobgd.jobs.ledger import Ledger
from nobgd.values import Recipe

_RENDERED = frozenset({
    "preset", "format", "quality", "background", "crop", "margin", "canvas", "longest_side",
    "metadata", "mask",
})  # fmt: skip


class Recipes:
    """The recipes that count, by inbox.  Only accessed from the main loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._count: dict[str, frozenset[str]] = {}

    def apply(self, config: Config, recipes: Mapping[str, Recipe]) -> None:
        """A configuration comes into force; what counts now is remembered with the next commit."""
        for inbox in config.inboxes:
            path, recipe = str(inbox.path), recipes[str(inbox.path)]
            name = f"recipes {path}"
            fact = counting(self._ledger.fact(name), recipe, asked_for(inbox))
            self._ledger.remember(name, fact)
            self._count[path] = frozenset(json.loads(fact)["count"])

    def counting(self, inbox: str) -> frozenset[str]:
        """Keys of the recipes whose outputs are as good as made by that in force."""
        return self._count.get(inbox, frozenset())

    def forget(self) -> None:
        """Read again what counts: `let_go` was called."""
        for inbox in self._count:
            fact = self._ledger.fact(f"recipes {inbox}")
            self._count[inbox] = frozenset(json.loads(fact)["count"]) if fact else frozenset()


def current(ledger: Ledger, inbox: str) -> str | None:
    """The key of the recipe that came into force last; None: there was none."""
    fact = ledger.fact(f"recipes {inbox}")
    return None if fact is None else str(json.loads(fact)["count"][-1])


def let_go(ledger: Ledger, inbox: str) -> bool:
    """Let only the recipe in force count from now on; whether others did."""
    fact = ledger.fact(f"recipes {inbox}")
    known = json.loads(fact) if fact is not None else {}
    if len(known.get("count", ())) < 2:
        return False
    known["count"] = known["count"][-1:]
    ledger.remember(f"recipes {inbox}", json.dumps(known))
    return True


def asked_for(inbox: InboxConfig) -> dict[str, Any]:
    """What the user says of an inbox's pixels, defaults left out; a preset says its keys."""
    output, model = inbox.output, inbox.model
    preset = PRESETS.get(output.preset or "", {})
    words = {name: getattr(output, name) for name in sorted(output.model_fields_set & _RENDERED)}
    by_preset = type(output).model_validate(preset)
    said = {name: value for name, value in words.items()
            if name not in preset or value != getattr(by_preset, name)}  # fmt: skip
    return {
        "model": {name: getattr(model, name) for name in ("name", "precision")
                  if name in model.model_fields_set},
        "edges": output.edges if "edges" in output.model_fields_set else None,
        "rendering": said,
    }  # fmt: skip


def counting(before: str | None, recipe: Recipe, asked: Mapping[str, Any]) -> str:
    """What to remember of an inbox: what is asked for, and the keys of recipes that count.

    ``before`` is what was remembered; ``asked`` is `asked_for`'s.
    """
    known = json.loads(before) if before is not None else None
    if known is None:
        older = [] if asked["edges"] or recipe.rendering else [replace(recipe, edges="plain").key]
    else:
        older = known["count"] if _as_before(known, recipe, asked) else []
    count = [*(key for key in dict.fromkeys(older) if key != recipe.key), recipe.key]
    fact = {"asked": dict(asked), "weights": recipe.weights, "rendering": recipe.rendering}
    return json.dumps({**fact, "count": count})


def _as_before(known: dict[str, Any], recipe: Recipe, asked: Mapping[str, Any]) -> bool:
    """Whether the user asks for what was asked for; what else differs, an upgrade brought."""
    was = known["asked"]
    if isinstance(was, list):  # of a nobgd that had no renderings
        return was == [recipe.weights, asked["edges"]] and not recipe.rendering
    if (was["model"], was["edges"]) != (asked["model"], asked["edges"]):
        return False
    if was["rendering"] != asked["rendering"] and known["rendering"] != recipe.rendering:
        return False
    name, precision, _ = known["weights"].split(":")
    same = (name, precision) == (recipe.model, recipe.precision)
    return not same or known["weights"] == recipe.weights  # else other weights of that name

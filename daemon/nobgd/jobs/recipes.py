"""Which recipes' outputs count as done in each inbox.

The one in force does.  When an upgrade brings another default, or better arithmetic, so do those
before it: what an older nobgd made stays done.  When the user asks for something else than before,
only the new one does, and everything is done again.  What the user asked for is remembered in the
ledger; where it is not, the ledger is new or of a nobgd that had plain edges only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.values import Recipe


class Recipes:
    """The recipes that count, by inbox.  Only accessed from the main loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._count: dict[str, frozenset[str]] = {}

    def apply(self, config: Config, recipes: Mapping[str, Recipe]) -> None:
        """A configuration comes into force; what counts now is remembered with the next commit."""
        for inbox in config.inboxes:
            path, recipe = str(inbox.path), recipes[str(inbox.path)]
            said = inbox.output.edges if "edges" in inbox.output.model_fields_set else None
            name = f"recipes {path}"
            fact = counting(self._ledger.fact(name), recipe, said)
            self._ledger.remember(name, fact)
            self._count[path] = frozenset(json.loads(fact)["count"])

    def counting(self, inbox: str) -> frozenset[str]:
        """Keys of the recipes whose outputs are as good as made by that in force."""
        return self._count.get(inbox, frozenset())


def counting(before: str | None, recipe: Recipe, edges: str | None) -> str:
    """What to remember of an inbox: what is asked for, and the keys of recipes that count.

    ``before`` is what was remembered; ``edges`` is what the configuration says, None: nothing.
    """
    asked = [recipe.weights, edges]
    known = json.loads(before) if before is not None else None
    if known is None:
        older = [] if edges else [replace(recipe, edges="plain").key]
    else:
        older = known["count"] if known["asked"] == asked else []
    count = [*dict.fromkeys([*older, recipe.key])]
    return json.dumps({"asked": asked, "count": count})

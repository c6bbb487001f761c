"""Photos that somebody wants made in another way than configured: by another model, other edges.

The ledger has the wish, `{"model": "u2netp:fp32", "edges": "plain", "touch": "<SHA-256>"}`, until
the photo changes or is tried again as configured.  A model that is not there any more is no wish.
What is painted over a cut-out (`touch`) is added to what was wished for; another model or other
edges begin anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from nobgd.config import Config
from nobgd.jobs.row import Row
from nobgd.jobs.state import State
from nobgd.values import Recipe

EDGES = ("plain", "fine")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMED = 12  # digits of it in the recipe


def choices(config: Config) -> dict[str, list[str]]:
    """What may be asked for: {"models": ["u2net:fp32", …], "edges": […]}."""
    models = [f"{one.name}:{one.precision}" for one in config.models()]
    matting = any(inbox.output.edges == "matting" for inbox in config.inboxes)
    return {"models": models, "edges": [*EDGES, *(["matting"] if matting else [])]}


def wish(config: Config, asked: dict[str, Any], before: str | None = None) -> str | None:
    """A wish as the ledger has it, after the one ``before``; None: none any more.

    Raises ValueError with a sentence for what is not there.
    """
    if isinstance(touch := asked.get("touch"), str):
        if touch and not _SHA256.fullmatch(touch):
            raise ValueError("touch: is the SHA-256 of what was painted, or nothing")
        known = {**json.loads(before or "{}"), "touch": touch}
        known = {name: value for name, value in known.items() if value}
        return json.dumps(known) if known else None
    offered = choices(config)
    found = {}
    for name, many in (("model", offered["models"]), ("edges", offered["edges"])):
        value = asked.get(name)
        if value is None:
            continue
        if value not in many:
            more = "; review.redo names further ones" if name == "model" else ""
            raise ValueError(f"{name}: there are {', '.join(many)}{more}")
        found[name] = value
    if not found:
        raise ValueError("say by which model, or with which edges")
    return json.dumps(found)


def recipe(state: State, inbox: str, row: Row | None) -> Recipe:
    """By which recipe a photo of this inbox is made."""
    usual = state.making[inbox]
    found = json.loads(row.redo) if row is not None and row.redo is not None else {}
    model = found.get("model", f"{usual.model}:{usual.precision}")
    base = state.others.get(model) if "model" in found else usual
    if base is None:
        return usual
    return replace(
        base, edges=found.get("edges", usual.edges), rendering=usual.rendering,
        touched=found.get("touch", "")[:_NAMED],
    )  # fmt: skip


def touch(row: Row | None) -> str | None:
    """The name of the file that is painted over this photo's cut-out."""
    found = json.loads(row.redo).get("touch") if row is not None and row.redo else None
    return f"{found}.png" if found else None


def counting(state: State, row: Row | None, inbox: str = "") -> frozenset[str]:
    """Keys of the recipes by which this photo counts as done."""
    if row is None or row.redo is None or row.left:
        return state.recipes.counting(inbox if row is None else row.inbox)
    return frozenset({recipe(state, row.inbox, row).key})

"""What pydantic found wrong, as a sentence at its place in the text, with a guess at a typo."""

from __future__ import annotations

import difflib
import typing
from typing import Any

from pydantic import BaseModel

from nobgd.config.model import Config
from nobgd.config.reading import Document, Spot

_OR_AUTO = frozenset({"count", "threads", "infer", "in_flight_megapixels"})
_KINDS = {
    "string_type": "must be text",
    "path_type": "must be a path",
    "tuple_type": "must be a list, as in [one, two]",
    "model_type": "must be a section: keys with values below it",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
}

_INBOXES = {  # by how deep, as most who write the file for the first time stumble here
    (1, "tuple_type"): 'must be a list: "- path: in" and, below path, "outbox: out"',
    (2, "model_type"): "must be two keys, as in {path: in, outbox: out}",
}


def complain(document: Document, error: Any) -> None:
    """Note one entry of `ValidationError.errors` as a problem of the document."""
    spot = _known(document, tuple(error["loc"]))
    name = str(error["loc"][-1])
    kind = error["type"]
    if kind == "extra_forbidden":
        guess = difflib.get_close_matches(name, _fields(error["loc"][:-1]), 1, 0.6)
        hint = f"; did you mean {guess[0]}?" if guess else ""
        document.complain(spot, f"unknown key {name}{hint}", key=True)
    elif kind == "missing":
        document.complain(spot, f"{name} is missing")
    elif kind == "too_short" and error["input"]:
        return  # the inboxes there are have been complained of already
    else:
        names = ".".join(str(part) for part in spot if isinstance(part, str))
        said = _taken_for(document, spot, error) or _sentence(spot, error)
        document.complain(spot, f"{names or 'configuration'}: {said}")


def _taken_for(document: Document, spot: Spot, error: Any) -> str | None:
    """YAML 1.1 reads no as false and 2024-05-01 as a date where a word was meant."""
    value, word = error["input"], document.words.get(spot)
    if spot[-1:] and spot[-1] in _OR_AUTO:  # a number is right there, only not this one
        return None
    if word is None or isinstance(value, str) or error["type"].startswith(("float", "int", "bool")):
        return None
    if error["type"] not in ("string_type", "literal_error", "value_error"):
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and error["type"] != "string_type":  # one may be right there, only not this one
        return None
    if isinstance(value, bool):
        taken = "true" if value else "false"
    else:
        taken = "a number" if number else "a date"
    return f'YAML takes {word} for {taken}; write "{word}"'


def _sentence(spot: Spot, error: Any) -> str:
    if spot[:1] == ("inboxes",) and (said := _INBOXES.get((len(spot), error["type"]))):
        return said
    if spot[-1:] and spot[-1] in _OR_AUTO:
        return "must be a number above 0, or auto"
    said = _KINDS.get(error["type"]) or str(error["msg"])
    said = said.removeprefix("Value error, ").replace("Input should be", "must be")
    return said[:1].lower() + said[1:]


def _known(document: Document, spot: Spot) -> Spot:
    """Where the value stands: in the inbox, or in the section it was filled from."""
    while spot and spot not in document.spots:
        if len(spot) > 2 and spot[0] == "inboxes" and spot[2:] in document.spots:
            return spot[2:]
        shorter = spot[:-1]  # a union's branch, or a key that is missing
        if shorter in document.spots or not shorter:
            return shorter
        spot = shorter
    return spot


def _fields(spot: Spot) -> list[str]:
    """The keys that a section may have."""
    model: type[BaseModel] = Config
    for part in spot:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        kinds = [field.annotation, *typing.get_args(field.annotation)] if field else []
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), model)
    return [name for name in model.model_fields if name != "origin"]

"""YAML text → `Config`, every error with file:line:column, all of them at once."""

from __future__ import annotations

import difflib
import os
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from nobgd.config import folders
from nobgd.config.model import (
    Config,
    InboxConfig,
    Log,
    Metrics,
    Model,
    Output,
    Watch,
    Workers,
)
from nobgd.config.reading import Document, Problem, Spot, read

__all__ = [
    "Config", "ConfigError", "InboxConfig", "Log", "Metrics", "Model", "Output", "Problem",
    "Watch", "Workers", "load", "parse",
]  # fmt: skip

_OR_AUTO = frozenset({"count", "threads", "in_flight_megapixels"})
_OVERRIDES = ("model", "output", "watch")  # sections an inbox may override in part


class ConfigError(Exception):
    """The configuration cannot be used; one line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load(path: Path) -> Config:
    """Read a file and look how its folders lie.  Raises `ConfigError`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            [Problem(str(path), 1, 1, "there is no such file; name one with -c FILE")]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from None
    base = Path(os.path.abspath(path)).parent
    document = read(text, str(path))
    config = _understand(document, base)
    for spot, sentence in folders.clashes(config):
        document.complain(spot, sentence)
    if document.problems:
        raise ConfigError(document.problems)
    return config


def parse(text: str, origin: str, base: Path) -> Config:
    """The same without looking at the disk.  Raises `ConfigError`."""
    return _understand(read(text, origin), base)


def _understand(document: Document, base: Path) -> Config:
    values = document.values
    if not document.problems and not isinstance(values, dict):
        document.complain((), "the configuration is empty; it needs at least inboxes:")
    if not isinstance(values, dict):
        raise ConfigError(document.problems)
    config = None
    try:
        config = Config.model_validate(_merged(values), context={"base": str(base)})
    except ValidationError as error:
        for each in sorted(error.errors(), key=lambda each: each["type"] == "too_short"):
            _complain(document, each)
    if config is None or document.problems:
        raise ConfigError(document.problems)
    inboxes = tuple(
        each.model_copy(update={"quarantine": folder})
        for each, folder in zip(config.inboxes, folders.quarantines(config), strict=True)
    )
    return config.model_copy(update={"inboxes": inboxes, "origin": document.origin})


def _merged(values: dict[str, Any]) -> dict[str, Any]:
    """Fill what an inbox does not override from the sections at the top."""
    inboxes = values.get("inboxes")
    if not isinstance(inboxes, list):
        return {k: v for k, v in values.items() if v is not None}
    full = []
    for inbox in inboxes:
        if not isinstance(inbox, dict):
            full.append(inbox)
            continue
        merged = {k: v for k, v in inbox.items() if v is not None}
        for name in _OVERRIDES:
            top, own = values.get(name), inbox.get(name)
            if isinstance(top, dict) and (own is None or isinstance(own, dict)):
                merged[name] = {**top, **(own or {})}
        full.append(merged)
    return {**{k: v for k, v in values.items() if v is not None}, "inboxes": full}


def _complain(document: Document, error: Any) -> None:
    """One pydantic error as a problem: at its place, in a sentence, with a guess at a typo."""
    spot = _known(document, tuple(error["loc"]))
    name = str(error["loc"][-1])
    kind = error["type"]
    if kind == "extra_forbidden":
        guess = difflib.get_close_matches(name, _fields(error["loc"][:-1]), 1, 0.6)
        hint = f"; did you mean {guess[0]}?" if guess else ""
        document.complain(spot, f"unknown key {name}{hint}", key=True)
    elif kind == "missing":
        document.complain(spot, f"{name} is missing")
    elif kind == "too_short" and spot in document.spots and document.problems:
        return  # the inboxes there are have been complained of already
    elif spot[-1:] and spot[-1] in _OR_AUTO:
        document.complain(spot, f"{'.'.join(map(str, spot))}: must be a number above 0, or auto")
    else:
        names = [str(part) for part in spot if isinstance(part, str)]
        said = str(error["msg"]).removeprefix("Value error, ")
        document.complain(spot, f"{'.'.join(names) or 'configuration'}: {_lower(said)}")


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


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]

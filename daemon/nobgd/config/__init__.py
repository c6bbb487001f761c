"""YAML text → `Config`, every error with file:line:column, all of them at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nobgd.config import complaints, folders, presets, webbing
from nobgd.config.model import (
    Cluster,
    Config,
    InboxConfig,
    Log,
    Metrics,
    Model,
    Watch,
    Web,
    Workers,
)
from nobgd.config.output import Output, Review
from nobgd.config.reading import Document, Problem, read

__all__ = [
    "Cluster",
    "Config",
    "ConfigError",
    "InboxConfig",
    "Log",
    "Metrics",
    "Model",
    "Output",
    "Problem",
    "Review",
    "Watch",
    "Web",
    "Workers",
    "load",
    "parse",
]  # fmt: skip

_OVERRIDES = ("model", "output", "watch", "review")  # sections an inbox may override in part


class ConfigError(Exception):
    """The configuration cannot be used; one line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


def example() -> str:
    """The example that explains every key: of the repository, else what came along with nobgd."""
    here = Path(__file__).parent.parent
    folders = (here / "_config", here.parents[1] / "config")
    file = next(path for each in folders if (path := each / "nobgd.example.yaml").is_file())
    return file.read_text(encoding="utf-8")


def load(path: Path) -> Config:
    """Read a file and look how its folders lie.  Raises `ConfigError`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            [Problem(str(path), 1, 1, "there is no such file; name one with -c FILE")]
        ) from None
    except OSError as error:
        said = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), 1, 1, said)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        said = "not UTF-8 text; save the file as UTF-8"
        raise ConfigError([Problem(str(path), line, 1, said)]) from None
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
            complaints.complain(document, each)
    if config is None or document.problems:
        raise ConfigError(document.problems)
    if config.web is not None:
        config = webbing.with_inbox(config)
    inboxes = tuple(
        each.model_copy(update={"quarantine": folder})
        for each, folder in zip(config.inboxes, folders.quarantines(config), strict=True)
    )
    metrics = config.metrics
    if "textfile" not in metrics.model_fields_set:  # null is said by who wants none
        metrics = metrics.model_copy(update={"textfile": folders.metrics_file(config)})
    return config.model_copy(
        update={"inboxes": inboxes, "metrics": metrics, "origin": document.origin}
    )


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
            top, own = (presets.spelt_out(each.get(name)) if name == "output" else each.get(name)
                        for each in (values, inbox))  # fmt: skip
            if isinstance(top, dict) and (own is None or isinstance(own, dict)):
                merged[name] = {**top, **(own or {})}
            elif own is not None:
                merged[name] = own
        full.append(merged)
    top = {name: value for name, value in values.items() if value is not None}
    if "output" in top:
        top["output"] = presets.spelt_out(top["output"])
    return {**top, "inboxes": full}

"""What a worker is told by its file: the join file itself, or a few keys that name one."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nobgd.cluster import join
from nobgd.cluster.join import Join, JoinError
from nobgd.values import share

_MOST = 64_000  # bytes
_OF_JOIN = frozenset({"url", "user", "secret", "ca", "protocol"})


class Settings(BaseModel):
    """The keys of a worker's file; paths are relative to its folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    join: Path
    lanes: int | Literal["auto"] = Field("auto")  # inferences at a time
    engine: Literal["auto", "onnxruntime", "ncnn", "openvino", "cuda"] = "auto"
    priority: int = Field(5, ge=0, le=9)  # 0 is asked first, 9 only when all others are full
    cache_dir: Path = Field(default_factory=lambda: _cache())
    models: Path | None = None  # a folder of weights besides the usual ones
    shares: dict[str, Path] = Field(default_factory=dict)  # folders of home's, as they are here


def read(path: Path) -> tuple[Settings, Join]:
    """The file at ``path`` and the join file that it is or names.  Raises `JoinError`."""
    settings = _settings(path)
    return settings, join.read(settings.join)


def _settings(path: Path) -> Settings:
    values = _values(path)
    if not isinstance(values, dict) or _OF_JOIN.intersection(values):
        return Settings(join=path)  # reading it as a join file says what is wrong
    if "join" not in values:
        said = "names no join file; add `join: FILE`, which `nobgd cluster invite` has written"
        raise JoinError(f"{path}: {said}")
    try:
        found = Settings.model_validate(values)
    except ValidationError as error:
        raise JoinError(f"{path}: {_sentence(error)}; see docs/cluster.md") from None
    if found.lanes != "auto" and not 1 <= found.lanes <= 256:
        raise JoinError(f"{path}: lanes: auto, or a number from 1 to 256")
    if (bad := next((name for name in found.shares if not share.is_name(name)), None)) is not None:
        raise JoinError(f"{path}: shares: {bad!r}: {share.SAYS}")
    here = path.parent
    return found.model_copy(update={
        "join": here / found.join, "cache_dir": here / found.cache_dir,
        "models": None if found.models is None else here / found.models,
        "shares": {name: here / folder for name, folder in found.shares.items()},
    })  # fmt: skip


def _values(path: Path) -> object:
    """What the text says; None: a join file, or none that can be read."""
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST)
    except OSError:
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if text.lstrip().startswith(b"{"):  # JSON, as join files are
            return None
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
        what = getattr(error, "problem", None) or "it is no text"
        raise JoinError(f"{path}{where}: is no YAML: {what}; see docs/cluster.md") from None


def _sentence(error: ValidationError) -> str:
    """On the first thing that is wrong."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        guess = difflib.get_close_matches(key, Settings.model_fields, 1, 0.6)
        return f"unknown key {key}{f'; did you mean {guess[0]}?' if guess else ''}"
    return f"{key}: {first['msg'].replace('Input should be', 'must be')}"


def _cache() -> Path:
    named = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]  # systemd.exec(5)
    if named:
        return Path(named)
    own = os.environ.get("XDG_CACHE_HOME", "")
    return Path(own if os.path.isabs(own) else os.path.expanduser("~/.cache"), "nobgd")

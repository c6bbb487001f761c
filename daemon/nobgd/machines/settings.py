"""What a worker is told by its file: the join file itself, or a few keys that name one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nobgd.cluster import join
from nobgd.cluster.join import Join, JoinError
from nobgd.values import share

_MOST = 64_000  # bytes


class Settings(BaseModel):
    """The keys of a worker's file."""

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
    try:
        with open(path, "rb") as file:
            values = yaml.safe_load(file.read(_MOST))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return Settings(join=path)  # reading it as a join file says what is wrong
    if not isinstance(values, dict) or "join" not in values:
        return Settings(join=path)
    try:
        found = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise JoinError(f"{path}: {key}: {first['msg']}; see docs/cluster.md") from None
    if found.lanes != "auto" and not 1 <= found.lanes <= 256:
        raise JoinError(f"{path}: lanes: auto, or a number from 1 to 256")
    if (bad := next((name for name in found.shares if not share.is_name(name)), None)) is not None:
        raise JoinError(f"{path}: shares: {bad!r}: {share.SAYS}")
    shares = {name: path.parent / folder for name, folder in found.shares.items()}
    return found.model_copy(update={"join": path.parent / found.join, "shares": shares})


def _cache() -> Path:
    named = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]  # systemd.exec(5)
    if named:
        return Path(named)
    own = os.environ.get("XDG_CACHE_HOME", "")
    return Path(own if os.path.isabs(own) else os.path.expanduser("~/.cache"), "nobgd")

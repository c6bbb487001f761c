"""What `nobgd tune` found on this machine, in the state folder; ``auto`` obeys it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from nobgd.inference import engines
from nobgd.inference.machine import cpu_identity

FILE = "tune.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """The fastest for one model in one precision."""

    model: str
    precision: str
    engine: str
    infer: int  # inferences at a time


@dataclass(frozen=True, slots=True)
class _Kept:
    machine: str
    choices: tuple[Choice, ...]


def read(state_dir: Path) -> tuple[Choice, ...]:
    """Those that hold here: of this processor, of engines that are installed; else none."""
    try:
        kept = TypeAdapter(_Kept).validate_json((state_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return ()
    if kept.machine != cpu_identity():
        return ()
    return tuple(
        one for one in kept.choices
        if one.engine in engines.KINDS and engines.works(one.engine)
        and one.precision in engines.KINDS[one.engine].precisions and 1 <= one.infer <= 256
    )  # fmt: skip


def write(state_dir: Path, choices: tuple[Choice, ...]) -> Path:
    """Keep these instead of what was there; the file.  Raises OSError."""
    path = state_dir / FILE
    text = json.dumps(asdict(_Kept(cpu_identity(), choices)), indent=1) + "\n"
    replacing(path, text)
    return path


def replacing(path: Path, text: str) -> None:
    """The whole text or the old one, whatever happens."""
    beside = path.with_suffix(".new")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)

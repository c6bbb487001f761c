"""What the sections of a configuration are made of: kinds of values, and the section itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
)

from nobgd.config import globs

_MOUNT = "mount the share and name its mount point"
_FOREIGN = (  # what people write who mean a folder, and what the kernel would not find
    (re.compile(r"\$[A-Za-z_{]"), "variables are not filled in; write the folder out, or ./$…"),
    (re.compile(r"[A-Za-z]:[\\/]|\\\\"), f"is a path of Windows; {_MOUNT}"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://"), f"is an address and no folder; {_MOUNT}"),
)


def _absolute(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str):
        if isinstance(value, Path):
            return value
        raise ValueError("must be a path")
    if not value or "\0" in value:
        raise ValueError("must not be empty")
    for foreign, says in _FOREIGN:
        if foreign.match(value):
            raise ValueError(says)
    base = (info.context or {}).get("base", ".")
    full = os.path.expanduser(value)
    if full.startswith("~"):
        raise ValueError(f"there is no home folder for {full.split('/')[0]}; write it out, or ./~…")
    return Path(os.path.normpath(os.path.join(base, full)))


Folder = Annotated[Path, BeforeValidator(_absolute, json_schema_input_type=str)]
Whole = Annotated[int, Strict()]  # true is no number, "3" neither
Number = Annotated[float, Strict()]
Truth = Annotated[bool, Strict()]
Glob = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(globs.checked)]
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def _size(value: Any) -> Any:
    """Bytes from a number or "10GB" (10^9), "10GiB" (2^30)."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None or (found[3] and not found[2]):
        raise ValueError('must be a size like "10GB", "500MB" or a number of bytes')
    unit = _UNITS[found[2].lower()]
    if found[3]:
        unit = 1024 ** (("", "k", "m", "g", "t").index(found[2].lower()))
    return int(float(found[1]) * unit)


Bytes = Annotated[
    int, Strict(), Field(ge=0, le=10**18), BeforeValidator(_size, json_schema_input_type=int | str)
]


class Section(BaseModel):
    """What all sections share: frozen, strict about unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )

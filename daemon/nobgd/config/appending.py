"""Add a section to a configuration that somebody wrote, and change nothing else in it."""

from __future__ import annotations

import os
from pathlib import Path

from nobgd.config import ConfigError, load, parse
from nobgd.config.model import Config
from nobgd.fs import whole


class NotAppended(Exception):  # noqa: N818 - a state
    """It has to be written in by hand; nothing was changed."""


def append(path: Path, section: str) -> Config:
    """Put ``section``, whole lines of YAML, at the end of the file; the configuration with it.

    The file keeps its owner and mode.  Raises `NotAppended`, `ConfigError` and OSError.
    """
    real = Path(os.path.realpath(path))
    before = load(path)
    old = real.read_text(encoding="utf-8")
    text = f"{old.rstrip()}\n\n{section}"
    try:
        after = parse(text, str(path), Path(os.path.abspath(path)).parent)
    except ConfigError:
        raise NotAppended from None
    if any(getattr(after, name) != value for name, value in before if name != "cluster"):
        raise NotAppended
    info = real.stat()
    owner = (info.st_uid, info.st_gid) if os.geteuid() == 0 else None
    whole.write(real, text.encode(), info.st_mode & 0o7777, owner)
    return load(path)

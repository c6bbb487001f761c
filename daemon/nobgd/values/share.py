"""What a share may be called: a word that is the same on every machine that mounts it."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?")
SAYS = "a share's name has a-z, 0-9, - and _, and 32 of them at most"


def is_name(text: str) -> bool:
    """Whether a share may be called so."""
    return _NAME.fullmatch(text) is not None

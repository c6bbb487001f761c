"""How home reaches the broker: by a join file, read anew each time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from nobgd.cluster import join
from nobgd.cluster.link import Link, open_link


async def dial(file: str) -> tuple[Link, str]:
    """A connection by a join file, and whose.  Raises `Refused`, `JoinError`, `Lost`."""
    access = join.read(Path(file))
    return await open_link(access, access.name), access.url


Dial = Callable[[str], Coroutine[Any, Any, tuple[Link, str]]]

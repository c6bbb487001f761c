"""Where the same folder is on two machines: a share's name and what lies below it; pure.

Paths are as `os.fsdecode` makes them: whatever bytes a name has go there and come back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple


class Spot(NamedTuple):
    """One place, said so that every machine with the share finds it."""

    share: str
    below: str  # relative to the share's folder; "" is that folder


class Shares:
    """The shares of one machine: names, and the absolute path of each one's folder there."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = {name: os.path.normpath(path) for name, path in folders.items()}

    @property
    def names(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset(self._folders)

    def spot(self, path: str) -> Spot | None:
        """Where an absolute path is in the innermost share that holds it; None: in none."""
        found = None
        for name, folder in self._folders.items():
            below = _below(folder, path)
            if below is not None and (found is None or len(below) < len(found.below)):
                found = Spot(name, below)
        return found

    def path(self, spot: Spot) -> str | None:
        """The absolute path here; None where there is no such share, or it would lead out of it."""
        folder = self._folders.get(spot.share)
        if folder is None or not _stays(spot.below):
            return None
        return os.path.join(folder, spot.below) if spot.below else folder


def _below(folder: str, path: str) -> str | None:
    if path == folder:
        return ""
    start = folder.rstrip("/") + "/"
    below = path.removeprefix(start)
    return below if path.startswith(start) and below and _stays(below) else None


def _stays(below: str) -> bool:
    """Whether it is a relative path in its plainest form, that no ``..`` leads out of."""
    return not below or all(part not in ("", ".", "..") for part in below.split("/"))

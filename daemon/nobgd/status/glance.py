"""What a question needs of the disk, looked at by whoever asks, with a limit.

A share that hangs holds up the asker for seconds; the loop, which answers, touches none.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import Any

from nobgd.config import Config
from nobgd.fs import reach

_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen."""

    real: dict[str, str] = field(default_factory=dict)  # inbox → the same, its links resolved
    kind: str = "silent"  # of the path asked for: file | other | missing; silent: no answer

    def roots(self, inbox: str) -> set[str]:
        """How paths in this inbox may begin."""
        return {inbox, self.real.get(inbox, inbox)}


def look(config: Config, request: dict[str, Any]) -> Glance:
    """Before a request is answered.  Takes seconds at most."""
    match request:
        case {"do": "why" | "retry" | "pause" | "resume" | "accept" | "reject" | "reopen"}:
            real = reach.real([str(each.path) for each in config.inboxes], _WITHIN_S)
        case _:
            return Glance()
    path = request.get("path")
    if request["do"] != "why" or not isinstance(path, str):
        return Glance(real)
    return Glance(real, reach.each([path], _kind, _WITHIN_S).get(path, "silent"))


def complete(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer to "why" that names an ``output``: whether it is still there."""
    output = answer.pop("output", None)
    if isinstance(output, str):
        match reach.each([output], _kind, _WITHIN_S).get(output):
            case "missing":
                answer["why"] += "; it has been moved or deleted since"
            case None:
                answer["why"] += "; its folder does not answer now"
    return answer


def _kind(path: str) -> str:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return "missing"
    return "file" if stat.S_ISREG(found.st_mode) else "other"

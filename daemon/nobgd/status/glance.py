"""What a question needs of the disk, looked at by whoever asks, with a limit.

A share that hangs holds up the asker for seconds; the loop, which answers, touches none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nobgd.config import Config, InboxConfig
from nobgd.fs import reach
from nobgd.fs.names import shown

_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen."""

    real: dict[str, str] = field(default_factory=dict)  # inbox → the same, its links resolved
    kind: str = (
        "silent"  # of the path asked for: file | other | missing | closed; silent: no answer
    )

    def roots(self, inbox: str) -> set[str]:
        """How paths in this inbox may begin."""
        return {inbox, self.real.get(inbox, inbox)}


def locate(config: Config, path: str, seen: Glance) -> tuple[InboxConfig, str] | None:
    """Which inbox a path lies in, and its name there."""
    for each in config.inboxes:
        for root in seen.roots(str(each.path)):
            if path.startswith(root.rstrip("/") + "/"):
                return each, path[len(root.rstrip("/")) + 1 :]
    return None


def located(config: Config, paths: Iterable[object], seen: Glance) -> list[tuple[str, str]]:
    """Inbox and name there of each path that lies in one."""
    found = (locate(config, str(path), seen) for path in paths)
    return [(str(each[0].path), each[1]) for each in found if each is not None]


def look(config: Config, request: dict[str, Any]) -> Glance:
    """Before a request is answered.  Takes seconds at most."""
    match request:
        case {"do": "retry", "state": str()}:  # of what the ledger knows, not of paths
            return Glance()
        case {"do": "why" | "retry" | "pause" | "resume" | "accept" | "reject" | "reopen"}:
            real = reach.real([str(each.path) for each in config.inboxes], _WITHIN_S)
        case _:
            return Glance()
    path = request.get("path")
    if request["do"] != "why" or not isinstance(path, str):
        return Glance(real)
    return Glance(real, reach.each([path], _kind, _WITHIN_S).get(path, "silent"))


def complete(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer to "why" that names an ``output``: whether it is still there.

    Of ``outputs`` by source, as "retry" has them, those that are: ``standing``.
    """
    output = answer.pop("output", None)
    if isinstance(output, str):
        match reach.each([output], _kind, _WITHIN_S).get(output):
            case "missing":
                answer["why"] += "; it has been moved or deleted since"
            case None:
                answer["why"] += "; its folder does not answer now"
    outputs = answer.pop("outputs", None)
    if outputs:
        seen = reach.each(outputs.values(), _kind, _WITHIN_S)
        answer["standing"] = {
            source: shown(each) for source, each in outputs.items() if seen.get(each) == "file"
        }
    return answer


def _kind(path: str) -> str:
    try:
        found = os.lstat(path)
    except PermissionError:
        return "closed"
    except (OSError, ValueError):
        return "missing"
    return "file" if stat.S_ISREG(found.st_mode) else "other"

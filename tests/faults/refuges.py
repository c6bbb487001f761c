"""Archive, quarantine and inboxes after a fault: no temps, no doubles, promises kept, few words.

The part of the invariants that looks beyond the outbox (see `house.Checks`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobgd.fs import publish
from nobgd.fs.names import GOING

if TYPE_CHECKING:
    from faults.house import House

_PATIENCE_S = 10.0  # for what is there for a moment: a probe, a copy on its way
_MOST_TOLD = 3  # of one reason for one source in one life of the daemon
_NUMBERED = re.compile(r"-\d+(?=\.[^.]*$|$)")  # how a name that is taken gives way


def hidden(folders: Iterable[Path]) -> list[str]:
    """Names of nobgd's own hidden files anywhere below, temps and what is on its way out."""
    return [
        os.path.join(folder, name)
        for root in folders
        for folder, _, files in os.walk(root)
        for name in files
        if publish.is_temp(name)
        or name.startswith(publish.TEMP_PREFIX)
        or os.path.basename(folder) == GOING
    ]


def left(house: House) -> list[str]:
    """I4: what is hidden and stays, in inbox, outbox, archive, quarantine and state folder."""
    roots = [*house.inboxes, *house.outboxes, *house.archives, *house.quarantines, house.state]
    end = time.monotonic() + _PATIENCE_S
    while (found := hidden(roots)) and time.monotonic() < end:
        found = [each for each in found if os.path.basename(each) not in house.foreign]
        if not found:
            break
        time.sleep(0.05)
    return [f"I4: a temp is left: {os.path.relpath(each, house.root)!r}" for each in found]


def doubles(house: House) -> list[str]:
    """I4: the same bytes twice under one name and its numbered ones."""
    wrong = []
    for root in (*house.archives, *house.quarantines):
        same: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for folder, _, files in os.walk(root):
            for name in files:
                path = os.path.join(folder, name)
                if name.endswith(".why.txt"):
                    continue
                plain = os.path.join(folder, _NUMBERED.sub("", name))
                with contextlib.suppress(FileNotFoundError):  # a temp that has gone by now
                    same[plain, _digest(path)].append(name)
        wrong += [f"I4: the same bytes twice in {root}: {n}" for n in same.values() if len(n) > 1]
    return wrong


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


class Words:
    """What the log promised, and how often it said the same."""

    def __init__(self) -> None:
        self.promised: dict[str, str] = {}  # source → the quarantine in which its copy is
        self.kept: Counter[tuple[Any, ...]] = Counter()  # source.kept, by source and reason
        self.lives = 0

    def hear(self, event: dict[str, Any]) -> None:
        """One line of the log."""
        match event["event"]:
            case "photo.quarantined":
                self.promised[event["source"]] = event.get("quarantine", "")
            case "photo.not_set_aside" | "photo.done":
                self.promised.pop(event["source"], None)
            case "source.kept":
                self.kept[event["source"], event.get("code"), event.get("reason")] += 1
            case "service.ready":
                self.lives += 1

    def repeated(self) -> list[str]:
        """A state is told when it begins, not once a minute for ever."""
        most = _MOST_TOLD * max(1, self.lives)
        return [f"said {n} times: source.kept {key}" for key, n in self.kept.items() if n > most]

    def broken(self, house: House, inputs: dict[str, str]) -> list[str]:
        """I3: the copy that the log told of is there; ``inputs`` as in `Checks.violations`."""
        wrong = []
        for relpath, digest in inputs.items():
            folder = self.promised.get(house.path(relpath))
            if not folder or not digest:
                continue
            path = os.path.join(folder, relpath)
            end = time.monotonic() + _PATIENCE_S
            while not os.path.exists(path) and time.monotonic() < end:
                time.sleep(0.05)
            if not os.path.exists(path) or _digest(path) != digest:
                wrong.append(f"I3: no copy of {relpath!r} is in quarantine, as was said")
        return wrong

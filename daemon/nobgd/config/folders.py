"""Which folders may not lie in which: else nobgd would eat its own output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nobgd.config.model import Config
from nobgd.config.reading import Spot


def clashes(config: Config) -> Iterator[tuple[Spot, str]]:
    """(where, sentence) of every clash; links are resolved, which looks at the disk."""
    inboxes = [(number, os.path.realpath(each.path)) for number, each in enumerate(config.inboxes)]
    for number, each in enumerate(config.inboxes):
        here: Spot = ("inboxes", number)
        outbox = os.path.realpath(each.outbox)
        for other, inbox in inboxes:
            whose = "its inbox" if other == number else "the inbox"
            if outbox == inbox:
                yield (
                    (*here, "outbox"),
                    f"outbox {each.outbox} is the same folder as {whose} {inbox}",
                )
            elif _inside(outbox, inbox):
                yield (
                    (*here, "outbox"),
                    (
                        f"outbox {each.outbox} lies inside {whose} {inbox}; results would be taken"
                        " for photos; put it beside"
                    ),
                )
            elif _inside(inbox, outbox):
                yield (
                    (*here, "outbox"),
                    (f"{whose} {inbox} lies inside the outbox {each.outbox}; put it beside"),
                )
            for name in ("archive", "quarantine"):
                folder = getattr(each, name)
                if folder is not None and _within(os.path.realpath(folder), inbox):
                    yield (*here, name), f"{name} {folder} lies in {whose} {inbox}; put it beside"
            if other < number:
                mine = inboxes[number][1]
                if mine == inbox:
                    yield (*here, "path"), f"{each.path} is an inbox already"
                elif _inside(mine, inbox) or _inside(inbox, mine):
                    yield (*here, "path"), f"{each.path} and the inbox {inbox} lie in one another"
        if each.source == "archive" and each.archive is None:
            yield (*here, "source"), "source: archive needs archive: the folder to move photos to"


def _inside(inner: str, outer: str) -> bool:
    return inner.startswith(outer.rstrip("/") + "/")


def _within(inner: str, outer: str) -> bool:
    return inner == outer or _inside(inner, outer)


def quarantines(config: Config) -> list[Path]:
    """The quarantine folder of each inbox; two inboxes of one name get folders of their own."""
    taken: set[Path] = set()
    folders = []
    for each in config.inboxes:
        folder = each.quarantine
        if folder is None:
            name = each.path.name or "root"
            folder, number = config.state_dir / "quarantine" / name, 2
            while folder in taken:
                folder = config.state_dir / "quarantine" / f"{name}-{number}"
                number += 1
        taken.add(folder)
        folders.append(folder)
    return folders

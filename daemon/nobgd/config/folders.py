"""Which folders may not lie in which: else nobgd would eat its own output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nobgd.config.model import Config
from nobgd.config.reading import Spot
from nobgd.fs import reach

_LONGEST = 200  # bytes of a quarantine's name, of the 255 that a disk takes
_LOOK_S = 1.0  # a share that hangs must not hang a start, or a reload in the main loop


def _ours(config: Config) -> Iterator[tuple[Spot, Path]]:
    yield ("state_dir",), config.state_dir
    yield ("cache_dir",), config.cache_dir
    if config.log.file is not None:
        yield ("log", "file"), config.log.file
    if config.metrics.textfile is not None:
        yield ("metrics", "textfile"), config.metrics.textfile


def _folders(config: Config) -> Iterator[Path]:
    for _, path in _ours(config):
        yield path
    for each in config.inboxes:
        yield from (each.path, each.outbox)
        yield from (folder for folder in (each.archive, each.quarantine) if folder is not None)


def clashes(config: Config) -> Iterator[tuple[Spot, str]]:
    """(where, sentence) of every clash; links are resolved, which looks at the disk."""
    asked = {str(path): path for path in _folders(config)}
    real = {asked[path]: found for path, found in reach.real(asked, _LOOK_S).items()}
    inboxes = [(number, real[each.path]) for number, each in enumerate(config.inboxes)]
    for spot, path in _ours(config):
        for _, inbox in inboxes:
            if _within(real[path], inbox):
                yield spot, f"{'.'.join(map(str, spot))} {path} lies in the inbox {inbox}"
    quarantines: dict[str, Path] = {}
    for number, each in enumerate(config.inboxes):
        here: Spot = ("inboxes", number)
        outbox = real[each.outbox]
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
                if folder is not None and _within(real[folder], inbox):
                    yield (*here, name), f"{name} {folder} lies in {whose} {inbox}; put it beside"
            if other < number:
                mine = inboxes[number][1]
                if mine == inbox:
                    yield (*here, "path"), f"{each.path} is an inbox already"
                elif _inside(mine, inbox) or _inside(inbox, mine):
                    yield (*here, "path"), f"{each.path} and the inbox {inbox} lie in one another"
        if each.quarantine is not None:
            first = quarantines.setdefault(real[each.quarantine], each.path)
            if first != each.path:
                yield (
                    (*here, "quarantine"),
                    f"quarantine {each.quarantine} is that of the inbox {first} already;"
                    " give each its own",
                )
        if each.source == "archive" and each.archive is None:
            yield (*here, "source"), "source: archive needs archive: the folder to move photos to"


def _inside(inner: str, outer: str) -> bool:
    return inner.startswith(outer.rstrip("/") + "/")


def _within(inner: str, outer: str) -> bool:
    return inner == outer or _inside(inner, outer)


def quarantines(config: Config) -> list[Path]:
    """The quarantine folder of each inbox; two inboxes of one name get folders of their own.

    Their parents' names tell them apart, so that it does not hang on their order.
    """
    own = [each.path for each in config.inboxes if each.quarantine is None]
    taken = {each.quarantine for each in config.inboxes if each.quarantine is not None}
    folders: list[Path] = []
    for each in config.inboxes:
        folder = each.quarantine
        if folder is None:
            name = _apart(each.path, own)
            folder, number = config.state_dir / "quarantine" / name, 2
            while folder in taken:  # another one is called like the parents of this one
                folder = config.state_dir / "quarantine" / f"{name}-{number}"
                number += 1
        taken.add(folder)
        folders.append(folder)
    return folders


def _apart(path: Path, among: list[Path]) -> str:
    """Its name, with as many of its parents' as tell it from the others and a name may hold."""
    parts, name = path.parts[1:], path.name or "root"
    for count in range(1, len(parts) + 1):
        longer = "-".join(parts[-count:])
        if len(os.fsencode(longer)) > _LONGEST:
            break
        name = longer
        if sum(other.parts[1:][-count:] == parts[-count:] for other in among) == 1:
            break
    return name


def metrics_file(config: Config) -> Path:
    """Where metrics are written unless the configuration says otherwise."""
    return config.state_dir / "nobgd.prom"

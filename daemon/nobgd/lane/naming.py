"""Which name one photo's output has, or gets.

An output belongs to the photo whose hash is in its note: a file that was not made from these
very bytes is never written over, unless the ledger says that it is the cut-out of what this
photo was before it was changed where it stands (`Job.replaces`).  A name that the outbox's disk
does not take is spelt otherwise there (see `fs.spelling`).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nobgd.fs import spelling, tree
from nobgd.lane import mask_file
from nobgd.lane.out_folder import OutFolder, open_plain
from nobgd.picture import provenance
from nobgd.values import Code, Job, NobgdError


@dataclass(slots=True)
class Target:
    """Where this photo's output goes, or already is."""

    name: str
    over: provenance.Note | None = None  # what is there and may be replaced; None: the name is free
    same: bool = False  # these bytes, this recipe, whole, and ours by its note: nothing to do
    adopt: bool = False  # the same, of an inbox that is configured no more: its note is renewed
    twin: str | None = None  # an equal output of somebody else's, under one of our names


def target(folder: OutFolder, job: Job, sha256: str) -> Target:
    """Pick the name: where the photo's output is already, else the first free one.

    Raises OSError when the outbox does not let us see whose a file is: that is the place's
    fault, and a second output under the next name would be the photo's double.
    """
    free = over = twin = None
    for output, level, spare in _spellings(folder, job, sha256):
        if spare and (over is not None or free is not None):
            break
        try:
            file = open_plain(folder.descriptor, os.path.basename(output))
        except FileNotFoundError:
            if free is None and level == folder.level and output not in job.reserved:
                free = output
            continue
        except OSError as error:
            refused(folder, job, output, level, error)
            continue
        if file is None:
            continue
        with os.fdopen(file, "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
            if said is None or said.source != job.relpath:
                continue
            if said.sha256 == sha256 and said.recipe in (job.recipe.key, *job.counts):
                stream.seek(0)
                if provenance.whole(stream) and not mask_file.lacking(folder, output, job, said):
                    if said.inbox == job.inbox_key:
                        return Target(output, same=True)
                    if said.inbox in job.moved:
                        return Target(output, said, adopt=True)
                    if said.recipe == job.recipe.key:
                        twin = twin or os.path.join(job.outbox, output)
                    continue
            if over is None and _replaceable(said, output, job, sha256):
                over = Target(output, said)
    if over is not None:
        return over
    assert free is not None  # noqa: S101 - the names do not end before one is free
    return Target(free, twin=twin)


def before(folder: OutFolder, job: Job, sha256: str, name: str) -> str | None:
    """The output of this very photo under a name that goes before ``name``, if one is there.

    Another machine on the same inbox may have made it at the same time.  Whoever has the later
    name looks after it has put its own there, whoever has the earlier one right before it does
    (see `elsewhere`): so one of them sees the other's, and just one stays.
    """
    earlier = itertools.takewhile(lambda each: each != name, map(os.path.basename, job.outputs))
    return _first(folder, job, sha256, earlier)


def elsewhere(folder: OutFolder, job: Job, sha256: str, name: str) -> bool:
    """Whether the output of this very photo is there under another name than ``name``."""
    others = (each for each in map(os.path.basename, job.outputs) if each != name)
    return _first(folder, job, sha256, others) is not None


def _first(folder: OutFolder, job: Job, sha256: str, names: Iterable[str]) -> str | None:
    for wanted in names:  # its folders may be spelt otherwise here
        with contextlib.suppress(OSError):
            file = open_plain(folder.descriptor, wanted)
            if file is None:
                continue
            with os.fdopen(file, "rb") as stream:
                said = provenance.find(stream.read(provenance.HEAD_BYTES))
                mine = said is not None and (
                    (said.source, said.inbox) == (job.relpath, job.inbox_key)
                    and (said.sha256, said.recipe) == (sha256, job.recipe.key)
                )
                stream.seek(0)
                if mine and provenance.whole(stream):
                    return folder.path(wanted)
    return None


def _spellings(folder: OutFolder, job: Job, sha256: str) -> Iterator[tuple[str, int, bool]]:
    """Every name in this folder, in each of its spellings; of what level that is; and spare.

    An output may be there under another spelling than the disk wants now, if it was moved here.
    """
    for name, spare in _names(job, sha256):
        forms = (os.path.basename(name), *spelling.variants(os.path.basename(name), job.spare[1]))
        for number, form in enumerate(forms):
            last = number == len(forms) - 1
            level = folder.level if last and number < folder.level else number
            yield folder.path(form), level, spare


def refused(folder: OutFolder, job: Job, output: str, level: int, error: OSError) -> None:
    """Go to the next spelling when it is the name that the disk refused; else raise ``error``."""
    if not tree.refuses(folder.descriptor, os.path.basename(output), error):
        raise error
    if level < folder.level:
        return  # another name of this spelling was refused before
    folder.level += 1
    if folder.level > spelling.MOST:
        name, number = os.path.basename(output), errno.errorcode.get(error.errno or 0, "")
        raise NobgdError(
            Code.UNSUPPORTED,
            f"{job.relpath}: the disk of {job.outbox} does not take the name {name} ({number});"
            " rename the photo",
        ) from error


def _names(job: Job, sha256: str) -> Iterator[tuple[str, bool]]:
    """Names without an end; those marked true are for when no other is left."""
    if job.own is not None:
        yield job.own, False
    yield from ((name, False) for name in job.outputs if name != job.own)
    for number, name in enumerate(job.spares(sha256)):
        yield name, number > 0


def _replaceable(said: provenance.Note, output: str, job: Job, sha256: str) -> bool:
    """Whether the output with this note stands for nothing that would be lost with it.

    It was made from these bytes (by another recipe, or it is damaged), or from what this photo
    was until it was changed where it stands.
    """
    if said.inbox != job.inbox_key and said.inbox not in job.moved:
        return False
    return said.sha256 == sha256 or (output == job.own and said.sha256 == job.replaces)

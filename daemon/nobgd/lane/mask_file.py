"""The mask beside an output, where one is asked for."""

from __future__ import annotations

import contextlib
import hashlib
import os

from nobgd.fs import publish
from nobgd.fs.names import NAME_BYTES
from nobgd.lane.out_folder import OutFolder, open_plain
from nobgd.picture import provenance
from nobgd.values import Code, Job, NobgdError
from nobgd.values.rendering import MASK_TAIL

Parts = list[bytes | memoryview]


def name_of(name: str, tail: str) -> str:
    """What the mask of an output is called, for one that is called ``name`` as it is spelt."""
    made = name.removesuffix(tail) + MASK_TAIL
    if len(os.fsencode(made)) <= NAME_BYTES:
        return made
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32] + MASK_TAIL


def lacking(folder: OutFolder, output: str, job: Job, said: provenance.Note) -> bool:
    """Whether an output of this recipe, which has a mask, stands there without it."""
    if not job.rendering.mask or said.recipe != job.recipe.key:
        return False
    with contextlib.suppress(OSError):
        file = open_plain(folder.descriptor, name_of(os.path.basename(output), job.spare[1]))
        if file is not None:
            with os.fdopen(file, "rb") as stream:
                there = provenance.find(stream.read(provenance.HEAD_BYTES))
                stream.seek(0)
                return there != said or not provenance.whole(stream)
    return True


def put(folder: OutFolder, output: str, job: Job, parts: Parts) -> None:
    """Publish a mask; one that is there must be this photo's.  Raises NAME_TAKEN."""
    name, at = name_of(output, job.spare[1]), folder.descriptor
    ours = False
    with contextlib.suppress(FileNotFoundError):
        file = open_plain(at, name)
        if file is not None:
            with os.fdopen(file, "rb") as stream:
                said = provenance.find(stream.read(provenance.HEAD_BYTES))
            ours = said is not None and said.source == job.relpath
            ours = ours and said is not None and said.inbox in (job.inbox_key, *job.moved)
    try:
        publish.write(at, name, parts, replace=ours)
    except publish.Taken:
        raise NobgdError(
            Code.NAME_TAKEN,
            f"{job.relpath}: {folder.path(name)} is in the outbox and not its mask; move it away,"
            " or set output.mask to false, and run `nobgd retry`",
        ) from None

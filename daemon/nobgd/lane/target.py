"""One photo's output: found in its folder, copied from a twin, or put there.

What is said to be done is durable: an output that is only found is synced like one written now,
since whoever put it there may have been killed before its last fsync.  Which name it has: see
`naming`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from nobgd import __version__
from nobgd.fs import publish
from nobgd.lane import mask_file, naming, out_folder
from nobgd.lane.out_folder import READ, OutFolder, open_plain
from nobgd.picture import provenance
from nobgd.values import Code, Done, Job, NobgdError, waiting

Fresh = Callable[[], None]
Parts = list[bytes | memoryview]
_LOST_RACES = 100  # for a name, with other programs that write to the outbox


def already(job: Job, done: Done, fresh: Fresh = lambda: None) -> Done | None:
    """The outcome if these bytes were cut out before, here or under another name.

    ``fresh`` raises when the photo is not what was read any more: it is asked right before an
    output gets its name.  Raises `NobgdError` NAME_TAKEN, or the place's failure.
    """
    with out_folder.opened(job) as folder:
        target = naming.target(folder, job, done.sha256)
        if target.same:
            publish.settle(folder.descriptor, os.path.basename(target.name))
            return _described(folder, target.name, job, done, how="found")
        if target.adopt and not job.rendering.mask:
            parts = _twin_parts(os.path.join(job.outbox, target.name), job, done, ours=True)
            if parts is None:
                return None
            name, _ = _put(folder, job, done.sha256, parts, fresh)
            return _described(folder, name, job, done, how="found")
        if job.rendering.mask:
            return None  # of another's output there is one half only
        twin = next((t for t in job.twins if t.sha256 == done.sha256), None)
        path = target.twin or (twin.output if twin is not None else None)
        parts = _twin_parts(path, job, done) if path is not None else None
        if parts is None:
            return None
        name, _ = _put(folder, job, done.sha256, parts, fresh)
        return _described(folder, name, job, done, how="copied")


def cut_out(job: Job, sha256: str) -> tuple[bytes, provenance.Note] | None:
    """A plain cut-out of these very bytes that the output can be rendered from, and its note."""
    keys = {job.recipe.rendered(key) for key in job.rendering.sources()}
    if not job.cut_outs:
        return None
    with out_folder.opened(job) as folder:
        for name in job.cut_outs:
            with contextlib.suppress(OSError):
                file = open_plain(folder.descriptor, os.path.basename(name))
                if file is None:
                    continue
                with os.fdopen(file, "rb") as stream:
                    said = provenance.find(stream.read(provenance.HEAD_BYTES))
                    if said is None or (said.source, said.sha256) != (job.relpath, sha256):
                        continue
                    if said.keep is None:
                        continue  # who cuts it out anew finds out
                    if said.recipe not in keys or said.inbox not in (job.inbox_key, *job.moved):
                        continue
                    stream.seek(0)
                    if provenance.whole(stream):
                        stream.seek(0)
                        return stream.read(), said
    return None


def put(
    job: Job, sha256: str, parts: Parts, fresh: Fresh = lambda: None, mask: Parts | None = None
) -> tuple[str, int]:
    """Publish a new output, its ``mask`` first; its path and its number of bytes.

    ``parts`` are those of a file whose note is `note`.  Raises as `already` does.
    """
    with out_folder.opened(job) as folder:
        name, count = _put(folder, job, sha256, parts, fresh, mask)
    return os.path.join(job.outbox, name), count


def text(job: Job, sha256: str, confidence: float, keep: str | None) -> bytes:
    """The PNG chunk that says what the output was made from, and by what."""
    return provenance.chunk(note(job, sha256, confidence, keep, None))


def note(
    job: Job, sha256: str, confidence: float, keep: str | None, doubt: float | None,
    photo: str | None = None,
) -> provenance.Note:  # fmt: skip
    """What the output says that it was made from, and by what; ``photo`` as in `Note`."""
    return provenance.Note(
        job.relpath, job.inbox_key, sha256, job.recipe.key, __version__, round(confidence, 4), keep,
        photo, doubt, job.develop or None,
    )  # fmt: skip


def _put(
    folder: OutFolder, job: Job, sha256: str, parts: Parts, fresh: Fresh, mask: Parts | None = None
) -> tuple[str, int]:
    at = folder.descriptor
    for _ in range(_LOST_RACES):
        target = naming.target(folder, job, sha256)
        name = os.path.basename(target.name)
        if target.same:
            publish.settle(at, name)
            return target.name, sum(len(part) for part in parts)
        still = partial(_still, at, name, target.over, fresh)
        if target.over is None and mask is None:
            still = partial(_alone, still, partial(naming.elsewhere, folder, job, sha256, name))
        try:
            if mask is not None:
                mask_file.put(folder, name, job, mask)
            count = publish.write(at, name, parts, replace=target.over is not None, still=still)
        except publish.Taken:
            continue
        except OSError as error:
            naming.refused(folder, job, target.name, folder.level, error)
        else:
            if target.over is None:
                _settled(at, name, job, sha256, fresh)
                if mask is None and (there := naming.before(folder, job, sha256, name)):
                    os.unlink(name, dir_fd=at)
                    publish.settle(at, os.path.basename(there))
                    return there, count
            return target.name, count
    raise NobgdError(
        Code.NAME_TAKEN, f"{job.outputs[0]} keeps being taken by another program; rename the photo"
    )


def _settled(folder: int, name: str, job: Job, sha256: str, fresh: Fresh) -> None:
    """Take an output away again if the photo changed in the very moment that it got its name.

    One that has left since may have been taken away by who waited for just this output.
    """
    try:
        fresh()
    except NobgdError as error:
        if error.code is not Code.CHANGED:
            return
        with contextlib.suppress(FileNotFoundError):
            file = open_plain(folder, name)
            if file is None:
                return
            with os.fdopen(file, "rb") as stream:
                said = provenance.find(stream.read(provenance.HEAD_BYTES))
            if said is not None and (said.source, said.inbox, said.sha256) == (
                job.relpath, job.inbox_key, sha256,
            ):  # fmt: skip
                os.unlink(name, dir_fd=folder)
                publish.sync_folder(folder)
        raise


def _still(folder: int, name: str, before: provenance.Note | None, fresh: Fresh) -> bool:
    """Whether the output to be replaced, if any, is the one that was looked at (or has left)."""
    if before is not None and not _unchanged(folder, name, before):
        return False
    fresh()
    return True


def _alone(still: Callable[[], bool], made: Callable[[], bool]) -> bool:
    """Whether all is as it was, and nobody has ``made`` this very output meanwhile."""
    return still() and not made()


def _unchanged(folder: int, name: str, before: provenance.Note) -> bool:
    try:
        file = open_plain(folder, name)
    except FileNotFoundError:
        return True
    if file is None:
        return False
    with os.fdopen(file, "rb") as stream:
        return provenance.find(stream.read(provenance.HEAD_BYTES)) == before


def _twin_parts(path: str, job: Job, done: Done, *, ours: bool = False) -> Parts | None:
    """The twin's output with its note exchanged for ours, or None if it is not what it was.

    Of a raw photo another's preview is not copied where it is to be developed, nor the other way
    round; what is ``ours`` already is not done again for that.
    """
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        said = provenance.find(stream.read(provenance.HEAD_BYTES))
        if said is None or said.sha256 != done.sha256 or not waiting.takes(job, said.doubt):
            return None
        if said.recipe not in (job.recipe.key, *job.counts):
            return None
        if not ours and bool(said.developed) != job.develop:
            return None
        stream.seek(0)
        if not provenance.whole(stream):
            return None
        stream.seek(0)
        data = stream.read()
        mine = replace(
            note(job, done.sha256, said.confidence, said.keep, said.doubt, said.photo),
            recipe=said.recipe, developed=said.developed,
        )  # fmt: skip
        return provenance.exchanged(data, mine)
    return None


def _described(folder: OutFolder, name: str, job: Job, done: Done, *, how: str) -> Done:
    """Fill in what an output that was not computed now says of itself."""
    at = folder.descriptor
    with open(os.open(os.path.basename(name), READ, dir_fd=at), "rb") as stream:
        head = stream.read(provenance.HEAD_BYTES)
        said = provenance.find(head)
        count = os.fstat(stream.fileno()).st_size
        stream.seek(0)
        width, height = provenance.size(stream)
    if said is not None and said.photo is not None:
        width, height = map(int, said.photo.split("x"))
    return replace(
        done, output=os.path.join(job.outbox, name), width=width, height=height,
        bytes_out=count, how=how, subject_confidence=said.confidence if said else 0.0,
        recipe=said.recipe if said else done.recipe,
        keep=said.keep if said else None, doubt=said.doubt if said else None,
    )  # fmt: skip

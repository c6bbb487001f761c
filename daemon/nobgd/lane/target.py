"""Where one photo's output goes: found there, copied from a twin, or put there.

An output belongs to the photo whose hash is in its note: a file that was not made from these
very bytes is never written over, unless the ledger says that it is the cut-out of what this
photo was before it was changed where it stands (`Job.replaces`).  What is said to be done is
durable: an output that is only found is synced like one written now, since whoever put it there
may have been killed before its last fsync.

A name that the outbox's disk does not take is spelt otherwise there (see `fs.spelling`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from nobgd import __version__
from nobgd.fs import publish, spelling, tree
from nobgd.fs.names import NAME_BYTES
from nobgd.picture import provenance
from nobgd.values import Code, Done, Job, NobgdError
from nobgd.values.rendering import MASK_TAIL

Fresh = Callable[[], None]
Parts = list[bytes | memoryview]
_LOST_RACES = 100  # for a name, with other programs that write to the outbox
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class _Target:
    """Where this photo's output goes, or already is."""

    name: str
    over: provenance.Note | None = None  # what is there and may be replaced; None: the name is free
    same: bool = False  # these bytes, this recipe, whole, and ours by its note: nothing to do
    adopt: bool = False  # the same, of an inbox that is configured no more: its note is renewed
    twin: str | None = None  # an equal output of somebody else's, under one of our names


@dataclass(slots=True)
class _Folder:
    """The open folder of an output."""

    descriptor: int
    where: str  # its path from the outbox, as it is spelt on the disk
    level: int = 0  # how far from the plain names the disk wants them; see `spelling.variants`

    def path(self, name: str) -> str:
        """The path of an output in it, from the outbox."""
        return os.path.join(self.where, os.path.basename(name))


def already(job: Job, done: Done, fresh: Fresh = lambda: None) -> Done | None:
    """The outcome if these bytes were cut out before, here or under another name.

    ``fresh`` raises when the photo is not what was read any more: it is asked right before an
    output gets its name.  Raises `NobgdError` NAME_TAKEN, or the place's failure.
    """
    with _out_folder(job) as folder:
        target = _target(folder, job, done.sha256)
        if target.same:
            publish.settle(folder.descriptor, os.path.basename(target.name))
            return _described(folder, target.name, job, done, how="found")
        if target.adopt and not job.rendering.mask:
            parts = _twin_parts(os.path.join(job.outbox, target.name), job, done)
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
    with _out_folder(job) as folder:
        for name in job.cut_outs:
            with contextlib.suppress(OSError):
                file = _open_plain(folder.descriptor, os.path.basename(name))
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
    with _out_folder(job) as folder:
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
        photo, doubt,
    )  # fmt: skip


@contextlib.contextmanager
def _out_folder(job: Job) -> Iterator[_Folder]:
    parts = [part for part in os.path.dirname(job.outputs[0]).split("/") if part]
    with tree.spelt_within(job.outbox, parts, job.outbox_mount) as (descriptor, where):
        yield _Folder(descriptor, where)


def _target(folder: _Folder, job: Job, sha256: str) -> _Target:
    """Pick the name: where the photo's output is already, else the first free one.

    Raises OSError when the outbox does not let us see whose a file is: that is the place's
    fault, and a second output under the next name would be the photo's double.
    """
    free = over = twin = None
    for output, level, spare in _spellings(folder, job, sha256):
        if spare and (over is not None or free is not None):
            break
        try:
            file = _open_plain(folder.descriptor, os.path.basename(output))
        except FileNotFoundError:
            if free is None and level == folder.level and output not in job.reserved:
                free = output
            continue
        except OSError as error:
            _refused(folder, job, output, level, error)
            continue
        if file is None:
            continue
        with os.fdopen(file, "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
            if said is None or said.source != job.relpath:
                continue
            if said.sha256 == sha256 and said.recipe in (job.recipe.key, *job.counts):
                stream.seek(0)
                if provenance.whole(stream) and not _lacks_mask(folder, output, job, said):
                    if said.inbox == job.inbox_key:
                        return _Target(output, same=True)
                    if said.inbox in job.moved:
                        return _Target(output, said, adopt=True)
                    if said.recipe == job.recipe.key:
                        twin = twin or os.path.join(job.outbox, output)
                    continue
            if over is None and _replaceable(said, output, job, sha256):
                over = _Target(output, said)
    if over is not None:
        return over
    assert free is not None  # noqa: S101 - the names do not end before one is free
    return _Target(free, twin=twin)


def _spellings(folder: _Folder, job: Job, sha256: str) -> Iterator[tuple[str, int, bool]]:
    """Every name in this folder, in each of its spellings; of what level that is; and spare.

    An output may be there under another spelling than the disk wants now, if it was moved here.
    """
    for name, spare in _names(job, sha256):
        forms = (os.path.basename(name), *spelling.variants(os.path.basename(name), job.spare[1]))
        for number, form in enumerate(forms):
            last = number == len(forms) - 1
            level = folder.level if last and number < folder.level else number
            yield folder.path(form), level, spare


def _refused(folder: _Folder, job: Job, output: str, level: int, error: OSError) -> None:
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


def _open_plain(folder: int, name: str) -> int | None:
    """A descriptor of a plain file; None if it is somebody else's thing.

    That is a link, a folder, a socket, a pipe, a device, or another user's file that we may
    not read.  Raises OSError for what the place does to a file that may well be ours.
    """
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            return None
        if error.errno in (errno.EACCES, errno.EPERM):
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if there.st_uid != os.geteuid():
                return None
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _put(
    folder: _Folder, job: Job, sha256: str, parts: Parts, fresh: Fresh, mask: Parts | None = None
) -> tuple[str, int]:
    at = folder.descriptor
    for _ in range(_LOST_RACES):
        target = _target(folder, job, sha256)
        name = os.path.basename(target.name)
        if target.same:
            publish.settle(at, name)
            return target.name, sum(len(part) for part in parts)
        still = partial(_still, at, name, target.over, fresh)
        try:
            if mask is not None:
                _put_mask(folder, name, job, mask)
            count = publish.write(at, name, parts, replace=target.over is not None, still=still)
        except publish.Taken:
            continue
        except OSError as error:
            _refused(folder, job, target.name, folder.level, error)
        else:
            if target.over is None:
                _settled(at, name, job, sha256, fresh)
            return target.name, count
    raise NobgdError(
        Code.NAME_TAKEN, f"{job.outputs[0]} keeps being taken by another program; rename the photo"
    )


def _mask_name(name: str, job: Job) -> str:
    """What the mask of an output is called, for one that is called ``name`` as it is spelt."""
    made = name.removesuffix(job.spare[1]) + MASK_TAIL
    if len(os.fsencode(made)) <= NAME_BYTES:
        return made
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32] + MASK_TAIL


def _lacks_mask(folder: _Folder, output: str, job: Job, said: provenance.Note) -> bool:
    """Whether an output of this recipe, which has a mask, stands there without it."""
    if not job.rendering.mask or said.recipe != job.recipe.key:
        return False
    with contextlib.suppress(OSError):
        file = _open_plain(folder.descriptor, _mask_name(os.path.basename(output), job))
        if file is not None:
            with os.fdopen(file, "rb") as stream:
                there = provenance.find(stream.read(provenance.HEAD_BYTES))
                stream.seek(0)
                return there != said or not provenance.whole(stream)
    return True


def _put_mask(folder: _Folder, output: str, job: Job, parts: Parts) -> None:
    """Publish a mask; one that is there must be this photo's.  Raises NAME_TAKEN."""
    name, at = _mask_name(output, job), folder.descriptor
    ours = False
    with contextlib.suppress(FileNotFoundError):
        file = _open_plain(at, name)
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
            file = _open_plain(folder, name)
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


def _unchanged(folder: int, name: str, before: provenance.Note) -> bool:
    try:
        file = _open_plain(folder, name)
    except FileNotFoundError:
        return True
    if file is None:
        return False
    with os.fdopen(file, "rb") as stream:
        return provenance.find(stream.read(provenance.HEAD_BYTES)) == before


def _twin_parts(path: str, job: Job, done: Done) -> Parts | None:
    """The twin's output with its note exchanged for ours, or None if it is not what it was."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        said = provenance.find(stream.read(provenance.HEAD_BYTES))
        if said is None or said.sha256 != done.sha256:
            return None
        if said.recipe not in (job.recipe.key, *job.counts):
            return None
        stream.seek(0)
        if not provenance.whole(stream):
            return None
        stream.seek(0)
        data = stream.read()
        mine = replace(
            note(job, done.sha256, said.confidence, said.keep, said.doubt, said.photo),
            recipe=said.recipe,
        )
        return provenance.exchanged(data, mine)
    return None


def _described(folder: _Folder, name: str, job: Job, done: Done, *, how: str) -> Done:
    """Fill in what an output that was not computed now says of itself."""
    at = folder.descriptor
    with open(os.open(os.path.basename(name), _READ, dir_fd=at), "rb") as stream:
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

"""Where one photo's output goes: found there, copied from a twin, or put there.

A file that nobgd did not make from this very source is never written over, and what is said
to be done is durable: an output that is only found is synced like one written now, since
whoever put it there may have been killed before its last fsync.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nobgd import __version__
from nobgd.fs import publish
from nobgd.picture import provenance
from nobgd.values import Code, Done, Job, NobgdError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class _Target:
    """Where this photo's output goes, or already is."""

    name: str
    mine: bool  # made from this very source, so it may be replaced
    same: bool  # and from these bytes by this recipe: nothing to do


def already(job: Job, done: Done) -> Done | None:
    """The outcome if these bytes were cut out before, here or under another name.

    Raises `NobgdError` NAME_TAKEN, or the place's failure.
    """
    with _out_folder(job) as folder:
        target = _target(folder, job, done.sha256)
        if target.same:
            publish.settle(folder, os.path.basename(target.name))
            return _described(folder, target.name, job, done, how="found")
        twin = next((t for t in job.twins if t.sha256 == done.sha256), None)
        parts = _twin_parts(twin.output, job, done.sha256) if twin else None
        if parts is None:
            return None
        name, _ = _put(folder, job, done.sha256, parts)
        return _described(folder, name, job, done, how="copied")


def put(job: Job, sha256: str, parts: list[bytes | memoryview]) -> tuple[str, int]:
    """Publish a new output; its path and its number of bytes.

    ``parts`` are those of a PNG whose text chunk is `text`.  Raises as `already` does.
    """
    with _out_folder(job) as folder:
        name, count = _put(folder, job, sha256, parts)
    return os.path.join(job.outbox, name), count


def text(job: Job, sha256: str, confidence: float) -> bytes:
    """The PNG chunk that says what the output was made from, and by what."""
    return provenance.chunk(_note(job, sha256, confidence))


def _note(job: Job, sha256: str, confidence: float) -> provenance.Note:
    return provenance.Note(
        job.relpath, job.inbox_key, sha256, job.recipe.key, __version__, round(confidence, 4)
    )


@contextlib.contextmanager
def _out_folder(job: Job) -> Iterator[int]:
    parts = [part for part in os.path.dirname(job.outputs[0]).split("/") if part]
    with publish.folder(job.outbox, parts, job.outbox_device) as descriptor:
        yield descriptor


def _target(folder: int, job: Job, sha256: str) -> _Target:
    """Pick the name: one that is ours already, else the first free one.

    A file that nobgd did not make from this very source is never a target.  Raises OSError
    when the outbox does not let us see whose a file is: that is the place's fault, and a
    second output under the next name would be the photo's double.
    """
    free: _Target | None = None
    mine: _Target | None = None
    for output in job.outputs:
        name = os.path.basename(output)
        try:
            file = _open_plain(folder, name)
        except FileNotFoundError:
            if free is None and output not in job.reserved:
                free = _Target(output, mine=False, same=False)
            continue
        if file is None:
            continue
        with os.fdopen(file, "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
            if said is None or said.source != job.relpath or said.inbox in job.siblings:
                continue
            if said.sha256 == sha256 and said.recipe == job.recipe.key:
                stream.seek(0)
                if provenance.whole(stream):
                    return _Target(output, mine=True, same=True)
            mine = mine or _Target(output, mine=True, same=False)
    target = mine or free
    if target is None:
        raise NobgdError(
            Code.NAME_TAKEN,
            f"{job.outputs[0]} and its alternatives exist in {job.outbox} and were not made"
            f" from {job.relpath}; move them away and run `nobgd retry`",
        )
    return target


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


def _put(folder: int, job: Job, sha256: str, parts: list[bytes | memoryview]) -> tuple[str, int]:
    for _ in range(len(job.outputs) + 1):  # each loss of a race takes one name away
        target = _target(folder, job, sha256)
        if target.same:
            publish.settle(folder, os.path.basename(target.name))
            return target.name, sum(len(part) for part in parts)
        with contextlib.suppress(publish.Taken):
            name = os.path.basename(target.name)
            return target.name, publish.write(folder, name, parts, replace=target.mine)
    raise NobgdError(Code.NAME_TAKEN, f"{job.outputs[0]} keeps being taken by another program")


def _twin_parts(path: str, job: Job, sha256: str) -> list[bytes | memoryview] | None:
    """The twin's output with its note exchanged for ours, or None if it is not what it was."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        said = provenance.find(stream.read(provenance.HEAD_BYTES))
        if said is None or (said.sha256, said.recipe) != (sha256, job.recipe.key):
            return None
        stream.seek(0)
        if not provenance.whole(stream):
            return None
        stream.seek(0)
        data = stream.read()
        old, new = provenance.chunk(said), provenance.chunk(_note(job, sha256, said.confidence))
        at = data.find(old, 0, provenance.HEAD_BYTES * 2)
        if at < 0:
            return None
        view = memoryview(data)
        return [view[:at], new, view[at + len(old) :]]
    return None


def _described(folder: int, name: str, job: Job, done: Done, *, how: str) -> Done:
    """Fill in the size of an output that was not computed now, from its own header."""
    with open(os.open(os.path.basename(name), _READ, dir_fd=folder), "rb") as stream:
        head = stream.read(provenance.HEAD_BYTES)
        said = provenance.find(head)
        count = os.fstat(stream.fileno()).st_size
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return replace(
        done, output=os.path.join(job.outbox, name), width=width, height=height,
        bytes_out=count, how=how, subject_confidence=said.confidence if said else 0.0,
    )  # fmt: skip

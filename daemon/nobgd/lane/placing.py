"""A cut-out goes from one part of its outbox into the other: `_review/` and the outbox itself.

By a rename that writes over nothing, so that it is whole in one place or the other.  Its mask goes
first, as it comes first.  Whose a file is, its note says.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from nobgd.fs import mounts, publish, tree
from nobgd.lane import mask_file
from nobgd.lane.out_folder import open_plain
from nobgd.picture import provenance
from nobgd.values import Code, Job, NobgdError
from nobgd.values.errands import Place


@dataclass(frozen=True, slots=True)
class _Whose:
    """What the note of a cut-out must say."""

    source: str
    inboxes: frozenset[str]
    hashes: frozenset[str]

    def fits(self, said: provenance.Note | None) -> bool:
        return (
            said is not None
            and said.source == self.source
            and said.inbox in self.inboxes
            and said.sha256 in self.hashes
        )


def place(errand: Place) -> int:
    """See `Place`.  Raises NobgdError VANISHED when the cut-out is in neither part."""
    whose = _Whose(errand.source, frozenset({errand.inbox_key}), frozenset({errand.sha256}))
    start, name = _parts(errand.relpath)
    end, _ = _parts(errand.names[0])
    with contextlib.ExitStack() as stack:
        there = _enter(errand, start, stack)
        into = stack.enter_context(tree.within(errand.outbox, end, errand.mount))
        said = None if there is None else _note(there, name)
        free = None
        for number, each in enumerate(errand.names):
            wanted = os.path.basename(each)
            if each in errand.taken:
                continue
            if not publish.exists(into, wanted):
                free = number if free is None else free
            elif whose.fits(_note(into, wanted)):
                if not whose.fits(said):
                    publish.settle(into, wanted)  # a kill came after the rename
                    return number
                free = number  # this photo's, of another recipe: the accepted one takes its place
                break
        if there is None or not whose.fits(said):
            raise NobgdError(
                Code.VANISHED,
                f"{errand.relpath} is not in {errand.outbox} any more, or is another's; `nobgd"
                " retry` makes it anew",
            )
        if free is None:
            raise NobgdError(
                Code.NAME_TAKEN,
                f"{errand.names[0]} is taken in {errand.outbox} by another file; move it away and"
                " run `nobgd accept` again",
            )
        wanted = os.path.basename(errand.names[free])
        masks = (mask_file.name_of(each, errand.tail) for each in (name, wanted))
        _move(there, next(masks), into, next(masks), whose)
        _move(there, name, into, wanted, whose)
        publish.sync_folder(into)
        publish.sync_folder(there)
    _tidy(errand.outbox, start)
    return free


def withdraw(job: Job, output: str, sha256: str) -> None:
    """Take away what a photo has in the other part of the outbox, now that it has another.

    That is an output of these bytes or, where the job may write over it, of what the photo was.
    """
    hashes = frozenset({sha256, *([job.replaces] if job.replaces else [])})
    whose = _Whose(job.relpath, frozenset({job.inbox_key, *job.moved}), hashes)
    folders, name = _parts(output)
    if not os.path.isdir(os.path.join(job.outbox, *folders)):
        return
    with tree.within(job.outbox, folders, job.outbox_mount) as folder:
        for each in (name, mask_file.name_of(name, job.spare[1])):
            if whose.fits(_note(folder, each)):
                os.unlink(each, dir_fd=folder)
        publish.sync_folder(folder)
    _tidy(job.outbox, folders)


def _parts(output: str) -> tuple[list[str], str]:
    folder, name = os.path.split(output)
    return [part for part in folder.split("/") if part], name


def _enter(errand: Place, folders: list[str], stack: contextlib.ExitStack) -> int | None:
    """The folder that the cut-out is in; None where there is none, for it is not made."""
    os.close(mounts.open_root(errand.outbox, errand.mount))
    if not os.path.isdir(os.path.join(errand.outbox, *folders)):
        return None
    return stack.enter_context(tree.within(errand.outbox, folders, errand.mount))


def _note(folder: int, name: str) -> provenance.Note | None:
    with contextlib.suppress(FileNotFoundError):
        file = open_plain(folder, name)
        if file is not None:
            with os.fdopen(file, "rb") as stream:
                return provenance.find(stream.read(provenance.HEAD_BYTES))
    return None


def _move(there: int, name: str, into: int, wanted: str, whose: _Whose) -> None:
    """One file; one that is not there has gone before.  Over this photo's own, over no other."""
    if not whose.fits(_note(there, name)):
        return
    if whose.fits(_note(into, wanted)):
        os.rename(name, wanted, src_dir_fd=there, dst_dir_fd=into)
        return
    try:
        publish.rename_noreplace(there, name, into, wanted)
    except FileExistsError:
        raise NobgdError(
            Code.NAME_TAKEN, f"{wanted} was taken just now by another program; it is tried again"
        ) from None


def _tidy(outbox: str, folders: list[str]) -> None:
    """Folders of `_review/` that hold nothing any more."""
    for depth in range(len(folders), 0, -1):
        if folders[0] != "_review":
            return
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(outbox, *folders[:depth]))

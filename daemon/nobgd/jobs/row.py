"""One photo as the ledger knows it, and how it is stored."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from nobgd.jobs import stored
from nobgd.values import Photo

Key = tuple[str | bytes, bytes]  # inbox and relpath, as they are stored


@dataclass(frozen=True, slots=True)
class Row:
    """One photo as the ledger knows it."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    state: str
    attempts: int
    interrupted: int
    next_try: float | None
    code: str | None
    reason: str | None
    sha256: str | None
    recipe: str | None
    output: str | None  # relative to the outbox
    outbox: str | None
    how: str | None
    changed_at: float
    disposed: bool
    took_ms: float | None  # of the attempt that ended in the output
    inode: int | None  # None: not known, as in rows that an older nobgd wrote
    ctime_ns: int | None
    gone: bool  # the source has left its inbox
    keep: str | None  # why the source has to stay, as in `Done`
    kept: str | None  # the code by which the source was said to be kept
    kept_why: str | None
    aside: str | None  # its copy in quarantine, see `asides`; None: none was asked for yet
    doubt: float | None  # of its cut-out, see `Done`
    confidence: float | None
    review: str | None  # open: somebody should look at it | accepted | rejected
    redo: str | None = None  # how somebody wants it made, see `redoing`; None: as configured

    @property
    def left(self) -> bool:
        """Whether the source has ended: what has its name now is another photo."""
        return self.disposed or self.gone

    def same_file(self, size: int, mtime_ns: int) -> bool:
        """Whether the file still looks as it did."""
        return (self.size, self.mtime_ns) == (size, mtime_ns)

    def same_stamp(self, photo: Photo) -> bool:
        """Whether the file is the very one, and nothing was done to it, so far as is known."""
        known = (self.inode, self.ctime_ns)
        return known == (photo.inode, photo.ctime_ns) or None in known or photo.ctime_ns is None


COLUMNS = (
    "inbox, relpath, size, mtime_ns, state, attempts, interrupted, next_try, code, reason,"
    " sha256, recipe, output, outbox, how, changed_at, disposed, took_ms, inode,"
    " ctime_ns, gone, keep, kept, kept_why, aside, doubt, confidence, review, redo"
)
_NAMES = COLUMNS.replace(" ", "").split(",")
_PATHS = tuple(map(_NAMES.index, ("inbox", "relpath", "output", "outbox")))
_NUMBERS = tuple(map(_NAMES.index, ("size", "mtime_ns", "inode", "ctime_ns")))
_FLAGS = tuple(map(_NAMES.index, ("disposed", "gone")))


def key(inbox: str, relpath: str) -> Key:
    """The primary key of a photo, as it is stored."""
    return stored.folder(inbox), os.fsencode(relpath)


def seen(
    size: int, mtime_ns: int, inode: int | None, ctime_ns: int | None
) -> tuple[int | bytes, int | bytes, int | bytes | None, int | bytes | None]:
    """What a look at a file told, as it is stored."""
    return (
        stored.number(size), stored.number(mtime_ns),
        None if inode is None else stored.number(inode),
        None if ctime_ns is None else stored.number(ctime_ns),
    )  # fmt: skip


def of(stored_as: tuple[Any, ...]) -> Row:
    """The row of what SQLite has in `COLUMNS`."""
    fields = list(stored_as)
    for at in _PATHS:
        if isinstance(stored_as[at], bytes):
            fields[at] = os.fsdecode(stored_as[at])
    for at in _NUMBERS:
        if isinstance(stored_as[at], bytes):
            fields[at] = stored.whole(stored_as[at])
    for at in _FLAGS:
        fields[at] = bool(stored_as[at])
    return Row(*fields)

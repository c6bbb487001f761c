"""What lanes do besides photos: what is asked, as frozen values; the acts are in `lane`.

Whatever touches a share and is no job is one of these.  All of them can be run again after a
crash at any point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nobgd.values.mount import Mount
from nobgd.values.rendering import Rendering

# what a file may be by its first bytes; an answer is a place in this
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP", "RAW")
COPIED, LIMIT, ROOM, UNREADABLE, LARGE = range(5)
NOT_COPIED = {
    LIMIT: "the copies there take all that quarantine_limit allows",
    ROOM: "the disk is nearly full",
    UNREADABLE: "the photo could not be read",
    LARGE: "the photo is too large",
}
NOT_THERE, AS_SAID = 0, 1
STATES = 8  # an answer is the number of the copy's name times this, and one of the above


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make an outbox ready: there, its share mounted, writable, without temps of a crash.

    Answers the `Mount` it lies on; the lane says its `sight`.
    """

    outbox: str
    sweep: bool = True
    before: Mount | None = None  # what the outbox lay on when it was last good
    young_s: float = 0.0  # temps that another machine may be at; see `sweeping`


@dataclass(frozen=True, slots=True)
class Write:
    """Replace a small text file in a folder, atomically (the status file in an outbox).

    One that is there must be a plain file whose first line begins with ``mark``: what
    somebody else made is never overwritten.
    """

    folder: str
    name: str
    text: str
    mark: str
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Unlink:
    """Take a plain file at the top of an inbox away (a `_RETRY` that has been obeyed)."""

    inbox: str
    name: str
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Put a copy of a photo that cannot be done into quarantine, with the reason beside it."""

    inbox: str
    relpath: str
    quarantine: str
    why: str
    limit: int | None = None  # bytes that all copies in `counted` may take; None: see `room`
    counted: tuple[str, ...] = ()  # the quarantines that share the limit
    inbox_mount: Mount | None = None  # what it lay on when it was last seen
    mount: Mount | None = None  # what the quarantine lay on when it was last found good


@dataclass(frozen=True, slots=True)
class Release:
    """Take a photo's copy and its reason out of quarantine.

    With ``standing`` only if the original stands in its inbox with the same bytes: else the copy
    is all that there is.  Answers 1 when it stays for that.
    """

    quarantine: str
    relpath: str
    inbox: str = ""
    number: int = 0  # of the copy's name
    standing: bool = False
    mount: Mount | None = None  # what the quarantine lay on when it was last found good


@dataclass(frozen=True, slots=True)
class Dispose:
    """Archive or delete a source that is done; answers 0, or milliseconds to wait before."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    sha256: str
    output: str
    recipe: str
    inbox_key: str
    keep: str | None  # what the lane saw when it cut out, as in `Done`
    quiet_s: float  # that the scanner has seen, up to now
    need_s: float  # see `barrier.quiet_s`
    outbox: str
    archive: str | None = None  # None: delete
    archive_mount: Mount | None = None  # what it lay on when it was last found good
    mount: Mount | None = None  # what the inbox lay on when last seen; None: not checked
    outbox_mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Put a cut-out from one part of the outbox into the other, under the first name that is free.

    Answers which of ``names``.  What is there already, after a kill, stays there.
    """

    outbox: str
    relpath: str  # of the cut-out, relative to the outbox
    names: tuple[str, ...]
    taken: frozenset[str]  # those of ``names`` that other photos own
    source: str  # the photo that its note must name
    inbox_key: str
    sha256: str
    tail: str  # how ``names`` end
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class PutBack:
    """Put back what a kill left in a hidden folder; answers how many, -1: others work there."""

    inbox: str
    relpath: str  # of the folder that holds it
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """Hash a photo that was touched.  Answers its SHA-256 as a whole number."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    mount: Mount | None = None  # what the inbox lay on when last seen; None: not checked


@dataclass(frozen=True, slots=True)
class Peek:
    """Look at a file's first bytes.  Answers the place of its format in `FORMATS`, or -1."""

    inbox: str
    relpath: str
    mount: Mount | None = None  # what the inbox lay on when last seen; None: not checked


@dataclass(frozen=True, slots=True)
class Render:
    """Make another file of a cut-out that is there, for somebody who asked for it.

    It is called ``name`` in ``folder``, one of ours, and comes after ``name``.json, which says its
    size, that of the photo and the box of the subject in it.
    """

    outbox: str
    relpath: str  # of the cut-out
    rendering: Rendering
    compression: str
    folder: str
    name: str
    mount: Mount | None = None  # what the outbox lay on when last seen; None: not checked


@dataclass(frozen=True, slots=True)
class Preview:
    """Make a small picture of a photo, of its cut-out or of its mask, for people who look.

    A WebP whose longest side is at most ``side`` pixels, called ``name`` in ``folder``, which is
    one of ours; it replaces one that is there.
    """

    inbox: str  # the folder that ``relpath`` lies in: an inbox, or the outbox of a cut-out
    relpath: str
    what: Literal["in", "out", "mask"]
    side: int
    folder: str
    name: str
    mount: Mount | None = None  # what ``inbox`` lay on when last seen; None: not checked


@dataclass(frozen=True, slots=True)
class Sample:
    """What a file looks like from here, to be compared with what another machine sees of it.

    Answers a `sampled` number.
    """

    inbox: str  # the folder that ``relpath`` lies in
    relpath: str


@dataclass(frozen=True, slots=True)
class Look:
    """Is this output there, as it is said to be?  Answers `AS_SAID`, or `NOT_THERE`.

    Where it is this photo's, but of other bytes or by another recipe: the SHA-256 of those, as a
    whole number.
    """

    outbox: str
    relpath: str  # of the output
    source: str  # the photo that its note must name
    inbox_keys: frozenset[str]
    sha256: str
    recipe: str
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Put a small file into a folder under a temporary name, for another machine to see."""

    folder: str
    name: str
    text: str | None  # None: take it away again; one that is not there is fine
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Take away what a machine may have left in an outbox when it ended at work.

    Answers how many files stay: another may be at them.
    """

    outbox: str
    young_s: float  # temps that are younger stay
    mount: Mount | None = None


_HASH_BITS, _SIZE_BITS, _TIME_BITS = 120, 56, 72


def sampled(digest: bytes, size: int, mtime_ns: int) -> int:
    """One number for a file: the first bits of a hash of its beginning, size, time."""
    first = int.from_bytes(digest[: _HASH_BITS // 8])
    time = mtime_ns % (1 << _TIME_BITS)
    return (first << _SIZE_BITS | size % (1 << _SIZE_BITS)) << _TIME_BITS | time


def sample_of(number: int) -> tuple[int, int]:
    """What such a number says: all but the time, and the time in ns (from 1970 to far)."""
    return number >> _TIME_BITS, number % (1 << _TIME_BITS)


Errand = (
    Prepare | SetAside | Release | Dispose | PutBack | Write | Unlink | Digest | Peek | Render
    | Preview | Place | Look
)  # fmt: skip
Check = Sample | Mark | Sweep  # asked by who hands jobs to other machines, and by nobody else

"""The frozen values that flow from folder to log line.

Everything here is a plain, picklable value: no I/O, no clock, standard library
only.  A path relative to an inbox is a ``str`` that may hold surrogate escapes
(`os.fsdecode`), so that any file name the kernel allows survives.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from nobgd.values.failures import Code
from nobgd.values.mount import Mount
from nobgd.values.rendering import PLAIN, Rendering


class Sighting(NamedTuple):
    """One look at one file: what a scan saw, nothing concluded.

    A tuple: the first pass over an inbox makes two of each file, and tuples are soon made.
    """

    inbox: str  # absolute path of the inbox
    relpath: str
    size: int  # bytes
    mtime_ns: int  # compared for equality only; the share's clock is not ours
    inode: int | None = None  # None: not known
    ctime_ns: int | None = None  # changes with whatever is done to the file, and not at will
    heard: bool = False  # the kernel said that it was written, or that another took its name


@dataclass(frozen=True, slots=True)
class Photo:
    """A sighting that has stopped changing."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    quiet_s: float  # how long it has been seen unchanged (monotonic clock)
    inode: int | None = None
    ctime_ns: int | None = None
    heard: bool = False


ADAPTIVE = "adaptive"  # by int8, and where that is unsure by fp32 again
_CHANGED = {"fine": 3}  # how often the arithmetic of these edges alone has changed


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the pixels of an output: same recipe, same photo, same picture."""

    model: str
    checksum: str  # SHA-256 of the weights that are run first (of the int8 file when int8)
    precision: str  # fp32 | int8 | ADAPTIVE
    revision: int = 1  # grows when nobgd's own pixel arithmetic changes
    edges: str = "plain"  # plain | fine | matting
    rendering: str = ""  # Rendering.key
    touched: str = ""  # a name of what a person painted over it

    @property
    def key(self) -> str:
        """One string for the ledger and the output's note.

        That of plain edges is what it was when there were no others: the pixels are, too.
        """
        return self.rendered(self.rendering)

    def rendered(self, rendering: str) -> str:
        """The key of the same cut-out, rendered otherwise (`Rendering.key`)."""
        edges = "" if self.edges == "plain" else f":{self.edges}"
        words = f":{rendering}" if rendering else ""
        painted = f":touched-{self.touched}" if self.touched else ""
        revision = self.revision + _CHANGED.get(self.edges, 0)
        return f"{self.weights}:r{revision}{edges}{painted}{words}"

    @property
    def weights(self) -> str:
        """One string for what is loaded: recipes that differ in the rest share it."""
        return f"{self.model}:{self.precision}:{self.checksum}"


@dataclass(frozen=True, slots=True)
class Twin:
    """A finished output of a photo of the same size in bytes: perhaps the same photo."""

    sha256: str
    output: str  # absolute path
    keep: str | None = None  # as in `Done`


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a lane needs to turn one photo into one output."""

    inbox: str
    relpath: str
    size: int
    mtime_ns: int
    outbox: str
    outputs: tuple[str, ...]  # names relative to the outbox, best first (see intake.plan)
    reserved: frozenset[str]  # those of `outputs` that another source owns
    moved: frozenset[str]  # keys of inboxes known once and configured no more
    inbox_key: str
    recipe: Recipe
    compression: str = "fast"  # fast | balanced | small
    max_megapixels: float = 200.0
    attempt: int = 1
    quiet_s: float = 0.0
    patience_s: float = 10.0  # an unfinished file quiet this long is called truncated
    twins: tuple[Twin, ...] = ()
    inbox_mount: Mount | None = None  # what it lay on when last seen; None: not checked
    outbox_mount: Mount | None = None
    inode: int | None = None  # what the scanner saw besides size and mtime; None: not known
    ctime_ns: int | None = None
    spare: tuple[str, str] = ("", ".png")  # around the photo's hash where `outputs` are taken
    own: str | None = None  # where this photo's output is by the ledger, relative to the outbox
    develop: bool = False  # a raw photo is developed, its preview is not taken
    partners: tuple[str, ...] = ()  # of one shot with it, perhaps: then those are done, not it
    replaces: str | None = None  # SHA-256 of its bytes then, if they may be written over
    counts: frozenset[str] = frozenset()  # keys of older recipes whose outputs are as good
    rendering: Rendering = PLAIN
    review_above: float = 1.0  # doubt beyond which somebody should look
    accepted: bool = False  # somebody did: it is good
    doubtful_apart: bool = False  # a doubtful cut-out waits in `waiting.FOLDER`
    known: bool = True  # the ledger has had it before
    touches: str | None = None  # the folder of what people painted over cut-outs
    touch: str | None = None  # the file in it that is painted over this one, see `picture.touch`
    apart: bool = False  # this is the job for there, see `waiting.parts`
    cut_outs: tuple[str, ...] = ()  # where a plain cut-out may be that can be rendered anew
    tidy: bool = False  # a lane that ended may have left a temporary file in `folder`
    others_s: float = 0.0  # so long another machine may be at a temporary file there
    grain_ns: int = 1  # of `mtime_ns`, where another machine saw it, see `cluster.grain`

    @property
    def folder(self) -> str:
        """Where its output goes, as a path."""
        return os.path.join(self.outbox, os.path.dirname(self.outputs[0]))

    def spares(self, sha256: str) -> Iterator[str]:
        """Names by the photo's hash, without an end, for when all of `outputs` are taken."""
        head, tail = self.spare
        yield f"{head}{sha256[:16]}{tail}"
        for number in itertools.count(2):
            yield f"{head}{sha256[:16]}-{number}{tail}"

    def photo(self, more_quiet_s: float = 0.0) -> Photo:
        """The photo that this is the job of, once it has been quiet for so much longer."""
        return Photo(
            self.inbox, self.relpath, self.size, self.mtime_ns, self.quiet_s + more_quiet_s,
            self.inode, self.ctime_ns,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skip:
    """A sighting that will not become a job, and why."""

    inbox: str
    relpath: str
    reason: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds per stage of one job, measured in the lane."""

    read_ms: float = 0.0
    decode_ms: float = 0.0
    infer_ms: float = 0.0
    compose_ms: float = 0.0
    encode_ms: float = 0.0
    publish_ms: float = 0.0
    total_ms: float = 0.0
    edges_ms: float = 0.0  # between infer and compose, and after it


@dataclass(frozen=True, slots=True)
class Done:
    """A photo whose output is whole and on disk under its final name."""

    inbox: str
    relpath: str
    output: str  # absolute path
    sha256: str  # of the source's bytes
    recipe: str
    width: int  # of the upright picture, pixels
    height: int
    bytes_in: int
    bytes_out: int
    timing: Timing = field(default_factory=Timing)
    peak_rss_mb: float = 0.0
    model: str = ""
    precision: str = ""
    engine: str = ""  # onnxruntime | ncnn
    subject_confidence: float = 0.0  # largest value of the raw mask, 0 to 1
    attempt: int = 1
    threads: int = 0  # that the model ran on; 0 where it did not run
    notes: tuple[str, ...] = ()  # what was assumed: cmyk_profile_assumed, own_alpha_kept
    how: str = "computed"  # computed | rendered (from a cut-out) | copied (a twin's) | found there
    complaints: tuple[str, ...] = ()  # of the file: what was repaired or left out to decode it
    keep: str | None = None  # why the original has to stay: a `Code`, "" for no reason, or unknown
    doubt: float | None = None  # 0 sure … 1, see `picture.doubt`; None: not known
    review: bool = False  # somebody should look


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that did not end in an output."""

    inbox: str
    relpath: str
    code: Code
    reason: str  # one sentence: what is wrong, and the way out
    attempt: int = 1
    side: str = "source"  # source | output: which place a Blame.PLACE speaks of
    final: bool = False  # another try would end as this one did, though the fault may be ours


Outcome = Done | Failed

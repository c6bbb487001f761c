"""What supervisor and lane say to each other over their socket pair.

Down go pickled values (the supervisor is trusted); up comes JSON only, because a lane
decodes untrusted pictures and a pickle from a captured lane would run in the supervisor.
How it is read there, and what is refused: `pool.reply`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from nobgd.values import Code, Done, Outcome, Recipe

LONGEST_TEXT = 16_000  # characters of a reason, which may name two paths
LONGEST_REMARK, MOST_REMARKS = 500, 32  # of complaints and notes


@dataclass(frozen=True, slots=True)
class Weights:
    """A model as a lane opens it."""

    path: str
    sha256: str
    name: str
    precision: str
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    engine: str = "onnxruntime"  # what runs it
    logits: bool = False  # its answer goes through a sigmoid

    @property
    def input_bytes(self) -> int:
        """Of the input tensor, (1, 3, S, S) float32."""
        return 3 * self.output_bytes

    @property
    def output_bytes(self) -> int:
        """Of the raw mask, (S, S) float32."""
        return 4 * self.input_size * self.input_size

    @property
    def shown_bytes(self) -> int:
        """Of the picture that the tensor is made from, (S, S, 3) uint8."""
        return 3 * self.mask_bytes

    @property
    def mask_bytes(self) -> int:
        """Of the finished mask, (S, S) uint8."""
        return self.input_size * self.input_size

    @property
    def shown_at(self) -> int:
        """Where the picture lies in the memory that a lane shares: behind tensor and raw mask."""
        return self.input_bytes + self.output_bytes


@dataclass(frozen=True, slots=True)
class ModelSetup:
    """All that the model process is told when it starts."""

    weights: tuple[Weights, ...]  # the first is opened before it says that it is ready
    cache_dir: str
    threads: int = 1  # that the first one is opened for
    net_threads: int = 1  # of engines whose nets cannot change theirs
    at_a_time: int = 1  # inferences
    confine: bool = True
    taken: tuple[tuple[str, int], ...] = ()  # open descriptors of the folders that it reads

    @property
    def read(self) -> tuple[str, ...]:
        """Folders that it reads: those of the weights, and the cache."""
        folders = {os.path.dirname(os.path.realpath(one.path)) for one in self.weights}
        return (self.cache_dir, *sorted(folders))


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a lane is told when it starts."""

    lane: int
    threads: int
    cache_dir: str
    weights: tuple[tuple[Recipe, Weights], ...]
    closer: tuple[tuple[Recipe, Weights], ...] = ()  # asked again where the first is unsure
    read: tuple[str, ...] = ()  # folders a lane may read
    write: tuple[str, ...] = ()  # folders a lane may write to
    memory_bytes: int | None = None
    confine: bool = True
    matting: bool = False  # some inbox asks for rembg's matting
    leases: bool = False  # it removes originals, and asks the kernel who has them open
    taken: tuple[tuple[str, int], ...] = ()  # open descriptors of `read` and `write`
    tensors: int = -1  # descriptor of the memory that it shares with the model process


def tensor_bytes(weights: Iterable[Weights]) -> int:
    """Of the memory that a lane shares with the model process: an input, its raw mask, a picture.

    The picture is what the input was made from.  It is a quarter of its size, and what another
    machine is sent: that finishes the mask, too, and the lane finds it where a raw one would be.
    """
    return max((one.shown_at + one.shown_bytes for one in weights), default=0)


@dataclass(frozen=True, slots=True)
class Link:
    """All that the link process is told when it starts: who we are, and what is asked of others."""

    join: str  # path of the join file
    weights: tuple[Weights, ...]
    lease_s: float  # what a machine does not renew the lease of goes to another
    offered: tuple[tuple[str, str, bool], ...] = ()  # folders of whole jobs: share, below, written?
    deadline_s: float = 120.0  # of a job
    max_megapixels: float = 200.0
    jobs: tuple[tuple[int, ...], ...] = ()  # places in ``weights`` that each kind of job needs


@dataclass(frozen=True, slots=True)
class Thought:
    """Where a mask came from that was not made here."""

    host: str
    engine: str
    took_ms: float  # of that machine, from the question to the mask


@dataclass(frozen=True, slots=True)
class Ran:
    """How a mask was made."""

    threads: int
    waited_s: float  # for others, or for the process to be opened (again)
    confidence: float | None = None  # of a finished mask; None: a raw one is there
    thought: Thought | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A request's answer and where it was worked on."""

    answer: Any  # Outcome for a Job, or Unbegun; for an errand see each
    lane: int
    waited_s: float  # from submit to start
    lanes_busy: float = 1.0  # with a photo meanwhile, in the mean
    thought: Thought | None = None  # None: its mask was made here, or it needed none
    host: str = ""  # the machine that did all of it; "": this one
    was_away: bool = False  # another machine had it before: what is found may be what that made


@dataclass(frozen=True, slots=True)
class Unbegun:
    """A job of which nothing was done, through no fault of its own: it is to wait again."""

    why: str


class ErrandFailed(Exception):  # noqa: N818 - an answer
    """An errand ended with a code and a sentence."""

    def __init__(self, code: Code, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.place = place  # as in `NobgdError`


def pack(outcome: Outcome, outbox: str) -> bytes:
    """An outcome as JSON, without what the supervisor knows itself: whose it is."""
    told = asdict(outcome)
    for name in ("inbox", "relpath", "attempt", "model", "precision"):
        told.pop(name, None)
    if isinstance(outcome, Done):
        told["output"] = os.path.relpath(outcome.output, outbox)
        for name in ("complaints", "notes"):
            told[name] = [each[:LONGEST_REMARK] for each in told[name][:MOST_REMARKS]]
        return encode({"done": told})
    told["reason"] = told["reason"][:LONGEST_TEXT]
    return encode({"failed": told})


def encode(message: dict[str, Any]) -> bytes:
    """One message as ASCII JSON; surrogate escapes in names survive."""
    return json.dumps(message, ensure_ascii=True).encode("ascii")


def refused(code: Code, reason: str, place: str = "") -> bytes:
    """An errand that was not done, as JSON."""
    return encode({"refused": {"code": code, "reason": reason[:LONGEST_TEXT], "place": place}})

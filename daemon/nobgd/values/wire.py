"""What supervisor and lane say to each other over their socket pair.

Down go pickled values (the supervisor is trusted); up comes JSON only, because a lane
decodes untrusted pictures and a pickle from a captured lane would run in the supervisor.
How it is read there, and what is refused: `pool.reply`.
"""

from __future__ import annotations

import json
import os
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


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a lane is told when it starts."""

    lane: int
    threads: int
    cache_dir: str
    weights: tuple[tuple[Recipe, Weights], ...]  # first: loaded before the lane says it is ready
    read: tuple[str, ...] = ()  # folders a lane may read
    write: tuple[str, ...] = ()  # folders a lane may write to
    memory_bytes: int | None = None
    confine: bool = True
    engine: str = "onnxruntime"  # or ncnn, for fp32; int8 is always run by ONNX Runtime
    net_threads: int = 1  # of ncnn, whose nets cannot change theirs
    matting: bool = False  # some inbox asks for rembg's matting
    leases: bool = False  # it removes originals, and asks the kernel who has them open
    taken: tuple[tuple[str, int], ...] = ()  # open descriptors of `read` and `write`


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

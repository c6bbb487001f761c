"""What supervisor and lane say to each other over their socket pair.

Down go pickled values (the supervisor is trusted); up comes JSON only, because a lane
decodes untrusted pictures and a pickle from a captured lane would run in the supervisor.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from nobgd.values import Code, Done, Failed, Outcome, Recipe, Timing


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
    leases: bool = False  # it removes originals, and asks the kernel who has them open
    taken: tuple[tuple[str, int], ...] = ()  # open descriptors of `read` and `write`


@dataclass(frozen=True, slots=True)
class Ready:
    """A lane is up: its model is loaded; which confinements hold."""

    holds: tuple[str, ...]


class ErrandFailed(Exception):  # noqa: N818 - an answer
    """An errand ended with a code and a sentence."""

    def __init__(self, code: Code, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.place = place  # as in `NobgdError`


def pack(outcome: Outcome) -> bytes:
    """An outcome as JSON."""
    kind = "done" if isinstance(outcome, Done) else "failed"
    return encode({kind: asdict(outcome)})


def encode(message: dict[str, Any]) -> bytes:
    """One message as ASCII JSON; surrogate escapes in names survive."""
    return json.dumps(message, ensure_ascii=True).encode("ascii")


def decode(data: bytes) -> dict[str, Any]:
    """One message; ValueError when it is not one."""
    message = json.loads(data)
    if not isinstance(message, dict) or len(message) != 1:
        raise ValueError("not a message")
    return message


def outcome(message: dict[str, Any]) -> Outcome | None:
    """The outcome in a decoded message; None if it holds something else."""
    if "done" in message:
        fields = dict(message["done"])
        told = {name: tuple(map(str, fields.pop(name, ()))) for name in ("complaints", "notes")}
        return Done(**{**fields, "timing": Timing(**fields["timing"]), **told})
    if "failed" in message:
        fields = dict(message["failed"])
        return Failed(**{**fields, "code": Code(fields["code"])})
    return None

"""What a lane may say, and nothing else: every field by its type, its range and its length.

A lane decodes untrusted pictures, so its words are untrusted, too.  They carry no identity:
whose answer it is, the supervisor knows (see `outcome`).  Anything else is `Broken`, which ends
that lane.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from nobgd.values import Code, wire

MOST = 1 << 53  # a whole number that is one in JSON everywhere
_DAY_MS = 86_400_000.0
# why an original stays: no outcome of a job
_KEPT = frozenset({Code.DAMAGED, Code.MORE_PICTURES, Code.MORE_DATA, Code.NOTHING_FOUND,
                   Code.OUTPUT_GONE, Code.OUTPUT_CHANGED, Code.IN_USE, Code.HOLES})  # fmt: skip


class Broken(ValueError):  # noqa: N818 - a state
    """Nothing that a lane may say."""


def _text(limit: int, value: Any) -> str:
    """A text, which may hold surrogate escapes (pydantic's own would refuse them)."""
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError(f"no text of up to {limit} characters")
    return value


def _code(allowed: frozenset[Code], value: Any) -> Code:
    if not isinstance(value, str) or (code := Code(value)) not in allowed:
        raise ValueError("no code")
    return code


def _texts(most: int, limit: int, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"no list of up to {most}")
    return tuple(_text(limit, each) for each in value)


def _number(value: Any) -> int:
    """The largest is a SHA-256; pydantic has no such numbers."""
    if type(value) is not int or not -1 <= value < 1 << 256:
        raise ValueError("no number")
    return value


_Name = Annotated[str, PlainValidator(partial(_text, 4096))]
_Word = Annotated[str, PlainValidator(partial(_text, 32))]
_Reason = Annotated[str, PlainValidator(partial(_text, wire.LONGEST_TEXT))]
_Remarks = Annotated[
    tuple[str, ...], PlainValidator(partial(_texts, wire.MOST_REMARKS, wire.LONGEST_REMARK))
]
_Count = Annotated[int, Field(ge=0, le=MOST)]
_Pixels = Annotated[int, Field(ge=0, le=1 << 32)]
_Ms = Annotated[float, Field(ge=0, le=_DAY_MS)]
_JobCode = Annotated[Code, PlainValidator(partial(_code, frozenset(Code) - _KEPT))]
_AnyCode = Annotated[Code, PlainValidator(partial(_code, frozenset(Code)))]
_Keep = Annotated[
    Literal["damaged", "more_pictures", "more_data", "nothing_found", ""] | None, Field()
]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Ready(_Strict):
    """It is confined; which confinements hold."""

    ready: Annotated[tuple[str, ...], PlainValidator(partial(_texts, 16, 64))]


class Unfit(_Strict):
    """It cannot start."""

    unfit: _Reason


class Stage(_Strict):
    """A stage of its request begins."""

    stage: Literal[
        "open",
        "load",
        "read",
        "decode",
        "infer",
        "edges",
        "compose",
        "encode",
        "confirm",
        "publish",
    ]


class Reopen(_Strict):
    """It may not enter folders that were mounted anew: a new process may.

    They are said by their places in `lane.touched.folders` of the request.
    """

    reopen: Annotated[list[Annotated[int, Field(ge=0, le=15)]], Field(min_length=1, max_length=8)]


class Ask(_Strict):
    """It is about to take the memory of so many megapixels."""

    ask: Annotated[float, Field(gt=0, le=1e6)]


class Infer(_Strict):
    """Its tensor is to become a mask, in the memory that it shares with the model process.

    By the closer of an adaptive model's two after the first.
    """

    infer: Literal["first", "closer"]


class Number(_Strict):
    """The answer of an errand; see each for what it means."""

    errand: Annotated[int, PlainValidator(_number)]


class Refused(_Strict):
    """An errand that was not done."""

    code: _AnyCode
    reason: _Reason
    place: _Name = ""


class _Times(_Strict):
    read_ms: _Ms
    decode_ms: _Ms
    infer_ms: _Ms
    compose_ms: _Ms
    encode_ms: _Ms
    publish_ms: _Ms
    total_ms: _Ms
    edges_ms: _Ms


class Cut(_Strict):
    """A `Done` without what the supervisor knows itself."""

    output: _Name  # relative to the outbox
    recipe: _Name  # that of the job, or an older one that counts
    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    width: _Pixels
    height: _Pixels
    bytes_in: _Count
    bytes_out: _Count
    timing: _Times
    peak_rss_mb: Annotated[float, Field(ge=0, le=1e9)]
    engine: Literal["onnxruntime", "ncnn", "openvino", "cuda"]
    subject_confidence: Annotated[float, Field(ge=0, le=1)]
    threads: Annotated[int, Field(ge=0, le=4096)]
    notes: _Remarks
    how: Literal["computed", "rendered", "copied", "found"]
    complaints: _Remarks
    keep: _Keep
    doubt: Annotated[float, Field(ge=0, le=1)] | None
    review: bool


class Lost(_Strict):
    """A `Failed` without what the supervisor knows itself."""

    code: _JobCode
    reason: _Reason
    side: Literal["source", "output"]
    final: bool


Reply = Ready | Unfit | Stage | Reopen | Ask | Infer | Number | Refused | Cut | Lost
_WHOLE: dict[str, type[Ready | Unfit | Stage | Reopen | Ask | Infer | Number]] = {
    "ready": Ready, "unfit": Unfit, "stage": Stage, "reopen": Reopen, "ask": Ask, "infer": Infer,
    "errand": Number,
}  # fmt: skip
_INNER: dict[str, type[Refused | Cut | Lost]] = {"refused": Refused, "done": Cut, "failed": Lost}


def read(data: bytes) -> Reply:
    """One message of a lane.  Raises `Broken`."""
    try:
        message = json.loads(data)
        if not isinstance(message, dict) or len(message) != 1:
            raise Broken("not a message")
        ((kind, body),) = message.items()
        if kind in _WHOLE:
            return _WHOLE[kind].model_validate(message)
        if kind in _INNER:
            return _INNER[kind].model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        known = first["type"] != "extra_forbidden"  # else the name is the lane's own word
        where = ".".join(map(str, first["loc"])) if known else "a field too many"
        raise Broken(f"{kind}: {where}") from None
    except (ValueError, RecursionError) as error:
        raise Broken(type(error).__name__) from None
    raise Broken("not a message")

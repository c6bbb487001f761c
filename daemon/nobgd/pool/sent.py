"""A job on its way to another machine: JSON, each field checked where it arrives.

Folders go as a share's name and what lies below it (`cluster.paths`).  What only holds here stays
here: inodes, the mounts, what people painted over.  What is said back is a lane's own answer, read
by `reply` like that of a lane of ours.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from nobgd.cluster.paths import Shares, Spot
from nobgd.cluster.words import MOST_JOB
from nobgd.values import Job, Recipe, Rendering, Twin, wire

_PATH, _WORD = 8192, 256  # characters
_MOST_NAMES = 4096
_DAY_S = 86_400.0


class Broken(ValueError):  # noqa: N818 - a state
    """No job of ours."""


def _text(limit: int, value: Any) -> str:
    """A text, which may hold surrogate escapes (pydantic's own would refuse them)."""
    if not isinstance(value, str) or len(value) > limit or "\0" in value:
        raise ValueError(f"no text of up to {limit} characters")
    return value


def _texts(limit: int, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        raise ValueError("no list")
    return tuple(_text(limit, each) for each in value)


def _below(value: Any) -> str:
    """A path that does not lead out of the folder that it is relative to."""
    text = _text(_PATH, value)
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError("no path below a folder")
    return text


def _belows(value: Any) -> tuple[str, ...]:
    return tuple(_below(each) for each in _texts(_PATH, value))


def _spot(value: Any) -> Spot:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("no place")
    return Spot(_text(_WORD, value[0]), _text(_PATH, value[1]))


_Below = Annotated[str, PlainValidator(_below)]
_Belows = Annotated[tuple[str, ...], PlainValidator(_belows)]
_Name = Annotated[str, PlainValidator(partial(_text, _PATH))]
_Word = Annotated[str, PlainValidator(partial(_text, _WORD))]
_Words = Annotated[tuple[str, ...], PlainValidator(partial(_texts, _WORD))]
_Spot = Annotated[Spot, PlainValidator(_spot)]
_Sha = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
_Seconds = Annotated[float, Field(ge=0, le=1e12)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class _Recipe(_Strict):
    model: _Word
    checksum: _Sha
    precision: Literal["fp32", "int8", "adaptive"]
    revision: int = Field(ge=0, le=1 << 31)
    edges: Literal["plain", "fine"]
    rendering: _Word


class _Rendering(_Strict):
    format: Literal["png", "webp", "jpeg"]
    quality: int = Field(ge=1, le=100)
    background: _Word
    crop: bool
    margin: float
    relative: bool
    canvas: list[int] | None
    shape: bool
    longest_side: int | None
    metadata: Literal["keep", "no_location", "none"]
    mask: bool


class _Twin(_Strict):
    sha256: _Sha
    output: _Spot
    keep: _Word | None


class _Sent(_Strict):
    inbox: _Spot
    outbox: _Spot
    relpath: _Below
    size: int = Field(ge=0, lt=1 << 63)
    mtime_ns: int
    outputs: Annotated[_Belows, Field(min_length=1)]
    reserved: _Belows
    moved: _Words
    inbox_key: _Word
    recipe: _Recipe
    compression: Literal["fast", "balanced", "small"]
    max_megapixels: float = Field(gt=0, le=10_000)
    attempt: int = Field(ge=1, le=1 << 31)
    quiet_s: _Seconds
    patience_s: float = Field(ge=0, le=_DAY_S * 365)
    twins: list[_Twin] = Field(max_length=64)
    spare: Annotated[_Belows, Field(min_length=2, max_length=2)]
    own: _Below | None
    develop: bool
    partners: _Belows
    replaces: _Sha | None
    counts: _Words
    rendering: _Rendering
    review_above: float
    accepted: bool
    doubtful_apart: bool
    known: bool
    cut_outs: _Belows


def may_go(job: Job) -> bool:
    """Whether all that decides its output is known elsewhere, too."""
    recipe = job.recipe
    here = job.touch or recipe.touched or job.tidy or job.apart
    return recipe.edges in ("plain", "fine") and not here


def pack(job: Job, shares: Shares) -> bytes | None:
    """The job as it travels; None where it stays here: another machine could not do it."""
    inbox, outbox = shares.spot(job.inbox), shares.spot(job.outbox)
    if inbox is None or outbox is None or not may_go(job):
        return None
    twins = [(each, shares.spot(each.output)) for each in job.twins]
    recipe = asdict(job.recipe)
    del recipe["touched"]
    fields = {
        "inbox": inbox, "outbox": outbox,
        "twins": [
            {"sha256": each.sha256, "output": spot, "keep": each.keep}
            for each, spot in twins if spot is not None
        ],
        "recipe": recipe, "rendering": asdict(job.rendering),
        **{name: sorted(getattr(job, name)) for name in ("reserved", "moved", "counts")},
        **{name: getattr(job, name) for name in (
            "relpath", "size", "mtime_ns", "outputs", "inbox_key", "compression",
            "max_megapixels", "attempt", "quiet_s", "patience_s", "spare", "own", "develop",
            "partners", "replaces", "review_above", "accepted", "doubtful_apart", "known",
            "cut_outs",
        )},
    }  # fmt: skip
    data = wire.encode(fields)
    return data if len(data) <= MOST_JOB else None


def read(data: bytes, shares: Shares) -> Job:
    """The job as this machine does it.  Raises `Broken`."""
    try:
        sent = _Sent.model_validate(json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        raise Broken("a job that nobody sends") from None
    inbox, outbox = shares.path(sent.inbox), shares.path(sent.outbox)
    if inbox is None or outbox is None:
        raise Broken("a job in a share that is not here")
    twins = tuple(
        Twin(each.sha256, path, each.keep)
        for each in sent.twins if (path := shares.path(each.output)) is not None
    )  # fmt: skip
    framed = sent.rendering.model_dump()
    if (canvas := framed["canvas"]) is not None:
        if len(canvas) != 2:
            raise Broken("a canvas of other than two sides")
        framed["canvas"] = tuple(canvas)
    same = {
        name: getattr(sent, name) for name in (
            "relpath", "size", "mtime_ns", "outputs", "inbox_key", "compression",
            "max_megapixels", "attempt", "quiet_s", "patience_s", "own", "develop", "partners",
            "replaces", "review_above", "accepted", "doubtful_apart", "known", "cut_outs",
        )
    }  # fmt: skip
    head, tail = sent.spare
    return Job(
        inbox=inbox, outbox=outbox, twins=twins, recipe=Recipe(**sent.recipe.model_dump()),
        rendering=Rendering(**framed), reserved=frozenset(sent.reserved),
        moved=frozenset(sent.moved), counts=frozenset(sent.counts), spare=(head, tail), **same,
    )  # fmt: skip

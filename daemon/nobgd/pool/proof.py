"""A share is proved, not believed: another machine sees our folders, and we see what it writes.

In each outbox lies a file that only we know the text of; the machine says what it sees there, and
puts one there itself, which we have to see.  Of an inbox, which may be read-only, it says what it
sees of photos that we have seen there.  How fine their times are to both is found by the way.
Pure but for `markers`, which are random.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from nobgd.cluster import grain
from nobgd.cluster.paths import Spot
from nobgd.fs.publish import TEMP_PREFIX, TEMP_SUFFIX
from nobgd.values import wire
from nobgd.values.errands import sample_of, sampled

FILES = 3  # of an inbox
_MOST = 64


class Broken(ValueError):  # noqa: N818 - a state
    """Nothing that is said here."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A file under a temporary name."""

    name: str
    text: str

    def looks_like(self, number: int) -> bool:
        """Whether a `sampled` number is of it."""
        data = self.text.encode()
        mine = sampled(hashlib.sha256(data).digest(), len(data), 0)
        return sample_of(number)[0] == sample_of(mine)[0]


def marker() -> Marker:
    """One that nobody can guess."""
    return Marker(f"{TEMP_PREFIX}{secrets.token_hex(8)}{TEMP_SUFFIX}", secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Out:
    """An outbox: where our marker is, and the one that the machine is to put there."""

    spot: Spot
    name: str
    answer: Marker


@dataclass(frozen=True, slots=True)
class In:
    """An inbox, and photos that we have seen there."""

    spot: Spot
    files: tuple[str, ...]


def _text(limit: int, value: Any) -> str:
    """A text, which may hold surrogate escapes (pydantic's own would refuse them)."""
    if not isinstance(value, str) or len(value) > limit or "\0" in value:
        raise ValueError(f"no text of up to {limit} characters")
    return value


def _number(value: Any) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 256):
        raise ValueError("no number")
    return value


_Name = Annotated[str, PlainValidator(partial(_text, 8192))]
_Number = Annotated[int | None, PlainValidator(_number)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Out(_Strict):
    share: _Name
    below: _Name
    name: str = Field(pattern=r"\A\.nobgd-[0-9a-f]{16}\.tmp\z")
    answer: str = Field(pattern=r"\A\.nobgd-[0-9a-f]{16}\.tmp\z")
    text: str = Field(pattern=r"\A[0-9a-f]{32}\z")


class _In(_Strict):
    share: _Name
    below: _Name
    files: list[_Name] = Field(max_length=FILES)


class _Asked(_Strict):
    outboxes: list[_Out] = Field(max_length=_MOST)
    inboxes: list[_In] = Field(max_length=_MOST)


class Seen(_Strict):
    """What a machine sees: `sampled` numbers, None for what it does not see."""

    outboxes: list[_Number] = Field(max_length=_MOST)
    inboxes: list[list[_Number]] = Field(max_length=_MOST)


def ask(outboxes: Sequence[Out], inboxes: Sequence[In]) -> bytes:
    """The question as it travels."""
    return wire.encode({
        "outboxes": [
            {"share": each.spot.share, "below": each.spot.below, "name": each.name,
             "answer": each.answer.name, "text": each.answer.text}
            for each in outboxes
        ],
        "inboxes": [
            {"share": each.spot.share, "below": each.spot.below, "files": each.files}
            for each in inboxes
        ],
    })  # fmt: skip


def asked(data: bytes) -> tuple[list[Out], list[In]]:
    """The question as it arrives.  Raises `Broken`."""
    try:
        found = _Asked.model_validate(json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        raise Broken("no proof is asked for so") from None
    return (
        [Out(Spot(e.share, e.below), e.name, Marker(e.answer, e.text)) for e in found.outboxes],
        [In(Spot(e.share, e.below), tuple(e.files)) for e in found.inboxes],
    )


def seen(data: bytes) -> Seen:
    """The answer as it arrives.  Raises `Broken`."""
    try:
        return Seen.model_validate(json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        raise Broken("it says what no worker says") from None


def judge(
    ours: Sequence[Sequence[int]], inboxes: Sequence[In], theirs: Seen
) -> Mapping[str, int] | str:
    """The grain of each share, or what is wrong; ``ours`` are samples of the inboxes' files.

    The outboxes are compared by who asked: their files are read there.
    """
    pairs: dict[str, list[tuple[int, int]]] = {}
    if len(theirs.inboxes) != len(inboxes):
        return "it says what no worker says"
    for mine, each, there in zip(ours, inboxes, theirs.inboxes, strict=True):
        share = each.spot.share
        if len(there) != len(mine):
            return "it says what no worker says"
        for one, other in zip(mine, there, strict=True):
            if other is None:
                return f"share {share}: it does not see our photos there; what is mounted there?"
            if sample_of(one)[0] != sample_of(other)[0]:
                return f"share {share}: it sees other bytes in our photos; what is mounted there?"
            pairs.setdefault(share, []).append((sample_of(one)[1], sample_of(other)[1]))
    grains: dict[str, int] = {}
    for share, times in pairs.items():
        found = grain.common(times)
        if found is None:
            return f"share {share}: the times of our photos are others there"
        grains[share] = found
    return grains

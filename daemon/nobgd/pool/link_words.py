"""What the link process says: every field by its type, its range and its length."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nobgd.cluster.words import MOST_OUTCOME, MOST_PROOF

_TEXT = 500


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_HOST = Field(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")
_NUMBER = Field(ge=0, lt=1 << 53)


class Mask(_Said):
    """A mask has come; it lies in the memory that comes with this."""

    mask: int = _NUMBER
    host: str = _HOST
    engine: str = Field("", max_length=40)
    confidence: float = Field(allow_inf_nan=False, ge=0, le=1)
    ran: int = Field(ge=0, le=4096)
    took_ms: float = Field(ge=0, le=1e9, allow_inf_nan=False)


class Sign(_Said):
    """A machine is at it."""

    sign: int = _NUMBER
    host: str = _HOST


class Back(_Said):
    """No machine will do it."""

    back: int = _NUMBER


class Think(_Said):
    """Our own mask of the picture in the memory that comes with this is wanted."""

    think: int = _NUMBER
    model: int = Field(ge=0, lt=1024)


class Seen(_Said):
    """How a machine is now."""

    seen: str = _HOST
    state: Literal["up", "proving", "refused", "draining", "lost"]
    why: str = Field("", max_length=_TEXT)
    seats: int = Field(ge=0, le=4096)
    priority: int = Field(ge=0, le=9)
    busy: int = Field(ge=0)
    answered: int = Field(ge=0)
    engine: str = Field("", max_length=40)
    models: list[int] = Field(max_length=64)
    jobs: int = Field(ge=0, le=4096)
    mounted: str = Field("", max_length=_TEXT)
    working: bool = False


class Broker(_Said):
    """Whether the broker can be reached: "", or why not."""

    broker: str = Field(max_length=_TEXT)


class Away(_Said):
    """A machine is at a job."""

    away: int = _NUMBER
    host: str = _HOST


class Ended(_Said):
    """What has become of a job there, in the words of its lane."""

    ended: int = _NUMBER
    host: str = _HOST
    lane: int = Field(ge=0, le=4096)
    waited_s: float = Field(ge=0, le=1e9, allow_inf_nan=False)
    said: str = Field(max_length=MOST_OUTCOME)
    closer: bool = False  # of an adaptive model: a closer mask was asked for


class Returned(_Said):
    """No machine will do this job; why, where one has said so."""

    returned: int = _NUMBER
    host: str = Field("", max_length=63)
    why: str = Field("", max_length=_TEXT)


class Shown(_Said):
    """What a machine sees of our folders, or why nothing."""

    shown: int = _NUMBER
    said: str = Field("", max_length=MOST_PROOF)
    failed: str = Field("", max_length=_TEXT)


class Tell(_Said):
    """Something for the log."""

    tell: Literal[
        "machine.joined", "machine.lost", "machine.back", "machine.refused", "broker.lost",
        "broker.back", "link.confined",
    ]  # fmt: skip
    fields: dict[str, str | int | float | list[str]] = Field(max_length=8)


Message = Mask | Sign | Back | Think | Seen | Broker | Tell | Away | Ended | Returned | Shown
KINDS: dict[str, type[Message]] = {
    "mask": Mask, "sign": Sign, "back": Back, "think": Think, "seen": Seen, "broker": Broker,
    "tell": Tell, "away": Away, "ended": Ended, "returned": Returned, "shown": Shown,
}  # fmt: skip

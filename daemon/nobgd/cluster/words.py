"""What home and workers say to one another, field by field: types, ranges, lengths."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 4096 * 4096 * 3  # bytes of a picture
MOST_OFFERED = 24  # folders
MOST_JOB = 24_000  # bytes of a job; a larger one is done at home
MOST_OUTCOME = 120_000  # bytes of what becomes of it
MOST_PROOF = 60_000  # bytes of what is asked, and answered, of shares
_TEXT = 400  # characters of a sentence
Recipe = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
Run = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]  # of a home: new at each start
Identity = Annotated[int, Field(ge=0, lt=1 << 53)]
Text = Annotated[str, Field(max_length=_TEXT)]


def plain(text: str) -> str:
    """A sentence that may be said here, whatever a file is called."""
    return text.encode("ascii", "backslashreplace").decode()[:_TEXT]


class _Words(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Question(_Words):
    """A picture to be thought about follows, (S, S, 3) uint8."""

    id: Identity
    home: Run
    recipe: Recipe
    side: int = Field(ge=1, le=4096)
    proof: bool = False  # for the admission test: comes by `cast`, not by the queue


class Answer(_Words):
    """Its mask follows, (S, S) uint8; or nothing, where it failed or only begins."""

    id: Identity
    recipe: Recipe
    began: bool = False
    failed: Text | None = None
    confidence: float = Field(0.0, allow_inf_nan=False, ge=0, le=1)
    engine: str = Field("", max_length=40, pattern=r"^[a-z0-9_.-]*$")
    ran: int = Field(0, ge=0, le=4096)  # threads
    took_ms: float = Field(0.0, allow_inf_nan=False, ge=0, le=1e9)
    delivery: int = Field(1, ge=0, le=1 << 31)


class Job(_Words):
    """A whole job follows, see `pool.sent`."""

    id: Identity
    home: Run


class Outcome(_Words):
    """What has become of it follows, as a lane says it; or nothing, where it only begins."""

    id: Identity
    began: bool = False
    failed: Text | None = None  # it was not done here, and is to be done elsewhere
    closer: bool = False  # of an adaptive model: a closer mask was asked for
    beyond: bool = False  # as it is too large for this machine's memory: nothing is wrong here
    lane: int = Field(0, ge=0, le=4096)
    waited_s: float = Field(0.0, allow_inf_nan=False, ge=0, le=1e9)
    delivery: int = Field(1, ge=0, le=1 << 31)


class Prove(_Words):
    """Folders and files follow that a machine is to show that it sees, see `pool.proof`."""

    id: Identity
    home: Run


class Shown(_Words):
    """What it sees of them follows."""

    id: Identity
    failed: Text | None = None


class Hello(_Words):
    """What a worker is, every few seconds."""

    protocol: int = Field(ge=0, le=1 << 31)
    run: Run  # of the worker: new at each start, which has to prove itself anew
    version: str = Field("", max_length=40)
    seats: int = Field(ge=0, le=4096)  # questions that it holds at a time
    priority: int = Field(ge=0, le=9)  # 0 first, 9 only when all others are full
    engine: str = Field("", max_length=40)
    busy: int = Field(0, ge=0, le=1 << 31)
    answered: int = Field(0, ge=0, lt=1 << 53)  # since it started
    ready: list[Recipe] = Field(default_factory=list, max_length=64)
    lacks: dict[Recipe, Text] = Field(default_factory=dict, max_length=64)  # and why
    draining: bool = False
    checking: bool = False  # whether it could work, and ends then; nothing is asked of it
    jobs: int = Field(0, ge=0, le=256)  # whole ones at a time; 0: it has not the shares
    mounted: Text = ""  # its shares, or what keeps it from working on them


class Wanted(_Words):
    """A recipe of the home's, and by what a worker finds it."""

    recipe: Recipe
    model: str = Field(max_length=100)
    precision: str = Field(max_length=10)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Offered(_Words):
    """A folder that whole jobs are done in."""

    share: str = Field(max_length=40)
    below: Text
    writes: bool = False


class Cast(_Words):
    """What a home tells a worker, every few seconds."""

    home: Run
    wanted: list[Wanted] = Field(default_factory=list, max_length=64)
    admitted: list[Recipe] = Field(default_factory=list, max_length=64)
    lease_s: float = Field(5.0, allow_inf_nan=False, ge=0.5, le=3600)
    jobs: list[Annotated[list[Recipe], Field(min_length=1, max_length=2)]] = Field(
        default_factory=list, max_length=64
    )  # the recipes that each kind of whole job needs
    offered: list[Offered] = Field(default_factory=list, max_length=MOST_OFFERED)
    grains: dict[str, Annotated[int, Field(ge=1, le=1 << 40)]] = Field(
        default_factory=dict, max_length=64
    )  # by share, of a machine that has shown that it sees them: it may pull jobs
    job_lease_s: float = Field(30.0, allow_inf_nan=False, ge=0.5, le=3600)
    deadline_s: float = Field(120.0, allow_inf_nan=False, gt=0, le=86_400)
    max_megapixels: float = Field(200.0, allow_inf_nan=False, gt=0, le=10_000)
    refused: Text = ""  # why it is asked nothing, and the way out


class Order(_Words):
    """What the command line tells a worker."""

    drain: bool

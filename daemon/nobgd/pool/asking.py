"""One request for a mask, as `inference` keeps it while it waits, is worked on here, or is away."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from nobgd.pool.mishaps import OutOfMemory
from nobgd.pool.suspects import MOST
from nobgd.values import Code, NobgdError, wire


@dataclass(slots=True, eq=False)
class Request:
    """Whoever asks waits until it is ``done``.  No two are equal: many wait in one queue."""

    number: int
    which: int
    memory: int  # descriptor
    whole: bool = False  # see `ModelProcess.ask`
    beside: int = 0  # lanes that computed when it was asked for
    here: bool = False  # it does not go to another machine (any more)
    about: dict[str, str] = field(default_factory=dict)  # for the log
    digest: str = ""
    alone: bool = False
    began: float | None = None  # monotonic; None: it is not worked on here
    sent: float = 0.0  # monotonic, when it went to the others
    host: str = ""  # of the others, that has begun it
    left: str = ""  # one of them that began it and fell silent
    back: bool = False  # it has been out, in vain
    heard: float = 0.0  # monotonic, when that was last heard of it
    asked: float = 0.0
    waited: float = 0.0  # seconds that no inference of it was under way
    ran: int = 0
    confidence: float | None = None  # of a finished mask; None: the raw one is there
    thought: wire.Thought | None = None
    error: NobgdError | OutOfMemory | None = None
    done: bool = False

    def close(self) -> None:
        """Let its memory go."""
        if self.memory >= 0:
            os.close(self.memory)
            self.memory = -1


def digest(memory: int) -> str:
    """Of what lies in it; the mask behind the tensor is of the lane's last photo, or zeros."""
    found = hashlib.sha256()
    offset = 0
    while part := os.pread(memory, 1 << 20, offset):
        found.update(part)
        offset += len(part)
    return found.hexdigest()


def to_blame(how: str, *, hung: bool) -> NobgdError:
    """What is said of a tensor that brought the model process down."""
    code = Code.DEADLINE if hung else Code.CRASHED
    hint = "see `nobgd doctor`; another workers.engine may do it"
    return NobgdError(code, f"the model process ended by {how} {MOST} times at it; {hint}")

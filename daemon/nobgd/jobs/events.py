"""What the loop's mailbox holds besides `intake.messages`: frozen values from other threads.

Lane threads, signal handlers and the control socket only ever put one of these.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from nobgd.pool.lanes import Finished
from nobgd.values import Job
from nobgd.values.errands import Errand
from nobgd.values.wire import ErrandFailed

Then = Callable[[Any, ErrandFailed | None], None]  # what the errand answers, see each


@dataclass(frozen=True, slots=True)
class Answer:
    """A lane has answered."""

    request: Job | Errand
    future: Future[Finished]
    then: Then | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Something to do in the loop's thread, asked by another one (the control socket)."""

    function: Callable[[], None]

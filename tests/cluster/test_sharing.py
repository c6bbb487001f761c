"""What the supervisor is told of a job that a machine does not do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.home import WEIGHTS
from nobgd.cluster import frames
from nobgd.cluster.words import Job, Outcome
from nobgd.machines.sharing import Sharing


class Link:
    """It keeps what is stored, and for how long."""

    def __init__(self) -> None:
        self.kept: list[tuple[bytes, float]] = []

    async def prepare(self, *_: Any) -> None:
        pass

    async def purge(self, _: str) -> None:
        pass

    async def store(self, _: str, data: bytes, for_s: float) -> int:
        self.kept.append((data, for_s))
        return len(self.kept)

    async def withdraw(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("beyond", "returned"),
    [
        (False, {"returned": 3, "host": "desk-1", "why": "its lanes end"}),
        (True, {"returned": 3, "host": "", "why": ""}),
    ],
)
def test_a_photo_that_is_too_large_there_does_not_speak_against_the_machine(
    *, beyond: bool, returned: dict[str, Any]
) -> None:
    """It comes home as one that no machine takes; any other reason is said of who gave it."""
    said: list[dict[str, Any]] = []
    link: Any = Link()
    sharing = Sharing(
        [WEIGHTS], "a" * 16, lambda words, _: said.append(words), asyncio.run, _nothing, 45.0
    )
    asyncio.run(sharing.prepare(link, 30.0))
    sharing.hear({"job": 3, "model": 0, "photo": "0" * 20, "sent": "{}"})
    ((data, for_s),) = link.kept
    assert for_s == 45.0
    job, _ = frames.unpack(Job, data, 100)
    answer = Outcome(id=job.id, failed="its lanes end", beyond=beyond)
    assert sharing.answered("desk-1", frames.pack(answer))
    assert said == [returned]


async def _nothing(*_: Any) -> None:
    pass

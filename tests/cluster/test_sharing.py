"""What the supervisor is told of a job that a machine does not do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from cluster.home import WEIGHTS
from nobgd.cluster import frames, subjects
from nobgd.cluster.words import Job, Outcome
from nobgd.machines.sharing import Sharing
from nobgd.values import wire

INT8 = replace(WEIGHTS, precision="int8", sha256="cd" * 32)
SETUP = wire.Link("", (INT8, WEIGHTS), 30.0, jobs=((0, 1), (1,)))


class Link:
    """It keeps what is stored."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.under: list[str] = []
        self.consumers: list[str] = []

    async def prepare(self, _: Any, consumers: list[dict[str, Any]]) -> None:
        self.consumers = [each["filter_subject"] for each in consumers]

    async def purge(self, _: str) -> None:
        pass

    async def store(self, subject: str, data: bytes) -> int:
        self.under.append(subject)
        self.kept.append(data)
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
    sharing = Sharing(SETUP, "a" * 16, lambda words, _: said.append(words), asyncio.run, _nothing)
    asyncio.run(sharing.prepare(link, 30.0))
    sharing.hear({"job": 3, "models": [1], "photo": "0" * 20, "sent": "{}"})
    job, _ = frames.unpack(Job, link.kept[0], 100)
    answer = Outcome(id=job.id, failed="its lanes end", beyond=beyond)
    assert sharing.answered("desk-1", frames.pack(answer))
    assert said == [returned]


def test_a_job_goes_to_machines_that_have_all_its_models() -> None:
    """An adaptive one needs two; others are pulled for by nobody who has one of them only."""
    link: Any = Link()
    sharing = Sharing(SETUP, "a" * 16, lambda *_: None, asyncio.run, _nothing)
    asyncio.run(sharing.prepare(link, 30.0))
    int8, fp32 = map(subjects.recipe8, SETUP.weights)
    adaptive = subjects.job_recipe(int8, fp32)
    assert adaptive not in (subjects.job_recipe(int8), subjects.job_recipe(fp32, int8))
    recipes = [adaptive, subjects.job_recipe(fp32)]
    assert link.consumers == [subjects.jobs_of(each) for each in recipes]
    for number, models in enumerate(SETUP.jobs):
        words = {"job": number, "models": list(models), "photo": f"{number:020}", "sent": "{}"}
        sharing.hear(words)
    assert link.under == [subjects.job(each, f"{n:020}") for n, each in enumerate(recipes)]


async def _nothing(*_: Any) -> None:
    pass

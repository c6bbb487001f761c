"""A job whose lease is lost is another machine's: its lane is killed, and nothing is said of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobgd.cluster import frames
from nobgd.cluster.link import Pulled, Unheard
from nobgd.cluster.paths import Shares
from nobgd.cluster.words import Job as Words
from nobgd.cluster.words import Outcome
from nobgd.machines.answering import Answering
from nobgd.machines.working import Jobs
from nobgd.pool import sent
from nobgd.values import Code, Done, Failed, Job, Recipe
from nobgd.values.mount import Mount
from nobgd.values.wire import Finished

HOME, GONE = "a" * 16, {"b" * 16}
LEASE_S = 0.3
RECIPE = Recipe("u2netp", "ab" * 32, "fp32")
JOB = Job(
    "/srv/in", "a.jpg", 1, 1, "/srv/out", ("a_nobg.png",), frozenset(), frozenset(), "k", RECIPE,
    spare=("a.jpg-", "_nobg.png"),
)  # fmt: skip
DONE = Done("/mnt/in", "a.jpg", "/mnt/out/a_nobg.png", "cd" * 32, RECIPE.key, 3, 2, 1, 1)


class Link:
    """A broker that renews leases, or not."""

    def __init__(self, *, renews: bool) -> None:
        self.renews = renews
        self.said: list[Outcome] = []
        self.done_with = 0
        self.renewed = 0

    async def publish(self, _: str, data: bytes, *__: Any) -> None:
        self.said.append(frames.unpack(Outcome, data, 1 << 20)[0])

    async def ask(self, _: str, data: bytes, __: float) -> bytes:
        self.said.append(frames.unpack(Outcome, data, 1 << 20)[0])
        return b""

    async def renew_surely(self, _: Pulled) -> None:
        self.renewed += 1
        if not self.renews:
            raise Unheard("nobody answered")

    async def done(self, _: Pulled) -> None:
        self.done_with += 1


class Lanes:
    """One that takes ``seconds``, or for ever, for each job."""

    def __init__(self, answers: list[Any], seconds: float | None = None) -> None:
        self.jobs: list[Job] = []
        self.abandoned: list[Job] = []
        self._answers, self._seconds = answers, seconds
        self._future: Future[Finished] = Future()

    def submit(self, job: Job) -> Future[Finished]:
        self.jobs.append(job)
        future = self._future = Future[Finished]()
        if self._seconds is not None:
            loop, answer = asyncio.get_running_loop(), Finished(self._answers.pop(0), 2, 0.1)
            loop.call_later(self._seconds, future.set_result, answer)
        return future

    def abandon(self, job: Job) -> None:
        self.abandoned.append(job)
        self._future.set_result(Finished(Failed("", "", Code.CRASHED, "killed"), 0, 0.0))


class Working:
    """What `Jobs` has of it."""

    def __init__(self, lanes: Lanes) -> None:
        mount = Mount(1, 2, "/mnt", "nfs4", "nas:/")
        self.lanes, self.grains, self.largest = lanes, {"in": 100}, 50.0
        self.mounts = {"/mnt/in": mount, "/mnt/out": mount}


def work(
    link: Link, lanes: Lanes, *, delivery: int = 1, job: Job = JOB, home: str = HOME
) -> None:  # fmt: skip
    """One job, from its arrival to its end."""

    async def all_of_it() -> None:
        anything: Any = link
        at = Answering("desk-1", lambda: None, lambda: anything, lambda _: 5.0, GONE.__contains__)
        jobs = Jobs("desk-1", Shares({"in": "/mnt/in", "out": "/mnt/out"}), at)
        data = sent.pack(job, Shares({"in": "/srv/in", "out": "/srv/out"}))
        assert data is not None
        pulled = Pulled(frames.pack(Words(id=7, home=home), data), "", delivery)
        working: Any = Working(lanes)
        await jobs.work(anything, working, LEASE_S, pulled)
        while at.working:
            await asyncio.wait(at.working)

    asyncio.run(all_of_it())


def test_a_lane_whose_lease_is_lost_is_killed() -> None:
    link, lanes = Link(renews=False), Lanes([])
    work(link, lanes)
    assert lanes.abandoned == lanes.jobs
    assert all(each.began for each in link.said)
    assert not link.done_with


def test_a_lease_is_kept_for_as_long_as_it_takes() -> None:
    link, lanes = Link(renews=True), Lanes([DONE], 3 * LEASE_S)
    work(link, lanes)
    assert not lanes.abandoned
    assert link.renewed >= 2
    assert (link.said[-1].began, link.said[-1].lane, link.done_with) == (False, 2, 1)


def test_a_job_is_done_on_what_was_proved() -> None:
    """Under this machine's paths, with its mounts and the grain of its share."""
    lanes = Lanes([DONE], 0.0)
    work(Link(renews=True), lanes)
    (job,) = lanes.jobs
    assert (job.inbox, job.outbox, job.grain_ns) == ("/mnt/in", "/mnt/out", 100)
    assert job.inbox_mount == job.outbox_mount == Mount(1, 2, "/mnt", "nfs4", "nas:/")


def test_what_may_be_remembered_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of NFS or SMB says for a while what it saw before."""
    monkeypatch.setattr("nobgd.machines.working._AGAIN_S", 0.0)
    vanished = Failed("/mnt/in", "a.jpg", Code.VANISHED, "not there")
    link, lanes = Link(renews=True), Lanes([vanished, DONE], 0.0)
    work(link, lanes)
    assert len(lanes.jobs) == 2
    assert link.said[-1].failed is None
    for code, tries in ((Code.VANISHED, 8), (Code.CHANGED, 2), (Code.BROKEN, 1)):
        lanes = Lanes([Failed("/mnt/in", "a.jpg", code, "why")] * 9, 0.0)
        work(link, lanes)
        assert len(lanes.jobs) == tries


def test_what_has_ended_machines_before_is_not_begun() -> None:
    link, lanes = Link(renews=True), Lanes([])
    work(link, lanes, delivery=5)
    assert not lanes.jobs
    assert link.said[-1].failed == "4 machines got it and none answered"


def test_a_folder_that_was_not_shown_is_not_worked_in() -> None:
    link, lanes = Link(renews=True), Lanes([])
    work(link, lanes, job=replace(JOB, outbox=str(Path("/srv/out/below"))))
    assert not lanes.jobs
    assert link.said[-1].failed == "it has not shown this folder"


def test_a_job_of_a_home_that_is_gone_is_not_done() -> None:
    """Nobody waits for it: it goes without a word."""
    lanes, link = Lanes([DONE], 0.0), Link(renews=True)
    work(link, lanes, home=min(GONE))
    assert lanes.jobs == []
    assert link.said == []
    assert link.done_with == 1


def test_what_may_not_fit_into_memory_goes_back_by_its_header() -> None:
    """The lane is told of the smaller of two limits; nothing speaks against the machine."""
    large = Failed("/mnt/in", "a.jpg", Code.TOO_LARGE, "it has 80 megapixels")
    for allowed in (200.0, 20.0):
        lanes, link = Lanes([large], 0.0), Link(renews=True)
        work(link, lanes, job=replace(JOB, max_megapixels=allowed))
        assert [each.max_megapixels for each in lanes.jobs] == [min(allowed, 50.0)]
        said = link.said[-1]
        assert said.beyond
        assert said.failed == "more than the 50 megapixels that memory here has room for"


def test_another_fault_of_a_photo_is_said_as_its_lane_says_it() -> None:
    """Home judges it."""
    broken = Failed("/mnt/in", "a.jpg", Code.BROKEN, "it is damaged")
    link = Link(renews=True)
    work(link, Lanes([broken], 0.0))
    assert link.said[-1].failed is None
    assert not link.said[-1].beyond

"""Lanes with real processes; the requests are errands, so no model is needed."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nobgd.fs import mounts
from nobgd.jobs import plan
from nobgd.pool import lane_process, reply
from nobgd.pool.inference import Inference
from nobgd.pool.lane import Lane
from nobgd.pool.lanes import Lanes
from nobgd.pool.line import Line
from nobgd.pool.memory import Budget
from nobgd.pool.mishaps import Broken, Overdue, Unfit
from nobgd.values import Code, Done, Failed, Job, Recipe, wire
from nobgd.values.errands import Prepare, Write

RECIPE = Recipe("u2netp", "0", "fp32")


def job(root: Path, name: str) -> Job:
    return Job(
        str(root), name, 1, 1, str(root), (f"{name}_nobg.png",), frozenset(), frozenset(), "k",
        RECIPE,
    )  # fmt: skip


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Lanes]:
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    made = Lanes(setup, 1, deadline_s=20, budget=Budget(100))
    made.start()
    yield made
    made.shutdown(wait=False)


def test_an_errand_is_answered(lanes: Lanes, tmp_path: Path) -> None:
    """Prepare answers the mount of the folder."""
    answer = lanes.submit(Prepare(str(tmp_path))).result(20)
    assert answer.answer == mounts.identify(str(tmp_path))


def test_an_errand_that_fails_says_why(lanes: Lanes, tmp_path: Path) -> None:
    """A code and a sentence come back as an exception."""
    with pytest.raises(wire.ErrandFailed) as caught:
        lanes.submit(Prepare(str(tmp_path / "none"))).result(20)
    assert caught.value.code is Code.GONE_AWAY


@pytest.mark.parametrize(
    ("stage", "computes"),
    [
        ("open", False), ("load", False), ("read", False), ("memory", False), ("decode", True),
        ("infer", False), ("compose", True), ("encode", True), ("publish", False),
    ],
)  # fmt: skip
def test_a_lane_takes_a_core_while_it_computes(tmp_path: Path, stage: str, computes: bool) -> None:
    """Not while it waits for a folder, for a mask or for memory; nor without a photo."""
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lane = Lane(setup, 20.0, Budget(100), lambda *_: None, lambda: 1)
    lane.stage = stage
    assert not lane.computes
    lane.request = job(tmp_path, "a.jpg")
    assert lane.computes is computes


def test_what_came_in_time_counts_though_it_is_looked_at_late(tmp_path: Path) -> None:
    """A supervisor that was starved does not say of a lane that it crashed, or was too slow."""
    lane = Lane(
        wire.Setup(0, 1, str(tmp_path), (), confine=False), 20.0, Budget(100),
        lambda *_: None, lambda: 1,
    )  # fmt: skip
    ours, theirs = socket.socketpair()
    lane.process.line = Line(ours)
    with theirs, contextlib.closing(lane.process.line):
        frame = wire.encode({"stage": "decode"})
        theirs.sendall(struct.pack("!i", len(frame)) + frame[:5])
        assert lane.process.line.receive(0.1) is None
        theirs.sendall(frame[5:])
        behind = time.monotonic() - 1.0
        assert lane._receive(behind) == reply.Stage(stage="decode")
        with pytest.raises(Overdue):
            lane._receive(behind)
        theirs.sendall(b"\0\0")
        with pytest.raises(Broken, match="half a message"):
            lane._receive(behind)


def test_a_lane_killed_while_idle_is_opened_again(lanes: Lanes, tmp_path: Path) -> None:
    """The next request is answered by a new process and nobody notices."""
    (pid,) = lanes.pids()
    os.kill(pid, signal.SIGKILL)
    lanes.submit(Write(str(tmp_path), "x.txt", "hello", "hello")).result(20)
    assert (tmp_path / "x.txt").read_text() == "hello"
    assert lanes.pids() != [pid]


def test_a_job_whose_recipe_is_unknown_is_a_failure_not_an_exception(
    lanes: Lanes, tmp_path: Path
) -> None:
    """A job always gets an outcome, also when its lane dies of it."""
    outcome = lanes.submit(job(tmp_path, "a.jpg")).result(30).answer
    assert isinstance(outcome, Failed)
    assert outcome.relpath == "a.jpg"


def test_what_no_lane_began_is_put_back(tmp_path: Path) -> None:
    """Requests in the queue come back, their futures are cancelled."""
    lanes = Lanes(wire.Setup(0, 1, "", ()), 1, deadline_s=1, budget=Budget(1))
    one = job(tmp_path, "a.jpg")
    future = lanes.submit(one)
    assert lanes.put_back() == [one]
    assert future.cancelled()


def test_a_model_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    """The start ends with a sentence."""
    weights = wire.Weights(
        str(tmp_path / "none.onnx"), "0", "u2netp", "fp32", 320, (0, 0, 0), (1, 1, 1)
    )
    setup = wire.Setup(0, 1, str(tmp_path), ((RECIPE, weights),), confine=False)
    inference = Inference(wire.ModelSetup((weights,), str(tmp_path), confine=False))
    lanes = Lanes(setup, 1, deadline_s=20, budget=Budget(100), inference=inference)
    with pytest.raises(Unfit):
        lanes.start()
    lanes.shutdown(wait=False)


def test_a_photo_alone_gets_all_cores_and_a_full_house_one_each(tmp_path: Path) -> None:
    """The share is what is at work and at hand over the cores, a power of two."""
    setup = wire.Setup(0, 1, "", ())
    lanes = Lanes(setup, 8, deadline_s=1, budget=Budget(1), cores=8)
    shares = [lanes.threads()]
    for _ in range(8):
        lanes.submit(job(tmp_path, "a.jpg"))
        shares.append(lanes.threads())
    assert shares == [8, 8, 4, 2, 2, 1, 1, 1, 1]


def test_configured_threads_are_the_least() -> None:
    """Without cores to share a lane has what the configuration says."""
    lanes = Lanes(wire.Setup(0, 3, "", ()), 2, deadline_s=1, budget=Budget(1))
    assert lanes.threads() == 3


def test_lanes_are_opened_by_need_and_end_without_work(tmp_path: Path) -> None:
    """One at the start, none after `idle_s`, then one for one request and more for more."""
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lanes = Lanes(setup, 3, deadline_s=60, budget=Budget(100), idle_s=1.0)
    lanes.start()
    try:
        assert len(lanes.pids()) == 1
        until(lambda: not lanes.pids())
        assert lanes.submit(Prepare(str(tmp_path))).result(60)
        assert len(lanes.pids()) == 1
        until(lambda: not lanes.pids())
        until(lambda: bool(lanes.submit(Prepare(str(tmp_path)))) and len(lanes.pids()) > 1)
    finally:
        lanes.shutdown(wait=False)


def test_lanes_beyond_the_eager_are_opened_for_what_waits_for_folders(tmp_path: Path) -> None:
    """One lane does what is asked, however much it is; a second takes over while it is held up."""
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lanes = Lanes(setup, 3, deadline_s=60, budget=Budget(100), eager=1)
    lanes.start()
    try:
        asked = [lanes.submit(Prepare(str(tmp_path))) for _ in range(50)]
        assert all(each.result(60) for each in asked)
        (first,) = lanes.pids()
        os.kill(first, signal.SIGSTOP)
        asked = [lanes.submit(Prepare(str(tmp_path))) for _ in range(3)]
        assert asked[1].result(60)
        assert len(lanes.pids()) == 2
        os.kill(first, signal.SIGCONT)
        assert asked[0].result(60)
    finally:
        lanes.shutdown(wait=False)


def test_lanes_that_slept_are_not_opened_to_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a run is not the time to start processes."""
    started: list[int] = []
    spawn = Lane.spawn

    def noted(lane: Lane) -> None:
        started.append(lane.number)
        spawn(lane)

    monkeypatch.setattr(Lane, "spawn", noted)
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lanes = Lanes(setup, 4, deadline_s=60, budget=Budget(100))
    lanes.start()
    lanes.shutdown(wait=True)
    assert started == [0]


def test_without_a_descriptor_to_spare_a_lane_waits_and_says_so(tmp_path: Path) -> None:
    """A process that cannot be started costs no request anything: it is tried again."""
    told: list[str] = []
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lanes = Lanes(
        setup, 1, deadline_s=60, budget=Budget(100), told=lambda event, _: told.append(event)
    )
    lanes.start()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        (pid,) = lanes.pids()
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, limits[1]))
        os.kill(pid, signal.SIGKILL)
        future = lanes.submit(Prepare(str(tmp_path)))
        until(lambda: "lane.unfit" in told)
        assert not future.done()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert future.result(60)
        assert told.count("lane.unfit") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        lanes.shutdown(wait=False)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_word_too_many_of_the_job_before_costs_the_next_photo_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when the next one has just been asked; that is asked of a new process."""
    monkeypatch.setattr(lane_process, "PROCESS", "faults.liar")
    monkeypatch.setattr(Line, "quiet", lambda _: True)  # it was, a moment ago
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    lanes = Lanes(setup, 1, deadline_s=60.0, budget=Budget(100))
    lanes.start()
    try:
        answers = []
        for name in ("twice-1.jpg", "truth-2.jpg"):
            names = plan.outputs(name, "_nobg")
            recipe = Recipe("u2netp", "0", "fp32")
            job = Job("/in", name, 1, 1, "/out", names, frozenset(), frozenset(), "k", recipe)
            answers.append(lanes.submit(job).result(60).answer)
    finally:
        lanes.shutdown(wait=False)
    assert all(isinstance(each, Done) for each in answers), answers

"""Whoever waits for masks gets them, whatever becomes of the model process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nobgd import models
from nobgd.fs import shared_memory
from nobgd.inference import local
from nobgd.pool import model_process, model_thread
from nobgd.pool.inference import Inference
from nobgd.pool.mishaps import GoneAway, OutOfMemory, Unfit
from nobgd.values import Code, NobgdError, wire

FOUND = models.find("u2netp")
SPEC = FOUND.spec
WEIGHTS = wire.Weights(
    str(FOUND.path), SPEC.sha256, "u2netp", "fp32", SPEC.input_size, SPEC.mean, SPEC.std
)
FEED = np.random.default_rng(2).normal(size=(1, 3, 320, 320)).astype(np.float32)
SIZE = wire.tensor_bytes([WEIGHTS])


def there() -> bool:
    return True


class Asker:
    """A lane's memory with a tensor in it."""

    def __init__(self, first: float | None = None) -> None:
        self.descriptor = shared_memory.create(SIZE)
        self.memory = shared_memory.mapped(self.descriptor, SIZE)
        feed = FEED.copy()
        if first is not None:
            feed.flat[0] = first
        self.memory[: feed.nbytes] = feed.tobytes()

    def mask(self) -> np.ndarray[Any, Any]:
        raw = self.memory[WEIGHTS.input_bytes : WEIGHTS.shown_at]
        return np.frombuffer(raw, np.float32).reshape(320, 320)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def expected(cache: Path) -> np.ndarray[Any, Any]:
    segmenter = local.segmenter(str(FOUND.path), SPEC, 1, str(cache))
    return segmenter._infer(FEED, 1).mask


Make = Callable[..., Inference]


@pytest.fixture
def make(cache: Path) -> Iterator[Make]:
    made: list[Inference] = []

    def start(at_a_time: int = 2, **more: Any) -> Inference:
        setup = wire.ModelSetup((WEIGHTS,), str(cache), at_a_time=at_a_time)
        made.append(Inference(setup, **{"cores": 2, "deadline_s": 60.0, **more}))
        made[-1].start()
        made[-1].await_ready()
        return made[-1]

    yield start
    for each in made:
        each.close()


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_mask_is_that_of_the_same_engine_in_this_process(
    make: Make, expected: np.ndarray[Any, Any]
) -> None:
    """Bit for bit, by all cores for one request, by one each when two wait or a lane computes."""
    inference = make(2)
    alone = Asker()
    assert inference.run(0, alone.descriptor, there).threads == 2
    np.testing.assert_allclose(alone.mask(), expected, atol=1e-4)
    assert inference.run(0, alone.descriptor, there, beside=1).threads == 1
    np.testing.assert_array_equal(alone.mask(), expected)
    askers = [Asker() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda one: inference.run(0, one.descriptor, there), askers))
    assert max(one.waited_s for one in found) > 0
    ran = [one.threads for one in found]
    assert 1 in ran
    for each, threads in zip(askers, ran, strict=True):
        if threads == 1:
            np.testing.assert_array_equal(each.mask(), expected)


def test_a_kill_is_noticed_by_nobody(make: Make, expected: np.ndarray[Any, Any]) -> None:
    """Killed at work four times, it is opened again, and the same tensor is asked again."""
    told: list[str] = []
    inference = make(1, told=lambda event, _: told.append(event))
    asker = Asker()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(4):
            answer = pool.submit(inference.run, 0, asker.descriptor, there)
            until(lambda: inference.state == "working")
            os.kill(inference.pids()[0], signal.SIGKILL)
            answer.result(60)
            np.testing.assert_allclose(asker.mask(), expected, atol=1e-4)
    assert told.count("model.ended") == 4


def test_only_the_tensor_that_brings_it_down_is_given_up(
    make: Make, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray[Any, Any]
) -> None:
    """Three times, of which the others notice nothing; the next one costs one crash."""
    monkeypatch.setattr(model_process, "PROCESS", "pool.fragile")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    told: list[str] = []
    inference = make(2, told=lambda event, _: told.append(event))
    askers = [Asker(666.0), *(Asker() for _ in range(4))]

    def ask(one: Asker) -> Any:
        try:
            return inference.run(0, one.descriptor, there)
        except NobgdError as error:
            return error

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(ask, askers))
    assert isinstance(answers[0], NobgdError)
    assert answers[0].code is Code.CRASHED
    assert "SIGABRT 3 times" in answers[0].reason
    assert all(isinstance(each, wire.Ran) for each in answers[1:])
    assert told.count("model.ended") == 3
    for each in askers[1:]:
        np.testing.assert_allclose(each.mask(), expected, atol=1e-4)
    with pytest.raises(NobgdError):
        inference.run(0, askers[0].descriptor, there)
    assert told.count("model.ended") == 4


def test_one_that_hangs_is_ended_at_its_own_deadline(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo is told so after three times; another one gets its mask."""
    monkeypatch.setattr(model_process, "PROCESS", "pool.fragile")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    inference = make(1, deadline_s=1.5)
    with pytest.raises(NobgdError) as caught:
        inference.run(0, Asker(777.0).descriptor, there)
    assert caught.value.code is Code.DEADLINE
    inference._thread.deadline_s = 60.0  # which a loaded machine needs for a mask
    assert inference.run(0, Asker().descriptor, there)


def test_who_left_is_waited_for_by_nobody(make: Make) -> None:
    """A lane that was killed while it waited leaves nothing behind."""
    inference = make(1)
    asker, gone = Asker(), threading.Event()
    gone.set()
    with pytest.raises(GoneAway):
        inference.run(0, asker.descriptor, lambda: not gone.is_set())
    assert inference.run(0, asker.descriptor, there)


def test_without_work_it_is_let_go_and_opened_when_asked(make: Make) -> None:
    """Its memory goes; the next tensor opens it again."""
    inference = make(1, idle_s=0.3)
    until(lambda: inference.state == "closed")
    until(lambda: inference.pids() == [])
    assert inference.run(0, Asker().descriptor, there)
    assert inference.stuck() is None


def test_a_photo_beside_which_it_cannot_be_opened_makes_room(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not opened, and killed, again and again beside the same photos: the last one goes."""
    inference = make(1, idle_s=0.1)
    until(lambda: inference.pids() == [])
    openings: list[bool] = []

    def full(_process: object, _stopped: Callable[[], bool]) -> tuple[str, ...]:
        openings.append(True)
        raise OutOfMemory("opening")

    with monkeypatch.context() as tight, ThreadPoolExecutor(2) as pool:
        tight.setattr(model_process.ModelProcess, "open", full)
        asked = [pool.submit(inference.run, 0, Asker().descriptor, there) for _ in range(2)]
        until(lambda: any(one.done() for one in asked))
        gone, kept = sorted(asked, key=lambda one: not one.done())
        assert isinstance(gone.exception(), OutOfMemory)
        assert len(openings) == 1
        tight.undo()
        assert kept.result(60)


def test_for_a_photo_alone_that_memory_ran_out_is_said_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tensor takes as much as another: to try the same again beside the same photo kills."""
    monkeypatch.setattr(model_process, "PROCESS", "pool.fragile")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    told: list[str] = []
    inference = make(1, told=lambda event, _: told.append(event))
    with monkeypatch.context() as tight:
        tight.setattr(model_process.ModelProcess, "ran_out", lambda _: True)
        with pytest.raises(OutOfMemory):
            inference.run(0, Asker(666.0).descriptor, there)
    assert told.count("model.ended") == 1
    assert inference.run(0, Asker().descriptor, there)


def test_it_is_confined_more_than_a_lane(make: Make) -> None:
    """The filter and, where the kernel has it, Landlock hold before a model is opened."""
    said: list[tuple[str, ...]] = []
    inference = make(1, opened=said.append)
    assert "seccomp" in said[0]
    assert "no_new_privs" in said[0]
    status = Path(f"/proc/{inference.pids()[0]}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status


def test_memory_that_could_be_made_shorter_is_refused() -> None:
    """A captured lane cannot end the model process by cutting off what it reads: it is left."""
    loose = os.memfd_create("loose", os.MFD_ALLOW_SEALING)
    os.ftruncate(loose, SIZE)
    with pytest.raises(ValueError, match="shorter"):
        shared_memory.mapped(loose, SIZE)
    with pytest.raises(ValueError, match="another size"):
        shared_memory.mapped(Asker().descriptor, SIZE + 1)
    with pytest.raises(OSError, match="Operation not permitted"):
        os.ftruncate(Asker().descriptor, 1)


def test_a_model_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """The start ends with a sentence."""
    weights = wire.Weights(
        str(tmp_path / "none.onnx"), "0", "u2netp", "fp32", 320, (0, 0, 0), (1, 1, 1)
    )
    inference = Inference(wire.ModelSetup((weights,), str(tmp_path), confine=False))
    inference.start()
    with pytest.raises(Unfit, match=r"none\.onnx"):
        inference.await_ready()
    inference.close()


def test_a_stop_wakes_the_thread_that_listens(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """It would look up after an hour by itself, and the process be killed before that."""
    monkeypatch.setattr(model_thread, "_SLICE_S", 3600.0)
    inference = Inference(wire.ModelSetup((WEIGHTS,), str(cache), 1, 1, 1))
    inference.start()
    inference.await_ready()
    process = inference._process._process
    assert process is not None
    inference.close()
    assert process.returncode == 0

"""The engine `cuda` as far as a machine without a GPU can tell: by the processor's provider."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nobgd import models
from nobgd.fs import shared_memory
from nobgd.inference import engines, local, nvidia
from nobgd.inference.engines import cuda
from nobgd.inference.engines.free_batch import free_batch
from nobgd.inference.models import Models
from nobgd.pool import model_process
from nobgd.pool.inference import Inference
from nobgd.pool.mishaps import Unfit
from nobgd.values import Code, NobgdError, wire

FOUND = models.find("u2netp")
SPEC = FOUND.spec
WEIGHTS = wire.Weights(
    str(FOUND.path), SPEC.sha256, "u2netp", "fp32", SPEC.input_size, SPEC.mean, SPEC.std, "cuda"
)
FEEDS = np.random.default_rng(2).normal(size=(10, 3, 320, 320)).astype(np.float32)
SIZE = wire.tensor_bytes([WEIGHTS])
PROCESSOR = [cuda.PROCESSOR]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def made(cache: Path) -> str:
    """The model as it is made for a device."""
    assert cuda.make(str(FOUND.path), SPEC.sha256, str(cache))
    return str(Path(cuda.folder_of(SPEC.sha256, str(cache))) / "model.onnx")


@pytest.fixture(scope="module")
def expected(cache: Path) -> list[np.ndarray[Any, Any]]:
    segmenter = local.segmenter(str(FOUND.path), SPEC, 1, str(cache))
    return [segmenter._infer(each[None], 1).mask for each in FEEDS]


def test_masks_of_a_batch_are_those_of_single_photos(
    made: str, expected: list[np.ndarray[Any, Any]]
) -> None:
    """Four at a time, one at a time, and the usual engine's; more than a batch are two."""
    net = cuda.opened(made, PROCESSOR, cuda.PROCESSOR)
    together = net(FEEDS[:4])
    assert together.shape == (4, 320, 320)
    np.testing.assert_allclose(together, np.concatenate([net(one[None]) for one in FEEDS[:4]]))
    np.testing.assert_allclose(together, np.stack(expected[:4]), atol=1e-5)
    assert len(FEEDS) > engines.BATCH
    np.testing.assert_allclose(net(FEEDS), np.stack(expected), atol=1e-5)


def test_the_file_says_one_photo_and_what_is_made_of_it_any_number(made: str) -> None:
    """Its first output alone, as nobody asks for the six others."""

    def batch(path: str) -> tuple[Any, int]:
        graph = onnx.load(path, load_external_data=False).graph
        dim = graph.input[0].type.tensor_type.shape.dim[0]
        return dim.dim_value or dim.dim_param, len(graph.output)

    assert batch(str(FOUND.path)) == (1, 7)
    assert batch(made) == ("photos", 1)


def test_a_graph_that_is_for_one_photo_stays_so(tmp_path: Path) -> None:
    """A batch that would be told apart by nobody: the mask of the mean of all."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4]) for name in "xy"]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Add", ["x", "mean"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "mixing", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 13)
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    before = path.read_bytes()
    assert not free_batch(str(path))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]
    net = cuda.opened(str(path), PROCESSOR, cuda.PROCESSOR)
    both = np.stack([np.zeros((3, 4, 4)), np.ones((3, 4, 4))]).astype(np.float32)
    assert net(both)[:, 0, 0].tolist() == [0.0, 2.0]


def test_the_processor_does_not_stand_in_for_a_device(made: str) -> None:
    """ONNX Runtime would go on with it, and say so on stderr; here it is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX Runtime's, of a provider that it was built without
        with pytest.raises(RuntimeError, match="could not be had"):
            cuda.opened(made, [cuda.CUDA, cuda.PROCESSOR], cuda.CUDA)


@pytest.mark.skipif(nvidia.hinders(nvidia.look()) is None, reason="there is a GPU here")
def test_what_is_missing_is_said_where_it_is_opened(cache: Path) -> None:
    """In a sentence, whoever starts it."""
    setup = wire.ModelSetup((WEIGHTS,), str(cache))
    inference = Inference(setup, deadline_s=60.0)
    inference.start()
    try:
        with pytest.raises(Unfit) as caught:
            inference.await_ready()
        assert str(nvidia.hinders(nvidia.look())) in str(caught.value)
    finally:
        inference.close()


@pytest.fixture
def on_processor(cache: Path, made: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inference]:
    assert made
    monkeypatch.setattr(model_process, "PROCESS", "inference.on_processor")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    said: list[tuple[str, ...]] = []
    setup = wire.ModelSetup((WEIGHTS,), str(cache), at_a_time=engines.BATCH)
    inference = Inference(setup, cores=2, deadline_s=60.0, opened=said.append)
    inference.start()
    inference.await_ready()
    assert "seccomp" in said[0]
    yield inference
    inference.close()


class Asker:
    def __init__(self, feed: np.ndarray[Any, Any]) -> None:
        self.descriptor = shared_memory.create(SIZE)
        self.memory = shared_memory.mapped(self.descriptor, SIZE)
        self.memory[: feed.nbytes] = feed.tobytes()

    def mask(self) -> np.ndarray[Any, Any]:
        raw = self.memory[WEIGHTS.input_bytes : WEIGHTS.shown_at]
        return np.frombuffer(raw, np.float32).reshape(320, 320)


def test_what_waits_is_one_batch(
    on_processor: Inference, expected: list[np.ndarray[Any, Any]], cache: Path
) -> None:
    """Each gets its own mask, in the confined process; one thread waits for the device."""
    askers = [Asker(one) for one in FEEDS]
    with ThreadPoolExecutor(len(askers)) as pool:
        ran = list(pool.map(lambda one: on_processor.run(0, one.descriptor, lambda: True), askers))
    for asker, mask in zip(askers, expected, strict=True):
        np.testing.assert_allclose(asker.mask(), mask, atol=1e-5)
    assert max(each.threads for each in ran) > 2  # photos of its batch, see `on_processor`
    assert Models([WEIGHTS], str(cache), 4).threads(0, 4) == 1


def test_after_a_batch_that_failed_the_process_is_a_new_one(
    capfd: pytest.CaptureFixture[str], on_processor: Inference,
    expected: list[np.ndarray[Any, Any]],
) -> None:  # fmt: skip
    """A device may run nothing any more then; only the photo that does it again is given up."""
    bad = FEEDS[0].copy()
    bad.flat[0] = 666
    first = on_processor.pids()
    askers = [Asker(bad), *(Asker(one) for one in FEEDS[1:5])]

    def ask(one: Asker) -> wire.Ran | NobgdError:
        try:
            return on_processor.run(0, one.descriptor, lambda: True)
        except NobgdError as error:
            return error

    with ThreadPoolExecutor(len(askers)) as pool:
        answers = list(pool.map(ask, askers))
    assert isinstance(answers[0], NobgdError)
    assert answers[0].code is Code.CRASHED
    assert all(isinstance(each, wire.Ran) for each in answers[1:])
    for asker, mask in zip(askers[1:], expected[1:5], strict=True):
        np.testing.assert_allclose(asker.mask(), mask, atol=1e-5)
    assert on_processor.pids() != first
    assert "failed: RuntimeError: CUDA failure 719" in capfd.readouterr().err

"""OpenVINO runs the same weights, in the confined model process, for whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nobgd import models
from nobgd.fs import shared_memory
from nobgd.inference import engines, local
from nobgd.pool.inference import Inference
from nobgd.values import wire

FOUND = models.find("u2netp")
SPEC = FOUND.spec
WEIGHTS = wire.Weights(
    str(FOUND.path), SPEC.sha256, "u2netp", "fp32", SPEC.input_size, SPEC.mean, SPEC.std, "openvino"
)
FEED = np.random.default_rng(2).normal(size=(1, 3, 320, 320)).astype(np.float32)


def test_the_mask_is_onnx_runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 1e-3, by two at a time; made once, read by a process that may write nothing.

    Nothing is reported anywhere: no id is left in the home folder.
    """
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CI", raising=False)
    pytest.importorskip("openvino")
    usual = local.segmenter(str(FOUND.path), SPEC, 1, str(tmp_path))
    expected = usual._infer(FEED, 1).mask
    said: list[tuple[str, ...]] = []
    setup = wire.ModelSetup((WEIGHTS,), str(tmp_path), net_threads=2, at_a_time=2)
    inference = Inference(setup, cores=2, deadline_s=120.0, opened=said.append)
    inference.start()
    try:
        inference.await_ready()
        assert "seccomp" in said[0]

        def ask(_: int) -> np.ndarray:
            size = wire.tensor_bytes([WEIGHTS])
            descriptor = shared_memory.create(size)
            memory = shared_memory.mapped(descriptor, size)
            memory[: FEED.nbytes] = FEED.tobytes()
            assert inference.run(0, descriptor, lambda: True).threads == 2
            raw = memory[WEIGHTS.input_bytes : WEIGHTS.shown_at]
            return np.frombuffer(raw, np.float32).reshape(320, 320)

        with ThreadPoolExecutor(3) as pool:
            for mask in pool.map(ask, range(4)):
                assert np.abs(mask - expected).max() < 1e-3
    finally:
        inference.close()
    assert not (tmp_path / "home/intel").exists()
    folder = engines.load("openvino").folder_of(SPEC.sha256, str(tmp_path))
    assert folder is not None
    assert (Path(folder) / "model.blob").stat().st_size > 1_000_000

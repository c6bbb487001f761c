"""Measuring engines: the choice by plain values, and one real run with the small model."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nobgd import cli, models, tune
from nobgd.config import load
from nobgd.inference import engines
from nobgd.inference.models import Models
from nobgd.pool import choice, memory, tuned
from nobgd.pool.tuned import Choice
from nobgd.tune import Result, Trial, trial
from nobgd.values import wire


def result(engine: str, rate: float, memory: float, *, precision: str = "fp32", at: int = 1,
           distance: float = 0.0, why: str = "") -> Result:  # fmt: skip
    return Result(Trial(precision, engine, at), rate, memory, distance, why)


def test_the_fastest_that_fits_is_chosen_for_each_precision() -> None:
    """Not what is larger than the room, is another arithmetic, or could not be measured."""
    results = [
        result("onnxruntime", 50, 450), result("ncnn", 110, 750), result("ncnn", 120, 990, at=2),
        result("openvino", 200, 500, distance=0.01), result("openvino", 0, 0, why="no"),
        result("onnxruntime", 130, 380, precision="int8"),
        result("openvino", 170, 300, precision="int8", distance=0.004),
    ]  # fmt: skip
    assert tune.chosen("u2net", results, 2000) == (
        Choice("u2net", "fp32", "ncnn", 2), Choice("u2net", "int8", "openvino", 1),
    )  # fmt: skip
    assert tune.chosen("u2net", results, 800)[0] == Choice("u2net", "fp32", "ncnn", 1)
    assert tune.chosen("u2net", results, 100) == ()


def test_of_two_as_fast_the_smaller_one() -> None:
    """Three in a hundred are noise."""
    results = [result("onnxruntime", 100, 450), result("ncnn", 101, 750)]
    assert tune.chosen("u2net", results, 2000) == (Choice("u2net", "fp32", "onnxruntime", 1),)


def test_only_what_is_installed_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime's fp32 first, which the masks of the others are compared with."""
    monkeypatch.setattr(engines, "works", lambda name: name not in ("openvino", "cuda"))
    found = tune.trials(["int8", "fp32"], 2)
    assert found[0] == Trial("fp32", "onnxruntime", 1)
    assert {(one.precision, one.engine) for one in found} == {
        ("fp32", "onnxruntime"), ("fp32", "ncnn"), ("int8", "onnxruntime"),
    }  # fmt: skip
    assert {one.at_a_time for one in tune.trials(["fp32"], 1)} == {1}
    monkeypatch.setattr(engines, "works", lambda name: name == "cuda")
    device = tune.trials(["fp32", "int8"], 2)
    assert device == [Trial("fp32", "cuda", 1), Trial("fp32", "cuda", engines.BATCH)]


def test_what_was_found_holds_on_this_machine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another processor, an engine that has gone, or a file that is none: nothing."""
    found = Choice("u2net", "fp32", "ncnn", 2)
    monkeypatch.setattr(engines, "works", lambda _: True)
    path = tuned.write(tmp_path, (found,))
    assert tuned.read(tmp_path) == (found,)
    monkeypatch.setattr(engines, "works", lambda name: name != "ncnn")
    assert tuned.read(tmp_path) == ()
    monkeypatch.setattr(engines, "works", lambda _: True)
    path.write_text(path.read_text().replace('"infer": 2', '"infer": "two"'))
    assert tuned.read(tmp_path) == ()
    tuned.write(tmp_path, (found,))
    monkeypatch.setattr(tuned, "cpu_identity", lambda: "another")
    assert tuned.read(tmp_path) == ()
    assert tuned.read(tmp_path / "none") == ()


def test_the_verb_measures_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each trial, and the choice, which the next start obeys."""
    config = tmp_path / "nobgd.json"
    folders = {"state_dir": str(tmp_path / "state"), "cache_dir": str(tmp_path / "cache")}
    boxes = [{"path": str(tmp_path / "in"), "outbox": str(tmp_path / "out")}]
    config.write_text(json.dumps({**folders, "model": {"name": "u2netp"}, "inboxes": boxes}))
    monkeypatch.setattr(tune, "_MOST_S", 0.1)
    monkeypatch.setattr(tune, "_LEAST_S", 0.1)
    monkeypatch.setattr(engines, "works", lambda name: name == "onnxruntime")
    monkeypatch.setattr(memory, "cores", lambda: 1)
    assert cli.main(["tune", "-c", str(config)]) == 0
    said = capsys.readouterr().out
    (row,) = [each.split() for each in said.splitlines() if each.startswith("onnxruntime")]
    assert row[1:3] == ["fp32", "1"]
    assert float(row[3]) > 0
    assert float(row[5]) == 0
    assert tuned.read(tmp_path / "state") == (Choice("u2netp", "fp32", "onnxruntime", 1),)
    loaded = load(config)
    assert choice.infer(loaded) == 1
    assert choice.engine_of(loaded, loaded.inboxes[0].model) == "onnxruntime"


def test_a_device_is_measured_with_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One thread asks for so many photos at once; each mask is that of its photo."""
    file = models.find("u2netp")
    spec = file.spec
    weights = wire.Weights(
        str(file.path), file.sha256, "u2netp", "fp32", spec.input_size, spec.mean, spec.std
    )
    feeds = np.random.default_rng(3).normal(size=(4, 3, 320, 320)).astype(np.float32)
    np.save(tmp_path / "feeds.npy", feeds)
    asked: list[int] = []
    run = Models.run

    def counted(self: Models, which: int, feed: np.ndarray, threads: int) -> np.ndarray:
        asked.append(len(feed))
        found: np.ndarray = run(self, which, feed, threads)
        return found

    monkeypatch.setattr(Models, "run", counted)
    order = trial.Order(weights, str(tmp_path / "cache"), 3, 1, str(tmp_path), 0.0, together=True)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pickle.dumps(order))))
    before = os.dup(1)
    try:
        assert trial.main() == 0
    finally:
        os.dup2(before, 1)
        os.close(before)
    assert asked == [1, 3, 3]
    assert json.loads(capfd.readouterr().out)["per_minute"] > 0
    masks = np.load(tmp_path / "masks.npy")
    held = Models([weights], str(tmp_path / "cache"))
    np.testing.assert_allclose(masks, run(held, 0, feeds, 1), atol=1e-5)

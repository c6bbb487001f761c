"""What runs each model: plain values."""

from __future__ import annotations

import platform
from collections.abc import Iterable

import pytest

from nobgd.config import Config
from nobgd.inference import engines
from nobgd.inference import machine as inference_machine
from nobgd.pool import choice, memory


def config(engine: str, *models: dict[str, str]) -> Config:
    inboxes = [
        {"path": f"/in{n}", "outbox": f"/out{n}", "model": model} for n, model in enumerate(models)
    ]
    return Config.model_validate(
        {"workers": {"engine": engine}, "inboxes": inboxes}, context={"base": "/"}
    )


def here(
    monkeypatch: pytest.MonkeyPatch, there: Iterable[str], room_mb: float = 16_000,
    machine: str = "x86_64", intel: bool = False,
) -> None:  # fmt: skip
    known = {"onnxruntime", *there}
    monkeypatch.setattr(engines, "installed", lambda name: name in known)
    monkeypatch.setattr(engines, "works", lambda name: name in known)
    monkeypatch.setattr(memory, "available_mb", lambda _held=0.0: room_mb)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(inference_machine, "is_intel_with_avx512", lambda: intel)


FP32, INT8 = {"name": "u2net"}, {"name": "u2net", "precision": "int8"}


@pytest.mark.parametrize(
    ("model", "there", "room_mb", "machine", "engine"),
    [
        (FP32, (), 16_000, "x86_64", "onnxruntime"),
        (FP32, ("ncnn",), 16_000, "x86_64", "ncnn"),
        (FP32, ("ncnn",), 700, "x86_64", "onnxruntime"),
        ({"name": "u2netp"}, ("ncnn",), 16_000, "x86_64", "onnxruntime"),
        (FP32, ("openvino",), 16_000, "x86_64", "onnxruntime"),
        (INT8, ("ncnn",), 16_000, "x86_64", "onnxruntime"),
        (INT8, ("openvino",), 16_000, "x86_64", "openvino"),
        (INT8, ("openvino",), 16_000, "aarch64", "onnxruntime"),
        (FP32, ("ncnn", "cuda"), 16_000, "x86_64", "cuda"),
        ({"name": "u2netp"}, ("cuda",), 16_000, "aarch64", "cuda"),
        (FP32, ("cuda",), 2_000, "x86_64", "onnxruntime"),
        (INT8, ("cuda", "openvino"), 16_000, "x86_64", "openvino"),
    ],
)
def test_auto_is_the_fastest_that_is_there_and_fits(
    monkeypatch: pytest.MonkeyPatch, model: dict[str, str], there: tuple[str, ...],
    room_mb: float, machine: str, engine: str,
) -> None:  # fmt: skip
    """By precision, model, processor and memory."""
    here(monkeypatch, there, room_mb, machine)
    loaded = config("auto", model)
    assert choice.engine_of(loaded, loaded.inboxes[0].model) == engine


def test_auto_leaves_fp32_to_onnxruntime_where_multiplications_are_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Winograd saves multiplications, and those are cheap there."""
    here(monkeypatch, ("ncnn", "openvino"), intel=True)
    loaded = config("auto", FP32, INT8)
    assert choice.engines_of(loaded) == (("onnxruntime", "fp32"), ("openvino", "int8"))


def test_cuda_is_auto_s_only_where_a_device_has_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed is not enough; named, it stays, and is a batch at a time."""
    here(monkeypatch, ("cuda",))
    monkeypatch.setattr(engines, "works", lambda _: False)
    assert choice.engines_of(config("auto", FP32)) == (("onnxruntime", "fp32"),)
    monkeypatch.setattr(memory, "cores", lambda: 2)
    named = choice.engines_of(config("cuda", FP32))
    assert named == (("cuda", "fp32"),)
    assert choice.at_a_time(named) == engines.BATCH
    assert choice.at_a_time(choice.engines_of(config("cuda", FP32, INT8))) == 2
    assert choice.at_a_time(()) == 2


def test_what_is_named_runs_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ncnn has no int8: ONNX Runtime runs that; each model is counted once."""
    here(monkeypatch, ("ncnn",))
    loaded = config("ncnn", FP32, INT8, FP32)
    assert choice.engines_of(loaded) == (("ncnn", "fp32"), ("onnxruntime", "int8"))

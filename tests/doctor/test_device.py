"""What the doctor says of a GPU, from what files and the device said."""

from __future__ import annotations

import pytest

from nobgd import config
from nobgd.doctor import ask, device
from nobgd.inference import engines, nvidia
from nobgd.inference.nvidia import Found

THERE = Found("onnxruntime-gpu", "580.65.06", ("/dev/nvidia0", "/dev/nvidiactl"))
RAN: dict[str, object] = {"devices": ["NVIDIA L4"], "providers": ["CUDA…", "CPU…"], "why": None}


@pytest.mark.parametrize(
    ("found", "answer", "named", "says"),
    [
        (
            THERE, RAN, True,
            "ok   gpu: driver 580.65.06, /dev/nvidia0 /dev/nvidiactl, NVIDIA L4; ran: CUDA… CPU…",
        ),
        (
            Found("onnxruntime-gpu"), {"why": "install it"}, True,
            "FIX  gpu: no driver is loaded, no device files; install it, or set workers.engine to"
            " auto",
        ),
        (
            Found("onnxruntime-gpu"), {"why": "install it"}, False,
            "ok   gpu: no driver is loaded, no device files; install it; so `auto` takes another"
            " engine",
        ),
        (
            THERE, {"error": "does not answer"}, True,
            "FIX  gpu: driver 580.65.06, /dev/nvidia0 /dev/nvidiactl; does not answer, or set"
            " workers.engine to auto",
        ),
    ],
)  # fmt: skip
def test_what_is_there_and_what_ran(
    found: Found, answer: dict[str, object], named: bool, says: str
) -> None:
    """Driver, device files, devices, providers; a fault only where it is asked for."""
    assert str(device.told(found, answer, named=named)) == says


@pytest.mark.skipif(nvidia.hinders(nvidia.look()) is None, reason="there is a GPU here")
def test_asked_for_and_missing_is_a_fault_with_its_way_out(settings: config.Config) -> None:
    """By a process of the service's user."""
    workers = settings.workers.model_copy(update={"engine": "cuda"})
    asked = settings.model_copy(update={"workers": workers})
    (line,) = device.look(asked, ask.service_user())
    assert not line.good
    assert str(nvidia.hinders(nvidia.look())) in line.says


@pytest.mark.skipif(engines.installed("cuda"), reason="it is installed here")
def test_where_nobody_asks_for_it_there_is_no_line(settings: config.Config) -> None:
    """Most machines have none."""
    assert list(device.look(settings, ask.service_user())) == []

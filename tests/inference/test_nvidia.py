"""What is missing for CUDA, and what mends it: plain values, and folders like /dev and /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nobgd.inference import engines, nvidia
from nobgd.inference.nvidia import Found

NODES = ("/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidiactl")
WHOLE = Found("onnxruntime-gpu", "580.65.06", NODES)


@pytest.mark.parametrize(
    ("found", "says", "mends"),
    [
        (Found(), "is not installed", "py -m pip install 'nobgd[cuda]' && py -m pip install"),
        (
            Found("onnxruntime", "580.65.06", NODES),
            "onnxruntime lies over onnxruntime-gpu",
            "py -m pip install --force-reinstall --no-deps onnxruntime-gpu",
        ),
        (Found("onnxruntime-gpu"), "no NVIDIA driver is loaded", "apt install nvidia-driver"),
        (Found("onnxruntime-gpu", "1.2"), "/dev/nvidiactl is not there", "nvidia-modprobe -c 0 -u"),
        (Found("onnxruntime-gpu", "1.2", NODES[1:]), "/dev/nvidia0 is not", "nobgd unit --apply"),
        (Found("onnxruntime-gpu", "1.2", (NODES[0], NODES[2])), "/dev/nvidia-uvm is not", "-u"),
        (
            Found("onnxruntime-gpu", "1.2", NODES, ((NODES[0], "video"),)),
            "may not open /dev/nvidia0",
            "sudo usermod -aG video ",
        ),
    ],
)
def test_what_is_missing_comes_with_the_command_that_mends_it(
    found: Found, says: str, mends: str
) -> None:
    """In one line."""
    why = nvidia.hinders(found, "py") or ""
    assert says in why
    assert mends in why
    assert "\n" not in why


def test_where_all_is_there_nothing_hinders() -> None:
    """With ten cards, too."""
    assert nvidia.hinders(WHOLE) is None
    assert nvidia.hinders(Found("onnxruntime-gpu", "1", (*NODES[1:], "/dev/nvidia3"))) is None


def test_files_tell_driver_and_devices(tmp_path: Path) -> None:
    """The driver's version as its module says it; nodes of cards, not of displays."""
    for name in ("nvidia0", "nvidia12", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "null"):
        (tmp_path / name).touch()
    (tmp_path / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
    )
    found = nvidia.look(str(tmp_path), str(tmp_path))
    assert found.driver == "580.65.06"
    names = [os.path.basename(path) for path in found.nodes]
    assert names == ["nvidia-uvm", "nvidia0", "nvidia12", "nvidiactl"]
    assert nvidia.look(str(tmp_path / "none"), str(tmp_path / "none")).driver == ""
    (tmp_path / "version").write_text("something else\n")
    assert nvidia.look(str(tmp_path), str(tmp_path)).driver == "of an unknown version"


def test_only_device_files_that_are_not_for_everybody_need_a_group(tmp_path: Path) -> None:
    """Root's own group is none: only root could be let in by it."""
    open_, shut = tmp_path / "nvidia0", tmp_path / "nvidiactl"
    for path, mode in ((open_, 0o666), (shut, 0o660)):
        path.touch()
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, 0, 1)
    expected = (nvidia._group(str(shut)),)
    found = nvidia.groups(Found(nodes=(str(open_), str(shut))))
    assert found == tuple(each for each in expected if each != "root")
    assert nvidia.groups(Found(nodes=(str(open_),))) == ()


@pytest.mark.parametrize(
    ("files", "wheel"),
    [
        ((), ""),
        (("capi/libonnxruntime_providers_cuda.so",), "onnxruntime-gpu"),
        (("capi/libonnxruntime_providers_cuda.so", "package_name = 'onnxruntime'"), "onnxruntime"),
        (("capi/libonnxruntime_providers_cuda.so", "package_name = 'onnxruntime-gpu'"),
         "onnxruntime-gpu"),
        (("package_name = 'onnxruntime'",), ""),
    ],
)  # fmt: skip
def test_which_of_two_wheels_lies_on_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], wheel: str
) -> None:
    """Both are the module `onnxruntime`; what only the one has stays when the other comes."""
    place = tmp_path / "onnxruntime"
    (place / "capi").mkdir(parents=True)
    (place / "__init__.py").touch()
    for each in files:
        if "=" in each:
            (place / "capi/build_and_package_info.py").write_text(f"{each}\n__version__ = '1'\n")
        else:
            (place / each).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    assert nvidia.look().wheel == wheel


@pytest.mark.skipif(nvidia.hinders(nvidia.look()) is None, reason="there is a GPU here")
def test_without_a_device_the_process_says_why() -> None:
    """The same sentence, and that nothing has computed."""
    done = subprocess.run(
        [sys.executable, "-m", "nobgd.inference.device"], capture_output=True, check=True
    )
    said = json.loads(done.stdout)
    assert said == {"devices": [], "providers": [], "why": nvidia.hinders(nvidia.look())}
    lacks = f"workers.engine is cuda, but {said['why']}, or set it to auto"
    assert engines.lacking("cuda") == lacks
    assert not engines.works("cuda")


def test_what_was_found_is_asked_again_after_a_minute_where_it_was_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A driver may have come meanwhile; a device that has computed is not asked again."""
    said: list[dict[str, Any]] = [{"why": "no"}, {"why": None}, {"why": "too often"}]
    asked: list[int] = []
    now = 0.0

    def ask() -> dict[str, Any]:
        asked.append(1)
        return said[len(asked) - 1]

    monkeypatch.setattr(nvidia, "_said", [])
    monkeypatch.setattr(nvidia, "_said_at", [])
    monkeypatch.setattr(nvidia, "_asked", ask)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert nvidia.answer()["why"] == "no"
    now = 59.0
    assert nvidia.answer()["why"] == "no"
    now = 61.0
    assert nvidia.answer()["why"] is None
    now = 1000.0
    assert nvidia.answer()["why"] is None
    assert len(asked) == 2

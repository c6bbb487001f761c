"""The verb, for real: built, judged, installed and used, or refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nobgd import models
from nobgd.cli import main
from nobgd.models import ModelError
from nobgd.quantize import quantize

BUNDLED = models.shipped_directory() / "calibration"
CALIBRATE = ("bison", "cat", "chicken", "cow", "duck", "giraffe", "moose", "panda")
HOLD_OUT = ("dog", "hedgehog", "koala", "sheep")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve photos, named so that the last four are those that are held out."""
    made = tmp_path / "photos"
    made.mkdir()
    ours = list(CALIBRATE)
    for number in range(12):
        held_out = number % 3 == 2
        name = f"held-out/{HOLD_OUT[number // 3]}.jpg" if held_out else f"{ours.pop(0)}.jpg"
        shutil.copy(BUNDLED / name, made / f"{number:02}.jpg")
    return made


def once(
    root: Path, weights: Path, name: str, precision: str, photo: str = "held-out/scarlet-macaw.jpg"
) -> dict[str, Any]:
    """The record of a photo in ``root``, done by a real `nobgd once`."""
    (root / "in").mkdir(exist_ok=True)
    shutil.copy(BUNDLED / photo, root / "in/a.jpg")
    (root / "nobgd.yaml").write_text(
        json.dumps({  # JSON is YAML
            "state_dir": "state", "cache_dir": "cache",
            "model": {"name": name, "precision": precision, "directory": str(weights)},
            "workers": {"count": 1}, "watch": {"settle_s": 0.1},
            "log": {"file": f"{precision}.jsonl"},
            "inboxes": [{"path": "in", "outbox": "out"}],
        })
    )  # fmt: skip
    command = [sys.executable, "-m", "nobgd", "once", "-c", str(root / "nobgd.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = (root / f"{precision}.jsonl").read_text().splitlines()
    return next(e for e in map(json.loads, lines) if e["event"] == "photo.done")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "closer"), [("u2netp", "int8"), ("u2net", "fp32")])
def test_int8_is_built_installed_and_used(
    name: str, closer: str, tmp_path: Path, folder: Path, capsys: Any
) -> None:
    """Figures and all; the log and the output say int8, and the recipe is another than fp32's."""
    weights = tmp_path / "weights"
    weights.mkdir()
    os.symlink(models.find(name).path, weights / f"{name}.onnx")
    words = ["models", "quantize", name, "--photos", str(folder), "--directory", str(weights)]
    assert main(words) == 0
    said = capsys.readouterr().out
    for figure in ("IoU with fp32: median", "mask difference: mean", "time on one thread"):
        assert figure in said
    files = {f"{name}.onnx", f"{name}.int8.onnx", f"{name}.int8.json"}
    assert {path.name for path in weights.iterdir()} == files
    found = models.find(name, "int8", weights)
    models.verify(found, tmp_path)
    sidecar = json.loads((weights / f"{name}.int8.json").read_text())
    assert sidecar["bytes"] == found.path.stat().st_size < found.spec.bytes / 2
    assert sidecar["verdict"]["photos"] == len(HOLD_OUT)
    assert sidecar["verdict"]["iou_median"] >= 0.98

    recipes, alphas = [], []
    for precision in ("fp32", "int8"):
        record = once(tmp_path, weights, name, precision)
        assert record["precision"] == precision
        with Image.open(tmp_path / "out/a_nobg.png") as cut:
            recipes.append(json.loads(cut.info["nobgd"])["recipe"])
            alphas.append(cut.getchannel("A").tobytes())
    assert recipes[0].startswith(f"{name}:fp32:")
    assert recipes[1].startswith(f"{name}:int8:{found.sha256}:")
    again = once(tmp_path, weights, name, "adaptive", "held-out/italy.jpg")
    assert (again["model"], again["precision"], again["threads"] > 0) == (name, closer, True)
    same = sum((one > 127) == (other > 127) for one, other in zip(*alphas, strict=True))
    assert same / len(alphas[0]) > 0.98


def test_a_model_below_the_bar_is_not_installed(
    tmp_path: Path, folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar that none reaches: exit code 1, the figures, the reason, and nothing left behind."""
    monkeypatch.setattr("nobgd.quantize.judge.IOU_WORST", 1.0)
    words = ["models", "quantize", "u2netp", "--photos", str(folder), "--directory", str(tmp_path)]
    before = set(tmp_path.iterdir())
    assert main(words) == 1
    assert set(tmp_path.iterdir()) == before
    last = capsys.readouterr().out.splitlines()[-1]
    assert "not installed" in last
    assert "below 1.0" in last
    assert "precision: fp32" in last


def test_what_cannot_be_tried_is_one_sentence(tmp_path: Path, folder: Path) -> None:
    """A folder in the way, photos that are none: nothing is left behind."""
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(ModelError, match="cannot be written"):
        quantize("u2netp", folder, in_the_way, lambda _: None)
    for path in folder.iterdir():
        path.write_bytes(b"no picture")
    weights = tmp_path / "weights"
    with pytest.raises(ModelError, match="none of its photos can be read"):
        quantize("u2netp", folder, weights, lambda _: None)
    assert not list(weights.iterdir())

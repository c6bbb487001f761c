"""ncnn in place of ONNX Runtime: the same mask, bounded memory, clear refusals."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from nobgd import models
from nobgd.inference import local
from nobgd.inference.engines.onnx_to_ncnn import BIN, PARAM, Untranslatable, translate

pytest.importorskip("ncnn")

from nobgd.inference.engines import ncnn as winograd  # an optional extra

SPEC = models.load_manifest()["u2netp"]
U2NETP = str(models.shipped_directory() / "u2netp.onnx")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(("name", "threads"), [("u2netp", 1), ("u2netp", 2), ("u2net", 2)])
def test_the_mask_is_onnx_runtimes(
    cache: Path, subject: np.ndarray, name: str, threads: int
) -> None:
    """No pixel differs by more than one step of 255, and the confidence not at all."""
    found = models.find(name)
    ours = local.segmenter(str(found.path), found.spec, threads, str(cache), "ncnn")
    theirs = local.segmenter(str(found.path), found.spec, threads, str(cache))
    mask, confidence = ours.mask(subject)
    expected, confident = theirs.mask(subject)
    assert np.abs(mask.astype(int) - expected).max() <= 1
    assert confidence == pytest.approx(confident, abs=1e-4)
    np.testing.assert_array_equal(ours.mask(subject)[0], mask)  # its memory is used again


def test_all_threads_have_one_net(cache: Path, subject: np.ndarray) -> None:
    """A photo alone, which is given all cores, loads no second copy of the weights."""
    segmenter = local.segmenter(U2NETP, SPEC, 1, str(cache), "ncnn")
    np.testing.assert_array_equal(segmenter.mask(subject, 4)[0], segmenter.mask(subject, 1)[0])
    assert segmenter.ran == 1


def test_what_ncnn_borrowed_is_given_back(cache: Path) -> None:
    """After a photo the arena is one hole again, and nothing went past it."""
    net = winograd.net(U2NETP, SPEC.sha256, str(cache), 2)
    net(np.zeros((1, 3, 320, 320), np.float32))
    assert isinstance(net, partial)
    (arena,) = net.args[1]
    assert arena._used == {}
    assert arena._holes == [(0, winograd._ARENA_BYTES)]


def test_an_arena_that_is_full_borrows_elsewhere(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too little room costs memory, not the photo."""
    feed = np.random.default_rng(1).normal(size=(1, 3, 320, 320)).astype(np.float32)
    expected = winograd.net(U2NETP, SPEC.sha256, str(cache), 1)(feed)
    monkeypatch.setattr(winograd, "_ARENA_BYTES", 1 << 22)
    net = winograd.net(U2NETP, SPEC.sha256, str(cache), 1)
    np.testing.assert_array_equal(net(feed), expected)
    assert isinstance(net, partial)
    assert net.args[1][0]._holes == [(0, 1 << 22)]


@pytest.mark.parametrize(("file", "keep"), [(PARAM, 100), (BIN, 1000), (BIN, 0)])
def test_torn_files_in_the_cache_are_made_anew(
    tmp_path: Path, cache: Path, file: str, keep: int
) -> None:
    """A crash of the disk leaves no lane that cannot start."""
    winograd.net(U2NETP, SPEC.sha256, str(cache), 1)
    (folder,) = [each for each in cache.iterdir() if each.name.startswith(SPEC.sha256[:16] + "-n")]
    shutil.copytree(folder, tmp_path / folder.name)
    os.truncate(tmp_path / folder.name / file, keep)
    net = winograd.net(U2NETP, SPEC.sha256, str(tmp_path), 1)
    assert net(np.zeros((1, 3, 320, 320), np.float32)).shape == (1, 320, 320)
    assert {each.name for each in tmp_path.iterdir()} == {folder.name}


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """One sentence: the folder, and the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match=r"file/cache cannot hold .*workers.engine"):
        winograd.net(U2NETP, SPEC.sha256, str(tmp_path / "file" / "cache"), 1)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    """An operator that no U²-Net has is named."""
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8])
        for name in ("x", "y")
    ]
    node = onnx.helper.make_node("Softmax", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "other", values[:1], values[1:])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(Untranslatable, match="Softmax"):
        translate(str(tmp_path / "other.onnx"), str(tmp_path))


def test_ncnn_is_imported_only_where_it_is_asked_for() -> None:
    """An installation without the extra works."""
    code = "import sys, nobgd.picture.segment, nobgd.lane.process; sys.exit('ncnn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

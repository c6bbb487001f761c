"""The small model as ONNX Runtime runs it: kept optimised, mended, by any number of threads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from nobgd import models
from nobgd.inference import local
from nobgd.inference.machine import cpu_identity
from nobgd.picture.segment import Segmenter, prepare, stretch

U2NETP = models.shipped_directory() / "u2netp.onnx"
SPEC = models.load_manifest()["u2netp"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def segmenter(cache: Path) -> Segmenter:
    return local.segmenter(str(U2NETP), SPEC, threads=1, cache_dir=str(cache))


def saved(cache: Path) -> Path:
    return next(path for path in cache.iterdir() if path.name.startswith(SPEC.sha256[:16]))


@pytest.mark.usefixtures("segmenter")
def test_the_optimised_model_is_kept_with_its_weights_beside(cache: Path) -> None:
    """One folder named after weights, ONNX Runtime and CPU; nothing temporary is left."""
    assert [path.name for path in cache.iterdir()] == [saved(cache).name]
    files = {path.name: path.stat().st_size for path in saved(cache).iterdir()}
    assert files["model.weights"] > 4_000_000 > files["model.onnx"]
    assert cpu_identity() in saved(cache).name


def test_a_damaged_cache_is_built_again(
    cache: Path, segmenter: Segmenter, subject: np.ndarray, tmp_path: Path
) -> None:
    """Truncated, empty or gone: the next load repairs it."""
    again = tmp_path / "cache"
    shutil.copytree(cache, again)
    want = segmenter.mask(subject)[0]
    for damage in ("model.onnx", "model.weights"):
        os.truncate(saved(again) / damage, 100)
        got = local.segmenter(str(U2NETP), SPEC, 1, str(again)).mask(subject)[0]
        np.testing.assert_array_equal(got, want)
        assert (saved(again) / damage).stat().st_size > 100
        assert len(list(again.iterdir())) == 1


def test_without_a_cache_the_model_is_loaded_directly(
    subject: np.ndarray, segmenter: Segmenter, tmp_path: Path
) -> None:
    """A cache folder that cannot be made costs time, not the photo."""
    (tmp_path / "file").write_text("not a folder")
    direct = local.segmenter(str(U2NETP), SPEC, 1, str(tmp_path / "file" / "cache"))
    difference = np.abs(direct.mask(subject)[0].astype(int) - segmenter.mask(subject)[0])
    assert difference.max() <= 1


def test_processes_that_race_share_one_cache(tmp_path: Path) -> None:
    """Several processes at once: each gets a session, one folder is left."""
    program = (
        "import sys; from nobgd import models; from nobgd.inference.local import segmenter;"
        "segmenter(sys.argv[1], models.load_manifest()['u2netp'], 1, sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(U2NETP), str(tmp_path / "cache")]
    lanes = [subprocess.Popen(command) for _ in range(3)]
    assert [lane.wait(60) for lane in lanes] == [0, 0, 0]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    """Nothing is made up."""
    with pytest.raises(Exception, match=r"nothing\.onnx"):
        local.segmenter(str(tmp_path / "nothing.onnx"), SPEC, 1, str(tmp_path / "cache"))


def test_the_mask_is_the_same_by_any_number_of_threads(
    segmenter: Segmenter, subject: np.ndarray
) -> None:
    """A session for two threads is opened beside the first and agrees with it."""
    one, sure = segmenter.mask(subject)
    two, just_as_sure = segmenter.mask(subject, threads=2)
    assert np.abs(one.astype(int) - two).max() <= 1
    assert abs(sure - just_as_sure) < 1e-3


def test_scales_written_into_the_graph_change_no_mask(subject: np.ndarray, tmp_path: Path) -> None:
    """The optimised model has constant scales and agrees with the plain one."""
    import onnx

    ours = local.segmenter(str(U2NETP), SPEC, 1, str(tmp_path))
    (made,) = tmp_path.glob("*/model.onnx")
    nodes = onnx.load(made, load_external_data=False).graph.node
    kinds = [node.op_type for node in nodes]
    if any("nchwc" in node.domain for node in nodes):  # where the processor has AVX
        assert kinds.count("Upsample") == 38
        assert "Resize" not in kinds
    assert all(len(node.input) == 3 for node in nodes if node.op_type == "Resize")
    options = ort.SessionOptions()
    plain = ort.InferenceSession(str(U2NETP), options)
    feed = {plain.get_inputs()[0].name: prepare(subject, SPEC)}
    expected, _ = stretch(plain.run(None, feed)[0][0, 0])
    assert np.abs(expected.astype(int) - ours.mask(subject)[0]).max() <= 1

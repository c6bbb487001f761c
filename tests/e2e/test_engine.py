"""workers.engine: ncnn from the configuration to the log line, in confined lanes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from e2e.conftest import Daemon


def test_ncnn_makes_the_same_cut_out(
    daemon: Callable[..., Daemon], photo: Path, tmp_path: Path
) -> None:
    """The same alpha within one step of 255, and the log says by which engine."""
    pytest.importorskip("ncnn")
    for name, engine in (("first", "ncnn"), ("second", "onnxruntime")):
        d = daemon(workers={"engine": engine, "count": 1}, state_dir=name).start()
        (d.inbox / f"{name}.jpg").write_bytes(photo.read_bytes() + name.encode())
        (event,) = [e for e in d.await_done(1) if e["source"].endswith(f"{name}.jpg")]
        assert event["engine"] == engine
        assert d.events("service.ready")[-1]["engine"] == engine
        assert {"seccomp", "no_new_privs"} & {*d.events("lane.confined")[-1]["holds"]}
        assert d.stop() == 0
        (d.inbox / f"{name}.jpg").unlink()
        d.log.rename(tmp_path / f"{name}.jsonl")
    made = [Image.open(d.outbox / f"{name}_nobg.png") for name in ("first", "second")]
    alphas = [np.asarray(each.getchannel("A"), int) for each in made]
    assert alphas[0].max() == 255
    assert np.abs(alphas[0] - alphas[1]).max() <= 1


def test_an_engine_that_is_not_installed_is_said_at_once(
    daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit 3, one line: what is missing, and both ways out."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'ncnn' else find(name, *more)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hide"))
    d = daemon(workers={"engine": "ncnn"})
    done = d.verb("once")
    assert done.returncode == 3
    (line,) = done.stderr.strip().splitlines()
    assert "pip install 'nobgd[ncnn]'" in line
    assert "or set it to auto" in line

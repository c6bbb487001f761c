"""What memory has room for, and how fast this machine is."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from nobgd import config
from nobgd.doctor import ask, capacity
from nobgd.pool import engine, memory


def lines(settings: config.Config) -> dict[str, str]:
    found = list(capacity.look(settings, ask.service_user()))
    return {each.what: str(each) for each in found}


def test_before_the_first_start_nothing_is_timed(settings: config.Config) -> None:
    """The model is made by the daemon, as its user, not by whoever asks."""
    found = lines(settings)
    assert found["speed"].startswith("ok ")
    assert "at the first start" in found["speed"]
    assert list(settings.cache_dir.glob("*-ort*")) == []


def test_an_inference_is_timed(settings: config.Config) -> None:
    """In photos a minute, by which engine and how many at a time."""
    setup = engine.build(settings).lanes.inference.setup
    build = [sys.executable, "-m", "nobgd.inference.builder"]
    subprocess.run(build, input=pickle.dumps(setup), capture_output=True, check=True)
    for folder in settings.cache_dir.rglob("*"):  # the service's user looks, too
        folder.chmod(0o755)
    said = lines(settings)["speed"]
    told = re.search(r"about (\d+) photos of 12 MP a minute here; an inference of u2netp", said)
    assert told is not None, said
    assert int(told[1]) > 0


def test_memory_that_leaves_lanes_out_is_something_to_do(
    settings: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many lanes fit, and why not more."""
    assert lines(settings)["memory"].startswith("ok ")
    monkeypatch.setattr(memory, "available_mb", lambda _held=0.0: 300.0)
    monkeypatch.setattr(engine, "available_mb", lambda _held=0.0: 300.0)
    assert "FIX" in lines(settings)["memory"]
    assert "give it more" in lines(settings)["memory"]

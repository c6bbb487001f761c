"""`output.edges` with a real daemon: what it says, what an upgrade does, and what a change does."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def large(photo: Path, tmp_path: Path) -> Path:
    """A photo that is large enough for its edges to be refined."""
    with Image.open(photo) as picture:
        picture.convert("RGB").resize((1600, 1200)).save(tmp_path / "large.jpg", quality=92)
    return tmp_path / "large.jpg"


def alpha(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.getchannel("A"))


def started(d: Any, **output: str) -> None:
    """Start with this ``output`` in the configuration, or none."""
    values = json.loads(d.config.read_text())
    values.pop("output", None)
    d.config.write_text(json.dumps({**values, **({"output": output} if output else {})}))
    d.start()


def restarted(d: Any, **output: str) -> None:
    assert d.stop() == 0
    started(d, **output)


def test_an_upgrade_redoes_nothing_and_the_user_everything(
    daemon: Callable[..., Any], large: Path, photo: Path
) -> None:
    """Plain's rows of an older nobgd count under the default; `edges: plain` and back do not."""
    d = daemon(output={"edges": "plain"}).start()
    (d.inbox / "a.jpg").write_bytes(large.read_bytes())
    first = d.await_done(1)[0]
    assert first["recipe"].endswith(":r1")
    assert first["edges_ms"] == 0
    plain = alpha(first["output"])
    assert d.stop() == 0
    with contextlib.closing(sqlite3.connect(d.root / "state" / "ledger.sqlite3")) as ledger:
        assert ledger.execute("DELETE FROM fact WHERE name LIKE 'recipes %'").rowcount == 1
        ledger.commit()
    started(d)  # the default
    (d.inbox / "b.jpg").write_bytes(large.read_bytes() + b"\0")  # not a twin
    made = d.await_done(2)
    assert [Path(each["source"]).name for each in made] == ["a.jpg", "b.jpg"]
    assert made[1]["recipe"].endswith(":r4:fine")
    assert made[1]["edges_ms"] > 0
    fine = alpha(made[1]["output"])
    soft = [((each > 0) & (each < 255)).mean() for each in (plain, fine)]
    assert soft[1] < 0.7 * soft[0]

    restarted(d, edges="fine")
    made = d.await_done(3)
    assert made[2]["source"] == made[0]["source"]
    assert (alpha(made[2]["output"]) == fine).all()

    restarted(d, edges="plain")
    made = d.await_done(5)
    assert {each["recipe"] for each in made[3:]} == {first["recipe"]}
    assert (alpha(made[4]["output"]) == plain).all()

    restarted(d, edges="plain")
    (d.inbox / "c.jpg").write_bytes(photo.read_bytes())
    made = d.await_done(6)
    assert Path(made[5]["source"]).name == "c.jpg"
    assert d.stop() == 0


def test_matting_is_rembgs_and_runs_in_a_confined_lane(
    daemon: Callable[..., Any], photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mask is not its alpha.

    Numba's functions are interpreted: to compile them takes most of a minute of a core.  The
    benchmark of edges has them compiled.
    """
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    d = daemon(output={"edges": "matting"}, workers={"count": 1}).start()
    with Image.open(photo) as picture:
        picture.convert("RGB").resize((64, 48)).save(d.inbox / "small.png")
    made = d.await_done(1)[0]
    assert made["recipe"].endswith(":r1:matting")
    assert made["edges_ms"] > made["compose_ms"]
    matted = alpha(made["output"])
    restarted(d, edges="plain")
    difference = np.abs(alpha(d.await_done(2)[1]["output"]).astype(int) - matted)
    assert difference.max() > 50
    assert difference.mean() < 20
    assert d.stop() == 0

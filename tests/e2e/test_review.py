"""A doubtful cut-out with a real daemon: said, listed, its original kept until somebody looked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import skimage
from PIL import Image

from nobgd import config
from nobgd.status import control


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A photo without a subject: gravel."""
    path = tmp_path_factory.mktemp("wall") / "wall.jpg"
    with Image.open(Path(skimage.__file__).parent / "data/gravel.png") as picture:
        picture.convert("RGB").save(path, quality=90)
    return path.read_bytes()


def listed(d: Any, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(d.verb("list", "--format", "json", *words).stdout)
    return found


def test_a_doubtful_cut_out_is_said_listed_and_judged(
    daemon: Callable[..., Any], photo: Path, wall: bytes
) -> None:
    """A warning in words; by `why`, `status` and `list`, also without a daemon."""
    d = daemon().start()
    (d.inbox / "wall.jpg").write_bytes(wall)
    (d.inbox / "cup.jpg").write_bytes(photo.read_bytes())
    events = {Path(each["source"]).name: each for each in d.await_done(2)}
    good, bad = events["cup.jpg"], events["wall.jpg"]
    assert (good["review"], good["level"], good["doubt"] < 0.5) == (False, "info", True)
    assert (bad["review"], bad["level"], bad["doubt"]) == (True, "warning", 1.0)
    assert bad["why"] == "probably no subject"
    path = str(d.inbox / "wall.jpg")
    assert "doubt 1.00: probably no subject; look at it, then `nobgd accept" in (
        d.verb("why", path).stdout
    )
    assert "2 done, 1 doubtful" in d.verb("status").stdout

    assert [each["source"] for each in listed(d, "--state", "doubtful")] == [path]
    rows = list(csv.DictReader(io.StringIO(d.verb("list", "--format", "csv").stdout)))
    assert [Path(row["source"]).name for row in rows] == ["cup.jpg", "wall.jpg"]
    assert [row["review"] for row in rows] == ["", "doubtful"]
    assert f"doubtful     1.00  {path} → {bad['output']}" in d.verb("list").stdout

    assert d.verb("accept", path).stdout == f"{path}: accepted\n"
    assert listed(d, "--state", "doubtful") == []
    assert d.verb("reject", str(d.inbox / "cup.jpg")).returncode == 0
    unknown = d.verb("accept", str(d.inbox / "none.jpg"))
    assert unknown.returncode == 1
    assert "1 of these are not done" in unknown.stderr
    assert d.stop() == 0
    assert [each["review"] for each in listed(d)] == ["rejected", "accepted"]
    assert d.verb("list", "--changed").stdout == "none was made by an older recipe\n"


def test_an_original_stays_until_its_doubtful_cut_out_is_accepted(
    daemon: Callable[..., Any], photo: Path, wall: bytes
) -> None:
    """`source: delete` takes the good one; the doubtful one goes when somebody says so."""
    d = daemon(inbox={"source": "delete"}, watch={"settle_s": 0.05}).start()
    (d.inbox / "wall.jpg").write_bytes(wall)
    (d.inbox / "cup.jpg").write_bytes(photo.read_bytes())
    d.await_done(2)
    d.until(lambda: d.events("source.kept"))
    kept = d.events("source.kept")[0]
    assert (Path(kept["source"]).name, kept["code"]) == ("wall.jpg", "nothing_found")
    assert "run `nobgd accept` or `nobgd reject`" in kept["reason"]
    d.until(lambda: not (d.inbox / "cup.jpg").exists())
    assert (d.inbox / "wall.jpg").exists()
    assert d.verb("accept", str(d.inbox / "wall.jpg")).returncode == 0
    d.until(lambda: not (d.inbox / "wall.jpg").exists())
    assert d.stop() == 0


def test_a_doubtful_cut_out_waits_in_review_until_it_is_accepted(
    daemon: Callable[..., Any], photo: Path, wall: bytes
) -> None:
    """`action: folder`: its place stays empty, and a kill loses no verdict."""
    inbox = {"source": "delete", "recursive": True}
    d = daemon(inbox=inbox, review={"action": "folder"}, watch={"settle_s": 0.05}).start()
    (d.inbox / "day").mkdir()
    for name in ("one", "two"):
        (d.inbox / f"day/{name}.jpg").write_bytes(wall + name.encode())
    (d.inbox / "cup.jpg").write_bytes(photo.read_bytes())
    d.await_done(3)
    assert d.outputs() == ["_review/day/one_nobg.png", "_review/day/two_nobg.png", "cup_nobg.png"]
    one, two = (str(d.inbox / f"day/{name}.jpg") for name in ("one", "two"))
    assert "waits in _review/ until it is accepted" in d.verb("why", one).stdout
    (d.outbox / "day").mkdir(exist_ok=True)
    (d.outbox / "day/one_nobg.png").write_bytes(b"a stranger's")

    d.kill()
    assert d.verb("accept", one).returncode == 0  # booked; nobody is there to move it
    assert (d.outbox / "_review/day/one_nobg.png").exists()
    d.start()
    d.until(lambda: d.events("photo.placed"))
    assert "day/one.jpg_nobg.png" in d.outputs()
    assert (d.outbox / "day/one_nobg.png").read_bytes() == b"a stranger's"
    placed = d.events("photo.placed")
    assert [(e["source"], Path(e["output"]).name) for e in placed] == [(one, "one.jpg_nobg.png")]
    d.until(lambda: not Path(one).exists())  # what is in its place may let its original go

    assert d.verb("reject", two).returncode == 0
    d.stop()
    d.start()
    assert d.outputs() == [
        "_review/day/two_nobg.png", "cup_nobg.png", "day/one.jpg_nobg.png", "day/one_nobg.png",
    ]  # fmt: skip
    assert len(d.events("photo.done")) == 3
    assert Path(two).exists()
    assert d.stop() == 0


def test_a_cut_out_is_made_anew_as_somebody_asked_and_stays_so(
    daemon: Callable[..., Any], photo: Path
) -> None:
    """Other edges, under the same name; a restart does not undo it, another photo does."""
    d = daemon(review={"redo": ["u2netp"]}).start()
    cup = d.inbox / "cup.jpg"
    cup.write_bytes(photo.read_bytes())
    first = d.await_done(1)[0]
    settings = config.load(d.config)
    ask = partial(control.ask, settings)
    assert ask({"do": "status"})["redo"] == {"models": ["u2netp:fp32"], "edges": ["plain", "fine"]}
    wrong = ask({"do": "redo", "paths": [str(cup)], "model": "u2net:fp32"})
    assert wrong == {"error": "model: there are u2netp:fp32; review.redo names further ones"}
    none = ask({"do": "redo", "paths": [str(d.inbox / "none.jpg")], "edges": "plain"})
    assert none == {"redone": []}

    wish = {"do": "redo", "paths": [str(cup)], "edges": "plain", "model": "u2netp:fp32"}
    assert ask(wish) == {"redone": [str(cup)]}
    again = d.await_done(2)[1]
    assert (first["recipe"].rpartition(":")[2], again["output"]) == ("fine", first["output"])
    assert again["recipe"] == first["recipe"].replace(":r4:fine", ":r1")
    assert d.stop() == 0

    d.start()
    (d.inbox / "other.jpg").write_bytes(photo.read_bytes() + b"\0")
    assert [Path(e["source"]).name for e in d.await_done(3)[2:]] == ["other.jpg"]
    cup.write_bytes(photo.read_bytes() + b"\0\0")  # another photo: nobody asked for it
    assert d.await_done(4)[3]["recipe"] == first["recipe"]
    assert d.outputs() == ["cup_nobg.png", "other_nobg.png"]
    assert d.stop() == 0

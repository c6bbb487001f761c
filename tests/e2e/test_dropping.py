"""Eleven ways in which a photo gets into a folder; each ends in one cut-out, once."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from e2e.conftest import Daemon

FIELDS = [
    "timestamp",
    "level",
    "event",
    "inbox",
    "source",
    "output",
    "width",
    "height",
    "megapixels",
    "bytes_in",
    "bytes_out",
    "read_ms",
    "decode_ms",
    "infer_ms",
    "compose_ms",
    "encode_ms",
    "publish_ms",
    "total_ms",
    "ms_per_megapixel",
    "queued_ms",
    "peak_rss_mb",
    "model",
    "precision",
    "lane",
    "attempt",
    "subject_confidence",
]


def done_once(daemon: Daemon, names: list[str]) -> list[dict[str, Any]]:
    """Wait for these outputs; each was logged exactly once and is a whole picture."""
    events = daemon.await_done(len(names))
    assert daemon.outputs() == sorted(names)
    assert Counter(e["output"] for e in events) == Counter(str(daemon.outbox / n) for n in names)
    for name in names:
        with Image.open(daemon.outbox / name) as picture:
            picture.load()
            assert picture.mode == "RGBA"
    return events


def test_a_copy(daemon: Callable[..., Daemon], photo: Path) -> None:
    """cp: one output, one line with every field, and the stages add up to the total."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / "a.jpg")
    (event,) = done_once(d, ["a_nobg.png"])
    assert set(FIELDS) <= set(event)
    assert (event["width"], event["height"]) == (600, 400)
    stages = sum(
        event[f"{s}_ms"] for s in ("read", "decode", "infer", "compose", "encode", "publish")
    )
    assert stages <= event["total_ms"] + 1
    assert event["ms_per_megapixel"] == pytest.approx(event["total_ms"] / 0.24, rel=0.01)
    assert event["subject_confidence"] > 0.9
    assert d.stop() == 0


def test_a_move(daemon: Callable[..., Daemon], photo: Path, tmp_path: Path) -> None:
    """A move (mv) from beside, as a file manager does it."""
    d = daemon().start()
    shutil.copy(photo, tmp_path / "waiting.jpg")
    (tmp_path / "waiting.jpg").rename(d.inbox / "a.jpg")
    done_once(d, ["a_nobg.png"])


def test_a_rename_from_a_temporary_name(daemon: Callable[..., Daemon], photo: Path) -> None:
    """`.a.jpg.part` is ignored until it gets its name."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / ".a.jpg.part")
    (d.inbox / ".a.jpg.part").rename(d.inbox / "a.jpg")
    done_once(d, ["a_nobg.png"])


def test_a_slow_write(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Ten pieces with pauses: decoded once, when it is whole."""
    d = daemon().start()
    data = photo.read_bytes()
    step = len(data) // 10 + 1
    with (d.inbox / "a.jpg").open("wb", buffering=0) as stream:
        for at in range(0, len(data), step):
            stream.write(data[at : at + step])
            time.sleep(0.15)
    (event,) = done_once(d, ["a_nobg.png"])
    assert event["attempt"] == 1
    assert not d.events("photo.failed") + d.events("photo.quarantined")


def test_a_hard_link(daemon: Callable[..., Daemon], photo: Path, tmp_path: Path) -> None:
    """ln: another name for a file that lies elsewhere."""
    d = daemon().start()
    shutil.copy(photo, tmp_path / "original.jpg")
    os.link(tmp_path / "original.jpg", d.inbox / "a.jpg")
    done_once(d, ["a_nobg.png"])
    assert (tmp_path / "original.jpg").read_bytes() == photo.read_bytes()


def test_a_folder_moved_in(daemon: Callable[..., Daemon], photo: Path, tmp_path: Path) -> None:
    """All in it is done, and what is added to it later too; the tree is mirrored."""
    d = daemon().start()
    (tmp_path / "trip/day1").mkdir(parents=True)
    shutil.copy(photo, tmp_path / "trip/day1/a.jpg")
    (tmp_path / "trip").rename(d.inbox / "trip")
    d.await_done(1)
    with Image.open(photo) as picture:
        picture.rotate(180).save(d.inbox / "trip/day1/b.jpg")
    done_once(d, ["trip/day1/a_nobg.png", "trip/day1/b_nobg.png"])


def test_two_stems_alike(daemon: Callable[..., Daemon], photo: Path) -> None:
    """a.jpg and a.png: the first keeps the name, the other one says what it was."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    with Image.open(photo) as picture:
        picture.rotate(90, expand=True).save(d.inbox / "a.png")
    done_once(d, ["a_nobg.png", "a.png_nobg.png"])


def test_an_overwrite(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Other content under the same name is done again, into the same output."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    with Image.open(photo) as picture:
        picture.resize((300, 200)).save(d.inbox / "a.jpg")
    d.await_done(2)
    assert d.outputs() == ["a_nobg.png"]
    with Image.open(d.outbox / "a_nobg.png") as picture:
        assert picture.size == (300, 200)


def test_before_and_during_the_start(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Files that were there, and files that come while it starts."""
    d = daemon()
    shutil.copy(photo, d.inbox / "before.jpg")
    d.start(wait=False)
    with Image.open(photo) as picture:
        picture.resize((300, 200)).save(d.inbox / "during.jpg")
    done_once(d, ["before_nobg.png", "during_nobg.png"])


@pytest.mark.timeout(300)
def test_a_burst_of_500(daemon: Callable[..., Daemon]) -> None:
    """Five hundred small photos at once: 500 outputs, 500 lines, nothing twice.

    Most have the bytes of one of twenty that are done already: the burst is as large, the time
    that the model takes is not what it is about.
    """
    d = daemon().start()
    staged = []
    for number in range(500):
        colour = (number if number < 30 else number % 20, 100, 90)
        buffer = io.BytesIO()
        size = (8, 8 + colour[0])  # as many sizes of files as pictures: each finds its twin
        Image.new("RGB", size, colour).save(buffer, "BMP")
        staged.append((f"{number:03}.bmp", buffer.getvalue()))
    for name, data in staged[:20]:
        (d.inbox / name).write_bytes(data)
    d.await_done(20)
    for name, data in staged[20:]:
        (d.inbox / name).write_bytes(data)
    d.await_done(500, 280)
    events = done_once(d, [f"{n:03}_nobg.png" for n in range(500)])
    assert Counter(event["how"] for event in events) == {"computed": 30, "copied": 470}


def test_the_same_bytes_again_are_copied(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Another name, not another computation; the copy says whose it is."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    shutil.copy(photo, d.inbox / "b.jpg")
    first, second = done_once(d, ["a_nobg.png", "b_nobg.png"])
    assert (first["how"], second["how"]) == ("computed", "copied")
    assert second["infer_ms"] == 0
    with Image.open(d.outbox / "a_nobg.png") as one, Image.open(d.outbox / "b_nobg.png") as two:
        assert one.tobytes() == two.tobytes()
        assert isinstance(two, PngImagePlugin.PngImageFile)
        assert json.loads(two.text["nobgd"])["source"] == "b.jpg"


def test_real_u2net(daemon: Callable[..., Daemon], photo: Path) -> None:
    """The big model, as `make run` uses it."""
    d = daemon(model={"name": "u2net"}).start()
    shutil.copy(photo, d.inbox / "a.jpg")
    (event,) = done_once(d, ["a_nobg.png"])
    assert event["model"] == "u2net"
    assert Path(event["output"]).exists()

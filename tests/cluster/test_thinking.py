"""Masks come from another machine, the same as from here; the photo stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cluster.broker import Broker, Worker
from e2e.conftest import Daemon

Make = Callable[..., Daemon]
Hire = Callable[..., Worker]


def drop(daemon: Daemon, photo: Path, count: int, start: int = 0) -> None:
    """So many photos that differ in their bytes and not in their pixels."""
    data = photo.read_bytes()
    for number in range(start, start + count):
        part = daemon.inbox / f"photo-{number}.part"
        part.write_bytes(data[:-2] + b"\xff\xd9" + bytes(number + 1))
        part.rename(daemon.inbox / f"photo-{number}.jpg")


def test_masks_of_another_machine_are_the_same(
    daemon: Make, worker: Hire, broker: Broker, photo: Path
) -> None:
    """Bit for bit; each photo says where its mask was made, and is done once whatever is killed."""
    worker(priority=0).start()
    home = daemon(
        cluster={"join": str(broker.home)},
        workers={"count": 4, "infer": 1, "threads": 1, "engine": "onnxruntime"},
    ).start()
    home.until(lambda: home.events("machine.joined"))
    home.until(lambda: "desk-1       up: 1 seat" in home.verb("status").stdout)
    drop(home, photo, 8)
    done = home.await_done(8)
    by = {event["host"] for event in done}
    assert "desk-1" in by
    away = [event for event in done if event["host"] == "desk-1"]
    assert all(0 < event["think_ms"] <= event["infer_ms"] + 1 for event in away)

    drop(home, photo, 8, 8)
    home.await_done(10)
    home.kill()  # with questions out: their answers find nobody
    home.start()
    done = home.await_done(16)
    assert len({event["source"] for event in done}) == len(done) == 16

    pictures = [np.asarray(Image.open(home.outbox / name)) for name in home.outputs()]
    assert len(pictures) == 16
    for each in pictures[1:]:
        np.testing.assert_array_equal(each, pictures[0])
    assert home.stop() == 0

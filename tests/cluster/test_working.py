"""Whole jobs on folders that two machines mount, with a broker and processes that are real."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.broker import Broker, Worker
from cluster.sleepy import LEASE_S, Sleepy, mounted
from cluster.test_thinking import drop
from e2e.conftest import Daemon
from nobgd import models

Make = Callable[..., Daemon]
Hire = Callable[..., Worker]
WORKERS = {"count": 1, "infer": 1, "threads": 1, "engine": "onnxruntime"}


@pytest.fixture
def home(broker: Broker, shared_cache: Path, tmp_path: Path) -> Iterator[Sleepy]:
    """One whose model takes a moment."""
    one = Sleepy(tmp_path, broker, cache_dir=str(shared_cache))
    one.start()
    yield one
    if not one.ended():
        one.kill()


def shown(home: Daemon) -> None:
    """A machine works, once a photo that was done here has been compared."""
    home.until(lambda: home.events("machine.joined"))
    name = home.photo() if isinstance(home, Sleepy) else ""
    home.until(lambda: home.events("machine.shown"))
    if name:
        home.await_done(1)


def only_outputs(home: Daemon, count: int) -> None:
    """Each photo has one, and there is nothing else."""
    home.until(lambda: not list(home.outbox.glob(".nobgd-*.tmp")))  # a machine is being proved
    names = sorted(each.name for each in home.outbox.iterdir())
    assert len(names) == count
    assert all(name.endswith("_nobg.png") for name in names)
    done = home.events("photo.done")
    assert len({event["sha256"] for event in done}) == len(done)


def test_photos_are_done_on_another_machine(
    daemon: Make, worker: Hire, broker: Broker, photo: Path, tmp_path: Path
) -> None:
    """The same pictures under the same names, each said once, by whoever did it."""
    cluster = {"join": str(broker.home), "shares": {"in": "in", "out": "out"}}
    home = daemon(cluster=cluster, workers=WORKERS)
    home.outbox.mkdir()
    worker(shares=mounted(home, tmp_path / "mnt")).start()
    home.start()
    home.until(lambda: home.events("machine.joined"))
    drop(home, photo, 1)
    home.until(lambda: home.events("machine.shown"))
    drop(home, photo, 12, 1)
    done = home.await_done(13)
    by = [event["host"] for event in done]
    assert by.count("desk-1") >= 2
    assert len(set(by)) == 2
    assert home.outputs() == sorted(f"photo-{n}_nobg.png" for n in range(13))
    only_outputs(home, 13)
    pictures = [np.asarray(Image.open(home.outbox / name)) for name in home.outputs()]
    for each in pictures[1:]:
        np.testing.assert_array_equal(each, pictures[0])
    assert "work: in, out (" in home.verb("status").stdout
    assert home.stop() == 0


def test_a_machine_that_is_killed_loses_nothing(home: Sleepy, worker: Hire, tmp_path: Path) -> None:
    """What it had is done here, and no attempt is burnt."""
    desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
    shown(home)
    desk.sleeps(60.0)
    for _ in range(6):
        home.photo()
    home.until(lambda: "busy 0" not in home.verb("status").stdout)
    desk.kill()
    done = home.await_done(7)
    assert {event["attempt"] for event in done} == {1}
    assert home.events("photo.moved")
    only_outputs(home, 7)


def test_who_wakes_up_too_late_writes_nothing(home: Sleepy, worker: Hire, tmp_path: Path) -> None:
    """It slept while its photo changed and was done elsewhere; after that it works again."""
    desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
    shown(home)
    desk.sleeps(1.0)
    names = [home.photo() for _ in range(2)]
    home.until(lambda: "busy 0" not in home.verb("status").stdout)
    desk.signal(signal.SIGSTOP)
    for name in names:
        home.photo(name)
    new = {name: hashlib.sha256((home.inbox / name).read_bytes()).hexdigest() for name in names}

    def there() -> bool:
        return set(new.values()) <= {event["sha256"] for event in home.events("photo.done")}

    home.until(there)
    desk.signal(signal.SIGCONT)
    desk.sleeps(0.0)
    by: list[str] = []
    for _ in range(40):
        count = len(home.events("photo.done"))
        for _ in range(3):
            home.photo()
        done = home.await_done(count + 3)
        by = [event["host"] for event in done[count:] if "think_ms" not in event]
        if "desk-1" in by:
            break
    assert "desk-1" in by
    assert {name: home.note(name).sha256 for name in names} == new


def test_a_folder_that_is_another_is_found_out(home: Sleepy, worker: Hire, tmp_path: Path) -> None:
    """What was shown once is another folder now: its outputs are not there, and are made here."""
    there = tmp_path / "mnt"
    worker(shares=mounted(home, there), sleep_s=0.0, priority=0).start()
    shown(home)
    (there / "other").mkdir()
    (there / "out").unlink()
    (there / "out").symlink_to(there / "other")
    for _ in range(4):
        home.photo()
    home.await_done(5)
    home.until(lambda: home.events("machine.unshown"))
    only_outputs(home, 5)
    home.until(lambda: "it does not see what is written here" in home.verb("status").stdout)


@pytest.mark.parametrize("share", ["in", "out"])
def test_a_wrong_folder_is_never_worked_in(
    home: Sleepy, worker: Hire, tmp_path: Path, share: str
) -> None:
    shares = mounted(home, tmp_path / "mnt")
    other = tmp_path / "mnt" / "other"
    other.mkdir()
    worker(shares={**shares, share: str(other)}, sleep_s=0.0, priority=0).start()
    home.until(lambda: home.events("machine.joined"))
    for _ in range(3):
        home.photo()
    home.until(lambda: home.events("machine.unshown"))
    assert f"share {share}" in home.events("machine.unshown")[0]["why"]
    home.photo()
    done = home.await_done(4)
    assert "desk-1" not in {event["host"] for event in done if "think_ms" not in event}
    only_outputs(home, 4)
    assert not list(other.iterdir())


def test_nothing_is_lost_or_doubled_whatever_is_killed(
    home: Sleepy, worker: Hire, broker: Broker, tmp_path: Path
) -> None:
    """The broker and the supervisor, each while jobs are out."""
    desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
    shown(home)
    desk.sleeps(0.3)
    for _ in range(6):
        home.photo()
    home.until(lambda: "busy 0" not in home.verb("status").stdout)
    broker.kill()
    home.until(lambda: home.events("broker.lost"))
    broker.start()
    home.until(lambda: home.events("broker.back"))
    for _ in range(6):
        home.photo()
    home.await_done(9)
    home.kill()
    home.start()
    for _ in range(3):
        home.photo()
    done = home.await_done(16)
    assert len({event["source"] for event in done}) == 16
    assert {event["attempt"] for event in done} == {1}
    only_outputs(home, 16)
    assert desk.stop() == 0
    assert home.stop() == 0


def test_a_worker_that_is_stopped_finishes_what_it_has(
    home: Sleepy, worker: Hire, tmp_path: Path
) -> None:
    desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
    shown(home)
    desk.sleeps(LEASE_S / 2)
    for _ in range(2):
        home.photo()
    home.until(lambda: "busy 0" not in home.verb("status").stdout)
    assert desk.stop() == 0
    done = home.await_done(3)
    assert [event["host"] for event in done].count("desk-1") >= 1
    only_outputs(home, 3)


def test_what_a_machine_wrote_too_late_is_made_anew(
    broker: Broker, worker: Hire, shared_cache: Path, tmp_path: Path
) -> None:
    """It had slept in the two system calls between its last look at the photo and the rename.

    A photo changes while a machine that is then killed has it; this test writes what that would.
    """
    home = Sleepy(tmp_path, broker, deadline_s=4, cache_dir=str(shared_cache))
    home.start()
    try:
        desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
        shown(home)
        name = home.photo()
        home.await_done(2)
        old = (home.outbox / f"{Path(name).stem}_nobg.png").read_bytes()
        desk.sleeps(60.0)
        home.photo(name)
        home.until(lambda: "busy 0" not in home.verb("status").stdout)
        desk.kill()
        home.until(lambda: home.events("photo.moved"))
        home.await_done(3)
        new = hashlib.sha256((home.inbox / name).read_bytes()).hexdigest()
        assert home.note(name).sha256 == new
        late = home.outbox / ".late"
        late.write_bytes(old)
        late.rename(home.outbox / f"{Path(name).stem}_nobg.png")
        home.until(lambda: home.events("photo.spoilt"))
        home.await_done(4)
        assert home.note(name).sha256 == new
        only = sorted(each.name for each in home.outbox.iterdir() if each.name[0] != ".")
        assert len(only) == 2
    finally:
        if not home.ended():
            home.kill()


def test_an_adaptive_model_is_two_there_as_here(
    broker: Broker, worker: Hire, shared_cache: Path, tmp_path: Path
) -> None:
    """A machine that has both files makes the first mask and, where that is unsure, the closer."""
    try:
        models.find("u2net", "fp32")
        models.find("u2net", "int8")
    except models.ModelError as error:
        pytest.skip(str(error))
    adaptive = {"name": "u2net", "precision": "adaptive"}
    home = Sleepy(tmp_path, broker, cache_dir=str(shared_cache), model=adaptive)
    home.start()
    try:
        desk = worker(shares=mounted(home, tmp_path / "mnt"), sleep_s=0.0, priority=0).start()
        shown(home)
        for number in range(8):  # a mask is their red: nothing, all, and much in between
            bands = np.zeros((48, 64, 3), np.uint8)
            bands[:, 16:32, 0], bands[:, 32:, 0], bands[..., 1] = 255, 120, number * 30
            Image.fromarray(bands).save(home.inbox / f".bands-{number}.jpg", quality=95)
            (home.inbox / f".bands-{number}.jpg").rename(home.inbox / f"bands-{number}.jpg")
        done = home.await_done(9)
        there = [event for event in done if event["host"] == "desk-1" and "think_ms" not in event]
        assert there
        assert {event["precision"] for event in there} == {"fp32"}
        assert {event["recipe"].split(":")[1] for event in done} == {"adaptive"}
        only_outputs(home, 9)
        assert desk.stop() == 0
    finally:
        if not home.ended():
            home.kill()

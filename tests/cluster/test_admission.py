"""Who is let in, who is not and why; a machine that is drained; exit codes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cluster.broker import Broker, Worker, await_true
from cluster.home import Home, hosts
from nobgd.broker import acts
from nobgd.cluster import frames, join, subjects
from nobgd.cluster.link import open_link
from nobgd.cluster.words import Order
from nobgd.doctor import reached
from nobgd.values.machine import DRAINING, REFUSED

Hire = Callable[..., Worker]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """`nobgd worker` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "nobgd", "worker", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_machine_with_other_masks_is_refused(home: Home, worker: Hire, broker: Broker) -> None:
    """It gets no question; the reason is said once, there too, and another machine goes on."""
    worker("desk-1", sleep_s=0.1, channel=1).start()
    worker("desk-2", sleep_s=0.1).start()
    home.has("desk-1", REFUSED)
    home.has("desk-2")
    assert "desk-1" not in hosts(home.ask(8))
    machine = home.machine("desk-1")
    assert machine is not None
    assert "its mask of the test picture differs from ours" in machine.why
    assert [each["host"] for each in home.events("machine.refused")] == ["desk-1"]
    cast = reached.said(join.read(broker.root / "desk-1.join"))
    assert cast is not None
    assert cast.refused == machine.why


def test_a_machine_with_other_weights_is_refused(
    make_home: Callable[..., Home], worker: Hire
) -> None:
    """Status names both, and what to run there."""
    home = make_home(sha256="ab" * 32)
    worker("desk-1", sleep_s=0.1).start()
    home.has("desk-1", REFUSED)
    machine = home.machine("desk-1")
    assert machine is not None
    assert "ours abababab…); run `nobgd models fetch u2netp` there" in machine.why
    assert hosts(home.ask(2)) == ["here", "here"]


def test_a_machine_that_cannot_make_a_mask_is_told_of(home: Home, worker: Hire) -> None:
    """Why it gets no question stands in log and status; it is let in when it can."""
    one = worker("desk-1", sleep_s=0.1)
    (one.file.parent / "desk-1.sleep").write_text("never")  # its model process ends at it
    one.start()
    said = "it cannot make a mask of the test picture: the model could not be run"
    await_true(lambda: said in getattr(home.machine("desk-1"), "why", ""))
    await_true(lambda: home.events("machine.refused"))
    one.sleeps(0.1)
    home.has("desk-1")
    assert len(home.events("machine.refused")) == 1
    found = home.machine("desk-1")
    assert found is not None
    assert found.why == ""


def test_two_workers_of_one_name_are_told_of(home: Home, worker: Hire) -> None:
    """Neither holds a photo up; when one of them ends the other one works again."""
    worker("desk-1", sleep_s=0.1, priority=0).start()
    home.has()
    second = worker("desk-1", sleep_s=0.1, priority=0).start()
    home.has("desk-1", REFUSED)
    found = home.machine()
    assert found is not None
    assert "two workers speak under this name" in found.why
    assert hosts(home.ask(3)) == ["here"] * 3
    second.kill()
    home.has()
    assert len(home.events("machine.refused")) == 1


def test_a_drained_machine_finishes_what_it_has(home: Home, worker: Hire, broker: Broker) -> None:
    """And gets nothing more, until it may again; one that is shut out ends with 2."""
    one = worker("desk-1", sleep_s=0.1, priority=0).start()
    home.has()

    def order(drain: bool) -> None:
        async def say() -> None:
            access = join.read(broker.home)
            link = await open_link(access, "test")
            await link.publish(subjects.cast("desk-1"), frames.pack(Order(drain=drain)))
            await link.close()

        asyncio.run(say())

    order(True)
    home.has("desk-1", DRAINING)
    assert hosts(home.ask(3)) == ["here"] * 3
    order(False)
    home.has()
    await_true(lambda: "desk-1" in hosts(home.ask(3)))

    assert run("--join", str(one.file), "--check").returncode == 0
    acts.revoke(broker.config, "desk-1")
    assert one.process is not None
    assert one.process.wait(60) == 2
    assert hosts(home.ask(2)) == ["here", "here"]


def test_what_keeps_a_worker_from_working(broker: Broker, tmp_path: Path) -> None:
    """A file that is none, a secret that opens nothing, a broker that is not there, no home."""
    (tmp_path / "none.join").write_text("{}")
    found = run("--join", str(tmp_path / "none.join"))
    assert found.returncode == 2
    assert "none.join: " in found.stderr

    good = join.read(broker.root / "desk-1.join")
    join.write(tmp_path / "old.join", replace(good, secret="another"))
    found = run("--join", str(tmp_path / "old.join"))
    assert found.returncode == 2
    assert "`nobgd cluster invite desk-1 --again` where the photos are" in found.stderr

    protocol = {**asdict(good), "protocol": 2}
    (tmp_path / "newer.join").write_text(json.dumps(protocol))
    found = run("--join", str(tmp_path / "newer.join"))
    assert (found.returncode, "protocol 2" in found.stderr) == (2, True)

    (tmp_path / "wrong.yaml").write_text("join: x\npriority: 12\n")
    found = run("--join", str(tmp_path / "wrong.yaml"))
    assert (found.returncode, "wrong.yaml: priority: " in found.stderr) == (2, True)

    join.write(tmp_path / "gone.join", replace(good, url="tls://127.0.0.1:1"))
    found = run("--join", str(tmp_path / "gone.join"), "--check")
    assert (found.returncode, "nothing listens there" in found.stderr) == (3, True)


def test_a_check_says_at_once_what_is_missing(
    make_home: Callable[..., Home], broker: Broker
) -> None:
    """It does not wait for its minute to be over."""
    words = ["--join", str(broker.root / "desk-1.join"), "--check"]
    make_home(sha256="ab" * 32)
    found = run(*words)
    assert (found.returncode, "run `nobgd models fetch u2netp` there" in found.stderr) == (3, True)


def test_a_check_looks_at_shares_too(home: Home, worker: Hire, tmp_path: Path) -> None:
    """Masks alone are not all that was asked for."""
    words = ["--join", str(worker("desk-1", sleep_s=0.1).start().file), "--check"]
    home.has()
    found = run(*words)
    assert (found.returncode, "home takes its masks" in found.stdout) == (0, True), found.stderr
    found = run(*words, "--share", f"in={tmp_path}")
    assert found.returncode == 3
    assert "but no whole photos: home names no folder for whole photos" in found.stderr
    home.has()


@pytest.mark.parametrize("ends", ["--for=0.5s"])
def test_a_worker_for_some_time(broker: Broker, ends: str) -> None:
    """Ends by itself, with 0."""
    assert run("--join", str(broker.root / "desk-1.join"), ends, "--drain-at-end").returncode == 0

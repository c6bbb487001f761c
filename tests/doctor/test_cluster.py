"""Several machines, looked at from both ends: each thing that can be wrong says what to do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from broker.conftest import Broker
from nobgd import cli, config
from nobgd.broker import acts, authority, server
from nobgd.cluster import join
from nobgd.doctor import cluster, reached
from nobgd.machines.settings import Settings
from nobgd.status import control
from nobgd.systemd import machines

pytestmark = pytest.mark.usefixtures("lost_lines_end_here")


def _home(loaded: config.Config) -> list[str]:
    return [str(each) for each in cluster.home(loaded, serving=False)]


def _line(lines: list[str], begin: str) -> str:
    found = [each for each in lines if each[5:].startswith(begin)]
    assert len(found) == 1, lines
    return found[0]


@pytest.fixture
def silent(tmp_path: Path) -> Broker:
    """Set up, and nothing runs."""
    return Broker(tmp_path)


def test_all_is_well_at_both_ends(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """The server, its certificate, the join file, and that the broker lets each in."""
    lines = _home(broker.config)
    assert all(each.startswith("ok ") for each in lines), lines
    assert "its certificate is good for 7" in _line(lines, f"broker {broker.base}")
    assert "NATS 2." in _line(lines, "broker 127.0.0.1:")
    with broker.told():
        made, _ = acts.invite(broker.config, "desk-7", role="worker", again=False)
    file = broker.base / "desk-7.join"
    join.write(file, made)
    (broker.base / "worker.yaml").write_text("join: desk-7.join\n")
    lines = [str(each) for each in cluster.worker(file)]
    assert "lets desk-7 in" in _line(lines, "broker")
    assert cli.main(["doctor", "--worker", str(broker.base / "worker.yaml")]) == 0
    assert "FIX" not in capsys.readouterr().out
    file.chmod(0o644)
    lines = [str(each) for each in cluster.worker(file)]
    assert f"anybody on this machine may read it; sudo chmod o-rwx {file}" in _line(lines, "join")


def test_who_was_shut_out_is_told_so(broker: Broker) -> None:
    """And how to come back."""
    with broker.told():
        made, _ = acts.invite(broker.config, "desk-8", role="worker", again=False)
    with broker.told():
        acts.revoke(broker.config, "desk-8")
    file = broker.base / "desk-8.join"
    join.write(file, made)
    lines = [str(each) for each in cluster.worker(file)]
    assert "`nobgd cluster invite desk-8 --again` where the photos are" in _line(
        lines, "broker 127.0.0.1:"
    )
    assert made.secret not in "".join(lines)


def test_a_broker_that_does_not_run_is_a_fault(silent: Broker) -> None:
    """With what may be the reason."""
    line = _line(_home(silent.config), "broker 127.0.0.1:")
    assert line.startswith("FIX")
    assert "does the broker run (nobgd-broker.service)" in line


def test_a_server_that_is_too_old_or_missing_is_a_fault(
    silent: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With where to get one."""
    monkeypatch.setattr(server, "PROGRAM", "nats-server-of-nobody")
    assert "is not installed; it comes as" in _line(_home(silent.config), "nats-server")
    monkeypatch.undo()
    old = tmp_path / "nats-server"
    old.write_text("#!/bin/sh\necho nats-server: v2.10.27\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    line = _line(_home(silent.config), "nats-server")
    assert line.startswith("FIX")
    assert "is 2.10.27, and 2.12.7 or 2.14 is needed" in line


def test_a_certificate_that_ends_soon_is_a_fault(silent: Broker) -> None:
    """`nobgd cluster init` makes it anew."""
    folder = silent.folder.path
    ca = authority.Pair((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
    late = dt.datetime.now(dt.UTC) - dt.timedelta(days=authority.BROKER_DAYS - 20)
    mine = authority.broker(ca, ["127.0.0.1"], late)
    (folder / "broker.pem").write_bytes(mine.certificate)
    (folder / "broker.key").write_bytes(mine.key)
    line = _line(_home(silent.config), f"broker {silent.base}")
    assert line.startswith("FIX")
    assert "ends in 20 days; sudo nobgd cluster init" in line
    over = authority.broker(ca, ["127.0.0.1"], late - dt.timedelta(days=27.5))
    (folder / "broker.pem").write_bytes(over.certificate)
    line = _line(_home(silent.config), f"broker {silent.base}")
    assert "ended 8 days ago; sudo nobgd cluster init" in line
    acts.set_up(silent.config, [])
    assert _line(_home(silent.config), f"broker {silent.base}").startswith("ok ")


def _machine(host: str, state: str, **more: str) -> dict[str, str]:
    return {"host": host, "state": state, "why": "", "mounted": "", **more}


def test_what_is_known_of_the_machines_is_told(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that fell silent what to do, of one that was shut out that, and what keeps one."""
    with broker.told():
        acts.invite(broker.config, "desk-1", role="worker", again=False)
    seen = [
        _machine("desk-1", "lost"), _machine("desk-2", "lost"),
        _machine("desk-3", "up", mounted="share out: it is read-only"),
        _machine("desk-4", "refused", why="two speak"),
    ]  # fmt: skip
    monkeypatch.setattr(control, "ask", lambda *_: {"broker": "", "machines": seen})
    lines = _home(broker.config)
    said = "ok   machine desk-1: says nothing any more; `nobgd doctor --worker FILE` there says why"
    assert _line(lines, "machine desk-1") == said
    assert _line(lines, "machine desk-2") == "ok   machine desk-2: is not invited any more"
    assert _line(lines, "machine desk-3").endswith(": up · work: share out: it is read-only")
    assert _line(lines, "machine desk-4") == "FIX  machine desk-4: refused: two speak"


def test_nobody_is_up_while_the_broker_is_away(
    silent: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known before says nothing of now."""
    before = {"broker": "nothing listens there", "machines": [_machine("desk-1", "up")]}
    monkeypatch.setattr(control, "ask", lambda *_: before)
    lines = _home(silent.config)
    assert not [each for each in lines if "machine desk-1" in each]
    assert "while the broker is not reached" in _line(lines, "machines")


def test_a_broker_that_was_never_set_up_is_a_fault(tmp_path: Path) -> None:
    """Nor is there a join file."""
    file = tmp_path / "nobgd.yaml"
    file.write_text(
        "state_dir: state\ncluster: {listen: 'tls://127.0.0.1:4222'}\n"
        "inboxes: [{path: in, outbox: out}]\n"
    )
    lines = _home(config.load(file))
    assert "it is not set up; sudo nobgd cluster init" in _line(lines, "broker:")
    assert "there is no such file; `nobgd cluster invite NAME`" in _line(lines, "join")
    file.write_text("inboxes: [{path: in, outbox: out}]\n")
    assert _home(config.load(file)) == []


def test_a_workers_unit_that_may_not_reach_its_broker_is_a_fault(
    silent: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The drop-in is compared with the join file."""
    made, _ = acts.invite(silent.config, "desk-9", role="worker", again=False)
    dropin = tmp_path / "50-config.conf"
    monkeypatch.setattr(machines, "WORKER", str(dropin))
    file = tmp_path / "desk-9.join"
    said = str(cluster._unit(file, Settings(join=file), made))
    assert "IPAddressAllow=localhost is missing; sudo nobgd unit --worker" in said


def test_clocks_that_differ_are_said(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the broker's own answer has its time; no fault, as no photo depends on it."""
    assert not [each for each in _home(broker.config) if "clocks" in each]
    assert reached._seconds("2001-01-01T00:00:00.123456789Z") < -1e8
    assert reached._seconds(None) == 0.0
    monkeypatch.setattr(reached, "_SKEW_S", -1.0)
    line = _line(_home(broker.config), "clocks")
    assert line.startswith("ok   clocks: the broker's is ")

"""The units for several machines: right, hardened, and each may reach one address and no more."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nobgd import cli, config
from nobgd.cluster import join
from nobgd.cluster.join import Join
from nobgd.inference.nvidia import Found
from nobgd.machines import settings
from nobgd.systemd import machines, reach, unit
from nobgd.systemd.unit import Machine

ROOT = Path(__file__).parents[2]
USUAL = "inboxes: [{path: /srv/in, outbox: /srv/out}]\n"
HERE = USUAL + "cluster: {listen: 'tls://0.0.0.0:4333'}\n"
GPU = Found("onnxruntime-gpu", "580.65.06", ("/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl"))
DESK: dict[str, Any] = {
    "name": "desk-3", "url": "tls://192.168.1.2:4222", "user": "desk-3", "secret": "s" * 43,
    "protocol": 1,
}  # fmt: skip


def _config(folder: Path, text: str) -> config.Config:
    path = folder / "nobgd.yaml"
    path.write_text(text)
    return config.load(path)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A join file with a certificate that is one."""
    from nobgd.broker import acts

    made = _config(
        tmp_path, USUAL + "state_dir: state\ncluster: {listen: 'tls://127.0.0.1:4222'}\n"
    )
    acts.set_up(made, ["192.168.1.2"])
    file = tmp_path / "desk-3.join"
    ca = (tmp_path / "broker/ca.pem").read_text()
    file.write_text(json.dumps({**DESK, "ca": ca}))
    return file


def _values(loaded: config.Config, key: str) -> list[str]:
    here = Machine(16_000, 2, 1, reach=reach.of_home(loaded))
    return [value for _, name, value in unit.settings(loaded, here) if name == key]


def test_without_the_section_there_is_no_network(tmp_path: Path) -> None:
    """Nor where no other machine is to infer."""
    for text in (USUAL, HERE.replace("4333'", "4333', think: never")):
        loaded = _config(tmp_path, text)
        assert _values(loaded, "PrivateNetwork") == []
        assert _values(loaded, "IPAddressAllow") == []


def test_the_daemon_may_reach_the_broker_and_nothing_else(tmp_path: Path, desk: Path) -> None:
    """On this machine, at one address of it, or elsewhere."""
    loaded = _config(tmp_path, HERE)
    assert _values(loaded, "PrivateNetwork") == ["no"]
    assert _values(loaded, "RestrictAddressFamilies") == ["AF_INET AF_INET6"]
    assert _values(loaded, "IPAddressAllow") == ["localhost"]
    loaded = _config(tmp_path, HERE.replace("0.0.0.0", "192.168.1.9"))
    assert _values(loaded, "IPAddressAllow") == ["192.168.1.9"]
    loaded = _config(tmp_path, USUAL + f"cluster: {{join: {desk}}}\n")
    assert _values(loaded, "IPAddressAllow") == ["192.168.1.2"]
    assert _values(loaded, "BindReadOnlyPaths") or _values(loaded, "ReadOnlyPaths")
    loaded = _config(tmp_path, USUAL + "cluster: {join: none.join}\n")
    assert _values(loaded, "PrivateNetwork") == []
    loaded = _config(tmp_path, HERE + "metrics: {port: 9787}\n")
    assert _values(loaded, "IPAddressAllow") == ["localhost"]


def test_a_name_is_let_through_with_those_who_know_it(monkeypatch: pytest.MonkeyPatch,
                                                      tmp_path: Path) -> None:  # fmt: skip
    """Its addresses, and the resolvers; a name that nobody knows lets nothing through."""
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text("search lan\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver x\n")
    monkeypatch.setattr(reach, "_RESOLVERS", str(resolvers))
    found = reach.allowed("localhost")
    assert {"10.0.0.1", "fe80::1"} <= set(found)
    assert {"127.0.0.1", "::1"} & set(found)
    assert reach.allowed("no-such-host.invalid") == ()
    assert reach.allowed("::1") == ("localhost",)
    assert reach.allowed("fd00::7") == ("fd00::7",)


def _installed(folder: Path, name: str, text: str) -> str:
    shipped = (ROOT / "systemd" / name).read_text()
    for program in ("/opt/nobgd/venv/bin/nobgd", "nats-server"):
        shipped = shipped.replace(f"ExecStart={program}", "ExecStart=/bin/true")
    place = folder / name
    place.write_text(shipped)
    (folder / f"{name}.d").mkdir()
    changed = text.replace("ExecStart=nats-server", "ExecStart=/bin/true")
    (folder / f"{name}.d/50-config.conf").write_text(changed)
    return str(place)


def _right(place: str, exposure: int) -> None:
    """Nothing is wrong in it, and what is exposed is at most so many tenths of ten."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze (Debian: apt-get install systemd)")
    verify = ["systemd-analyze", "verify", "--recursive-errors=no", place]
    found = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    judge = ["systemd-analyze", "security", "--offline=true", f"--threshold={exposure}",
             "--no-pager", place]  # fmt: skip
    judged = subprocess.run(judge, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_the_brokers_unit_is_right_and_hardened(tmp_path: Path) -> None:
    """It listens on the port of the configuration alone, wherever that lies."""
    loaded = _config(tmp_path, HERE)
    text = machines.texts(loaded)[machines.BROKER]
    assert "SocketBindAllow=\nSocketBindAllow=tcp:4333\n" in text
    assert f"ExecStart=\nExecStart=nats-server -c {tmp_path}/broker/nats.conf\n" in text
    usual = loaded.model_copy(update={"origin": unit.USUAL_CONFIG})
    assert "ExecStart" not in machines.texts(usual)[machines.BROKER]
    assert machines.texts(_config(tmp_path, USUAL)) == {machines.BROKER: ""}
    _right(_installed(tmp_path, "nobgd-broker.service", text), 14)


def test_the_workers_unit_is_right_and_hardened(
    tmp_path: Path, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It dials one address, and listens on nothing; no secret is in what is printed."""
    assert cli.main(["unit", "--worker", str(desk)]) == 0
    text = capsys.readouterr().out
    assert "IPAddressAllow=192.168.1.2\n" in text
    assert f"# after a change of it: sudo nobgd unit --worker {desk} --apply" in text
    assert DESK["secret"] not in text
    _right(_installed(tmp_path, "nobgd-worker.service", text), 11)


@pytest.mark.parametrize(("engine", "there", "opened"), [
    ("auto", Found(), False), ("auto", GPU, True), ("cuda", Found(), True), ("ncnn", GPU, False),
    ("auto", Found(GPU.wheel, GPU.driver), False),
    ("auto", Found("", GPU.driver, GPU.nodes), False),
])  # fmt: skip
def test_a_worker_with_a_gpu_sees_its_devices(
    tmp_path: Path, desk: Path, engine: Any, there: Found, opened: bool
) -> None:
    """By its own file, and by what is there when the file leaves it open."""
    file = tmp_path / "worker.yaml"
    file.write_text(f"join: {desk}\nengine: {engine}\n")
    named, found = settings.read(file)
    text = machines.worker_text(file, machines.worker(named.engine, found, there))
    assert ("DeviceAllow=char-nvidia-uvm rw\n" in text) == opened
    assert ("PrivateDevices=no\n" in text) == opened
    assert "IPAddressAllow=192.168.1.2\n" in text


def test_a_name_that_nobody_knows_is_no_open_door(tmp_path: Path, desk: Path) -> None:
    """The unit then reaches nothing."""
    found = join.read(desk)
    lost = Join(found.name, "tls://no-such-host.invalid:4222", found.user, found.secret, found.ca)
    file = tmp_path / "x.join"
    text = machines.worker_text(file, machines.worker("auto", lost, Found()))
    assert "IPAddressAllow" not in text
    assert "IPAddressDeny=any" in text


def test_a_join_file_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As everywhere."""
    assert cli.main(["unit", "--worker", str(tmp_path / "x.join")]) == 2
    assert "there is no such file; `nobgd cluster invite NAME`" in capsys.readouterr().err

"""`nobgd cluster` at a shell: what it writes, says and answers with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from broker.conftest import Broker, broker
from nobgd import cli, config
from nobgd.cluster import join
from nobgd.systemd import unit

__all__ = ["broker"]
PLAIN = "# mine\nstate_dir: state\ninboxes:\n  - {path: in, outbox: out}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, of somebody who is no root."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUDO_UID", raising=False)
    (tmp_path / "nobgd.yaml").write_text(PLAIN)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["cluster", *words])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_init_writes_the_section_and_says_what_is_next(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else in the file changes; the second time nothing does."""
    os.chmod(here / "nobgd.yaml", 0o640)
    code, out, err = said(capsys, "init", "--address", "nas.lan", "--address", "10.0.0.7")
    assert (code, err) == (0, "")
    assert "nobgd.yaml: added cluster: with listen: tls://0.0.0.0:4222" in out
    assert "others reach it at nas.lan" in out
    assert f"next:\n  nats-server -c {here}/broker/nats.conf\n" in out
    text = (here / "nobgd.yaml").read_text()
    assert text == f"{PLAIN}\ncluster:\n  listen: tls://0.0.0.0:4222\n"
    assert (here / "nobgd.yaml").stat().st_mode & 0o777 == 0o640
    code, out, err = said(capsys, "init")
    assert (code, err) == (0, "")
    assert "as it was already" in out
    assert "others reach it at nas.lan" in out
    assert (here / "nobgd.yaml").read_text() == text


def test_a_broker_that_runs_is_not_to_be_started(
    broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is next is what is left to do."""
    with broker.told():
        code, out, err = said(capsys, "init", "-c", str(broker.base / "nobgd.yaml"))
    assert (code, err) == (0, "")
    assert "the broker has read it\nnext:\n  nobgd run -c" in out
    assert "nats-server -c" not in out


def test_a_configuration_that_cannot_be_added_to_is_left_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines to write are said."""
    flow = "{state_dir: state, inboxes: [{path: in, outbox: out}]}\n"
    (here / "nobgd.yaml").write_text(flow)
    code, _, err = said(capsys, "init")
    assert code == 2
    assert "write it in, and try again:\ncluster:\n  listen: tls://0.0.0.0:4222" in err
    assert (here / "nobgd.yaml").read_text() == flow
    assert not (here / "broker").exists()


def test_invite_writes_a_join_file_for_the_one_who_brings_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mode 0600; or on standard output and nothing else there; its secret is in no sentence."""
    said(capsys, "init", "--address", "nas.lan")
    code, out, err = said(capsys, "invite", "desk-3")
    assert (code, err) == (0, "")
    made = join.read(here / "desk-3.join")
    assert (made.name, made.user, made.url) == ("desk-3", "desk-3", "tls://nas.lan:4222")
    assert (here / "desk-3.join").stat().st_mode & 0o777 == 0o600
    assert "no broker runs here yet" in out
    assert "systemd/install.sh --worker desk-3.join" in out
    assert made.secret not in out
    code, out, err = said(capsys, "invite", "studio", "--home", "-o", "-")
    assert (code, err) == (0, "")
    assert json.loads(out)["name"] == "studio"
    assert not (here / "studio.join").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["invite", "Desk 3"], 1, "'Desk 3' is no name for a machine"),
        (["invite", "home"], 1, "home is this machine itself"),
        (["invite", "desk-3"], 1, "desk-3 is invited already"),
        (
            ["invite", "desk-4", "-o", "no/such/x.join"],
            3,
            "No such file or directory; desk-4 is not",
        ),
        (["revoke", "desk-9"], 1, "no machine desk-9 is invited; there are: desk-3"),
        (["init", "--address", "a b"], 3, "'a b' is neither an address nor a host's name"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    """With the exit code that the help promises."""
    said(capsys, "init", "--address", "nas.lan")
    said(capsys, "invite", "desk-3")
    got, _, err = said(capsys, *words)
    assert got == code
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_join_file_that_cannot_be_written_lets_nobody_in(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried again as if for the first time; with --again, what was open stays so."""
    said(capsys, "init")
    broker = here / "broker/machines.json"
    before = broker.read_bytes()
    assert said(capsys, "invite", "desk-3", "-o", "no/such/x.join")[0] == 3
    assert broker.read_bytes() == before
    assert said(capsys, "invite", "desk-3")[0] == 0
    before = broker.read_bytes()
    assert said(capsys, "invite", "desk-3", "--again", "-o", "no/such/x.join")[0] == 3
    assert broker.read_bytes() == before


@pytest.mark.parametrize("gone", ["full", "ended"])
def test_what_stdout_has_not_taken_lets_nobody_in(here: Path, gone: str) -> None:
    """A full disk, or a reader that has ended: `… -o - | ssh desk-3`, and there is no desk-3."""
    command = [sys.executable, "-m", "nobgd", "cluster"]
    subprocess.run([*command, "init"], check=True, capture_output=True)
    before = (here / "broker/machines.json").read_bytes()
    if gone == "full":
        out = os.open("/dev/full", os.O_WRONLY)
    else:
        theirs, out = os.pipe()
        os.close(theirs)
    ran = subprocess.run(
        [*command, "invite", "desk-3", "-o", "-"], stdout=out, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    os.close(out)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (3, 1), ran.stderr
    assert ran.stderr.endswith("; desk-3 is not invited: name another file with -o\n")
    assert (here / "broker/machines.json").read_bytes() == before


def test_revoke_says_what_is_left_to_do(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the other machine."""
    said(capsys, "init")
    said(capsys, "invite", "desk-3")
    code, out, err = said(capsys, "revoke", "desk-3")
    assert (code, err) == (0, "")
    assert "revoked: desk-3; no broker runs here" in out
    assert "on desk-3, `sudo systemctl disable --now nobgd-worker`" in out
    assert "desk-3" not in (here / "broker/nats.conf").read_text()


def test_where_the_broker_is_elsewhere_nothing_is_done(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor where there is none."""
    for act in (["invite", "a"], ["revoke", "a"]):
        code, _, err = said(capsys, *act)
        assert code == 3
        assert "there is no broker yet; `nobgd cluster init` sets it up" in err
    code, _, err = said(capsys, "drain", "a")
    assert code == 2
    assert err == "nobgd.yaml: it has no cluster:; `nobgd cluster init` sets one up\n"
    (here / "nobgd.yaml").write_text(PLAIN + "cluster: {join: nas.join}\n")
    for act in (["init"], ["invite", "a"], ["revoke", "a"]):
        code, _, err = said(capsys, *act)
        assert code == 2
        assert "its broker is elsewhere, as cluster.join says; do this there" in err


def test_a_port_that_somebody_else_has_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A distribution's package may have started a server of its own."""
    assert (here / "nobgd.yaml").exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"tls://127.0.0.1:{taken.getsockname()[1]}"
        code, out, _ = said(capsys, "init", "--listen", listen)
    assert code == 0
    assert f"FIX  another program listens at {listen}; if it is the distribution's own" in out


def test_a_service_without_the_brokers_unit_is_brought_up_to_date_first(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made before."""
    monkeypatch.setattr(unit, "USUAL_CONFIG", str(here / "nobgd.yaml"))
    monkeypatch.setattr(unit, "UNITS", (str(here),))
    (here / "nobgd.service").touch()
    code, _, err = said(capsys, "init")
    assert code == 3
    assert "nobgd-broker.service is not installed; run this version's systemd/install.sh" in err
    assert (here / "nobgd.yaml").read_text() == PLAIN
    assert not (here / "broker").exists()


def test_a_link_to_the_configuration_stays_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file behind it is written."""
    (here / "nobgd.yaml").rename(here / "real.yaml")
    (here / "nobgd.yaml").symlink_to("real.yaml")
    assert said(capsys, "init")[0] == 0
    assert (here / "nobgd.yaml").is_symlink()
    assert config.load(here / "nobgd.yaml").cluster is not None

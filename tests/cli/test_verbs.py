"""The verbs that look at an installation: their output and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobgd import cli
from nobgd.cli import common, status
from nobgd.systemd import unit


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """A configuration without a daemon; its path."""
    for name in ("in", "out", "state", "cache"):
        (tmp_path / name).mkdir()
    path = tmp_path / "nobgd.yaml"
    path.write_text(
        "state_dir: state\ncache_dir: cache\nmodel: {name: u2netp}\n"
        "inboxes: [{path: in, outbox: out}]\n"
    )
    return str(path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "VERB"),
        (["help"], 0, "VERB"),
        (["help", "why"], 0, "nobgd why"),
        (["statsu"], 2, "statsu is no verb; did you mean status?"),
        (["zzz"], 2, "invalid choice"),
        (["retry", "--all", "--changed"], 2, "one of them, not several"),
    ],
)
def test_what_people_type_is_understood(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No verb at all, ``help``, a slip."""
    try:
        found = cli.main(words)
    except SystemExit as end:
        found = int(str(end.code))
    assert found == code
    assert said in "".join(capsys.readouterr())


def test_the_command_line_is_known_before_anything_is_loaded() -> None:
    """`nobgd --help` and the verbs that need little do not pay for those that need much."""
    heavy = {"pydantic", "yaml", "sqlite3", "ssl", "asyncio", "numpy", "PIL", "structlog"}
    code = (
        "import sys; from nobgd import cli; cli.parser();"
        f"print(*sorted(set(sys.modules) & {heavy!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("verb", ["status", "doctor", "unit", "check", "once", "run", "pause"])
def test_a_wrong_configuration_is_exit_2_with_its_line(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was asked."""
    (tmp_path / "bad.yaml").write_text("wrokers: {}\ninboxes: []\n")
    assert cli.main([verb, "-c", str(tmp_path / "bad.yaml")]) == 2
    assert "bad.yaml:1:1: unknown key wrokers; did you mean workers?" in capsys.readouterr().err


def test_the_configuration_is_named_before_or_after_the_verb(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the one after it counts where there are two."""
    assert cli.main(["-c", settings, "check"]) == 0
    assert capsys.readouterr().out.startswith(f"# {settings}, as understood")
    assert cli.main(["-c", "/nowhere", "check", "-c", settings]) == 0


def test_check_knows_the_models(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started with it."""
    text = Path(settings).read_text().replace("u2netp", "u2netpp")
    (tmp_path / "typo.yaml").write_text(text)
    assert cli.main(["check", "-c", str(tmp_path / "typo.yaml")]) == 2
    assert "model.name: there is no model u2netpp; did you mean u2netp?" in capsys.readouterr().err


def test_check_gives_an_example_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    """Which names every key, and needs no configuration to be there."""
    assert cli.main(["check", "--example", "-c", "/nowhere"]) == 0
    assert "quiet_hours" in capsys.readouterr().out


def test_unit_prints_the_drop_in(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To look at; nothing is written."""
    assert cli.main(["unit", "-c", settings]) == 0
    said = capsys.readouterr().out
    assert "[Service]" in said
    assert "MemoryMax=" in said


def test_unit_apply_writes_once(
    settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The second time nothing is written, and it is said."""
    place = tmp_path / "nobgd.service.d/50-config.conf"
    monkeypatch.setattr(unit, "PLACE", str(place))
    monkeypatch.setenv("PATH", "")  # no systemctl
    assert cli.main(["unit", "-c", settings, "--apply"]) == 0
    assert "it takes effect with `systemctl restart nobgd`" in capsys.readouterr().out
    written = place.stat().st_ino
    assert oct(place.stat().st_mode & 0o777) == "0o644"
    assert cli.main(["unit", "-c", settings, "--apply"]) == 0
    assert "as it was already" in capsys.readouterr().out
    assert place.stat().st_ino == written
    assert os.listdir(place.parent) == ["50-config.conf"]


def test_unit_that_cannot_be_written_says_sudo(
    settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit 3, one sentence."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(unit, "PLACE", str(tmp_path / "file/50-config.conf"))
    assert cli.main(["unit", "-c", settings, "--apply"]) == 3
    assert "run `sudo nobgd unit --apply`" in capsys.readouterr().err


def test_status_and_why_answer_without_a_daemon(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the ledger, and say so."""
    assert cli.main(["status", "-c", settings]) == 0
    said = capsys.readouterr().out
    assert said.startswith("the daemon is not running; this is what its ledger says\n")
    assert f"{tmp_path}/in → {tmp_path}/out: 0 done" in said
    assert cli.main(["status", "-c", settings, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["running"] is False
    (tmp_path / "in/a.jpg").write_bytes(b"x")
    assert cli.main(["why", "-c", settings, str(tmp_path / "in/a.jpg")]) == 0
    assert "the daemon is not running" in capsys.readouterr().out
    assert cli.main(["why", "-c", settings, "/elsewhere/a.jpg"]) == 0
    assert f"is in no inbox; the inboxes are {tmp_path}/in" in capsys.readouterr().out


def test_a_check_tells_only_what_is_wrong(
    settings: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 and a sentence each: no daemon, a folder that cannot be used; a pause is nobody's."""
    assert cli.main(["status", "-c", settings, "--check"]) == 1
    assert capsys.readouterr().err == "the daemon is not running\n"
    inboxes = [{"hindrance": None}, {"hindrance": "command", "hindered": "it is paused"}]
    answer = {"running": True, "inboxes": inboxes}
    monkeypatch.setattr(common, "ask", lambda *_: answer)
    assert cli.main(["status", "-c", settings, "--check"]) == 0
    inboxes += [{"hindrance": "outbox", "hindered": "the outbox /o: it is full"}]
    assert cli.main(["status", "-c", settings, "--check"]) == 1
    assert capsys.readouterr() == ("", "the outbox /o: it is full\n")


@pytest.mark.parametrize(
    ("waiting", "pace", "says"),
    [(0, 30.0, ""), (10, 0.0, ""), (10, 30.0, " · less than a minute left"),
     (208, 30.0, " · about 7 min left"), (20_000, 30.0, " · about 11 hours left")],
)  # fmt: skip
def test_how_long_it_takes_is_told(waiting: int, pace: float, says: str) -> None:
    """By the pace of now."""
    answer = {"running": True, "line": "busy", "lanes": [], "inboxes": [], "failures": []}
    told = {"waiting": waiting, "working": 2, "photos_per_minute": pace}
    assert status.text(answer | told) == f"busy{says}"


def test_a_pause_is_shown_until_it_ends(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a daemon, too; an unknown inbox is refused."""
    assert cli.main(["pause", "-c", settings]) == 0
    assert cli.main(["status", "-c", settings]) == 0
    assert "PAUSED" in capsys.readouterr().out
    assert cli.main(["resume", "-c", settings]) == 0
    capsys.readouterr()
    assert cli.main(["status", "-c", settings]) == 0
    assert "PAUSED" not in capsys.readouterr().out
    assert cli.main(["pause", "-c", settings, "/elsewhere"]) == 1
    assert "/elsewhere is no inbox of" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
@pytest.mark.parametrize("verb", [["status"], ["pause"], ["retry", "--all"]])
def test_what_root_asks_leaves_nothing_that_the_daemon_may_not_open(
    settings: str, tmp_path: Path, verb: list[str]
) -> None:
    """A lock or ledger of root's kept the service from its first start."""
    for folder in tmp_path, *tmp_path.parents[:-1]:
        if folder.stat().st_uid == 0 and "pytest" in str(folder):
            folder.chmod(0o755)
    os.chown(tmp_path / "state", 65534, 65534)
    asked = [sys.executable, "-m", "nobgd", *verb, "-c", settings]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = list((tmp_path / "state").iterdir())
    assert made
    assert {path.stat().st_uid for path in made} == {65534}


def test_doctor_ends_with_1_when_something_is_to_be_done(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its line says what."""
    (tmp_path / "out").rmdir()
    assert cli.main(["doctor", "-c", settings]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(f"FIX  outbox {tmp_path}/out: is missing")]


def test_retry_wants_photos_or_all(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is a usage error; unknown ones are exit 1; nothing to retry is no fault."""
    assert cli.main(["retry", "-c", settings]) == 2
    assert "name the photos, or say --all" in capsys.readouterr().err
    assert cli.main(["retry", "-c", settings, "/x.jpg"]) == 1
    assert cli.main(["retry", "-c", settings, "--all"]) == 0

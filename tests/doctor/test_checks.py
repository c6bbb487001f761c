"""Each thing that can be wrong has a line that begins with FIX and says what to do."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

import pytest

from doctor.conftest import Mount
from nobgd import config
from nobgd.doctor import ask, checks, folders
from nobgd.doctor.ask import Probe, Who
from nobgd.status import control
from nobgd.systemd import unit

ME = Who("me", "us")


def _found(**more: object) -> dict[str, object]:
    """What a probe says of a folder where all is well."""
    usual: dict[str, object] = {
        "fstype": "ext4", "source": "/dev/sda1", "mountpoint": "/srv", "network": False,
        "strategy": "inotify", "free_mb": 50_000.0, "no_inodes": False,
    }  # fmt: skip
    return usual | more


def _lines(settings: config.Config) -> dict[str, str]:
    return {str(each).split()[1].rstrip(":"): str(each) for each in checks.examine(settings)}


def test_all_is_well(settings: config.Config) -> None:
    """One line for each thing, all ok."""
    lines = _lines(settings)
    expected = (
        "python onnxruntime engine cpu model memory speed state cache inbox outbox inotify clock"
        " unit daemon"
    )
    assert list(lines) == expected.split()
    assert all(line.startswith("ok ") for line in lines.values()), lines
    assert "its SHA-256 is right" in lines["model"]
    assert "write, sync and rename" in lines["outbox"]


def test_every_folder_the_daemon_writes_is_looked_at_once(home: Path) -> None:
    """Also log, metrics, archive and a quarantine elsewhere; a shared outbox has one line."""
    path = home / "all.yaml"
    path.write_text(
        "state_dir: state\ncache_dir: cache\nlog: {file: log/nobgd.record.log}\n"
        "metrics: {textfile: prom/nobgd.prom}\ninboxes:\n"
        "  - {path: in, outbox: out, source: archive, archive: old, quarantine: bad}\n"
        "  - {path: in2, outbox: out}\n"
    )
    probes = list(folders.probes(config.load(path)))
    named = [(probe.what, Path(probe.path).name, probe.write) for probe in probes]
    assert named == [
        ("state", "state", True), ("cache", "cache", True), ("log", "log", True),
        ("metrics", "prom", True), ("inbox", "in", True), ("outbox", "out", True),
        ("archive", "old", True), ("quarantine", "bad", True), ("inbox", "in2", False),
    ]  # fmt: skip


def test_a_missing_outbox_comes_with_the_command_that_makes_it(
    settings: config.Config, home: Path
) -> None:
    """For the user that the service runs as."""
    (home / "out").rmdir()
    line = _lines(settings)["outbox"]
    assert line.startswith(f"FIX  outbox {home}/out: is missing; mount its share, or make it: sudo")
    assert line.endswith(f"-m 2775 {home}/out")


def test_before_the_first_start_what_it_makes_is_not_missed(
    settings: config.Config, home: Path
) -> None:
    """It makes them; an inbox is somebody else's, and so is what an outbox lies in."""
    for name in ("in", "out", "state", "cache"):
        (home / name).rmdir()
    lines = _lines(settings)
    for what, name in (("state", "state"), ("cache", "cache"), ("outbox", "out")):
        said = f"ok   {what} {home}/{name}: is not there yet; the first start makes it"
        assert lines[what] == said
    assert lines["inbox"].startswith(f"FIX  inbox {home}/in: is missing")
    nested = settings.inboxes[0].model_copy(update={"outbox": home / "nas/out"})
    lines = _lines(settings.model_copy(update={"inboxes": (nested,)}))
    assert lines["outbox"].startswith(f"FIX  outbox {home}/nas/out: is missing")
    (home / "state").mkdir()
    assert _lines(settings)["outbox"].startswith(f"FIX  outbox {home}/out: is missing")


def test_a_full_disk_is_said_with_its_mount(
    settings: config.Config, home: Path, mount: Mount
) -> None:
    """Megabytes left, where, and to free some."""
    mount(home / "out", "size=1m,mode=1777")
    line = _lines(settings)["outbox"]
    assert re.search(rf"FIX  outbox .*: \d MB left on {home}/out; free some space", line)


def test_a_disk_without_inodes_is_full_too(
    settings: config.Config, home: Path, mount: Mount
) -> None:
    """Although there is room."""
    mount(home / "in", "size=9g,nr_inodes=1,mode=1777")
    assert "no inodes left" in _lines(settings)["inbox"]


def test_a_read_only_outbox_is_said(settings: config.Config, home: Path, mount: Mount) -> None:
    """What the probe could not do, and why."""
    mount(home / "out", "size=1m,ro")
    line = _lines(settings)["outbox"]
    assert line.startswith(f"FIX  outbox {home}/out: ")
    assert "read-only" in line.lower()


def test_a_wrong_model_is_said(settings: config.Config, home: Path) -> None:
    """A file that is not what the manifest says."""
    (home / "models").mkdir()
    (home / "models/u2netp.onnx").write_bytes(b"x" * 4_574_861)
    model = settings.inboxes[0].model.model_copy(update={"directory": home / "models"})
    inbox = settings.inboxes[0].model_copy(update={"model": model})
    line = _lines(settings.model_copy(update={"inboxes": (inbox,)}))["model"]
    assert line.startswith("FIX")
    assert "SHA-256" in line


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"free_mb": 10.0}, "FIX  outbox /o: 10 MB left on /srv; free some space"),
        ({"caseless": True}, "A and a are the same name there"),
        ({"decomposes": True}, "accents in names are changed there"),
        ({"mangles": True}, "accents in names are changed there"),
        ({"error": "is missing", "missing": True},
         "FIX  outbox /o: is missing; mount its share, or make it:"
         " sudo install -d -o me -g us -m 2775 /o"),
        ({"error": "cannot be entered", "forbidden": True},
         "; let me write to it: sudo setfacl -m u:me:rwX,d:u:me:rwX /o,"
         " or without ACLs: sudo chgrp us /o && sudo chmod g+rwxs /o"),
        ({"error": "nas:/p belongs on /srv (/etc/fstab) and is not mounted", "unmounted": True},
         "FIX  outbox /o: nas:/p belongs on /srv (/etc/fstab) and is not mounted"),
    ],
)  # fmt: skip
def test_what_is_seen_of_a_folder_becomes_a_line(found: dict[str, object], says: str) -> None:
    """Ok with what is to be known, or FIX with what is to be done."""
    assert says in str(folders.line(Probe("outbox", "/o", write=True), _found(**found), ME))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_that_is_to_be_made_is_of_whom_its_place_is(tmp_path: Path) -> None:
    """Whose disk it is may delete there, too."""
    mine, theirs = tmp_path / "out", tmp_path / "anna/photos/out"
    theirs.parents[1].mkdir()
    os.chown(theirs.parents[1], pwd.getpwnam("daemon").pw_uid, 0)
    for path, owner in ((mine, "me"), (theirs, "daemon")):
        probe = Probe("outbox", str(path), write=True)
        said = str(folders.line(probe, _found(error="is missing", missing=True), ME))
        assert said.endswith(f"sudo install -d -o {owner} -g us -m 2775 {path}")


def test_the_state_on_a_share_is_refused() -> None:
    """Its locks are not safe there."""
    probe = Probe("state", "/s", write=True, local=True)
    line = str(folders.line(probe, _found(network=True, fstype="nfs4"), ME))
    assert line.startswith("FIX  state /s: is on nfs4, where locks are not safe; set state_dir")


def test_more_folders_than_watches_comes_with_the_command_that_allows_more() -> None:
    """Counted over all inboxes that are watched by events."""
    many = [(Probe("inbox", "/in"), _found(folders=10**9))]
    line = str(folders.watches(many))
    assert line.startswith("FIX  inotify: 1000000000 watches needed, ")
    assert "echo fs.inotify.max_user_watches=4000000000 | sudo tee" in line


def test_a_polled_inbox_needs_no_watch() -> None:
    """However many folders it has."""
    polled = [(Probe("inbox", "/in"), _found(folders=10**9, strategy="poll"))]
    assert str(folders.watches(polled)).startswith("ok   inotify: 0 of ")


def test_the_clock_of_a_share_is_compared() -> None:
    """By the time that it gives to a new file."""
    near, far = Probe("outbox", "/a"), Probe("outbox", "/b")
    agree = [(near, _found(clock_s=0.1)), (far, _found(clock_s=-1.0))]
    assert "agree" in str(folders.clock(agree))
    off = [(near, _found(clock_s=0.1)), (far, _found(clock_s=-90.0))]
    assert "/b is 90 s off" in str(folders.clock(off))


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch, settings: config.Config) -> Path:
    """The unit and a drop-in that fits."""
    shipped, dropin = home / "nobgd.service", home / "50-config.conf"
    shipped.write_text("[Service]\n")
    dropin.write_text(unit.text(settings, unit.machine(settings)))
    monkeypatch.setattr(unit, "UNITS", (str(home),))
    monkeypatch.setattr(unit, "PLACE", str(dropin))
    return dropin


def test_a_drop_in_that_fits_is_ok(settings: config.Config, installed: Path) -> None:
    """Named with its path."""
    assert str(checks._unit(settings)) == f"ok   unit: {installed} fits the configuration"


def test_a_folder_that_the_drop_in_does_not_open_is_named(
    settings: config.Config, installed: Path, home: Path
) -> None:
    """With the two commands that mend it."""
    lines = installed.read_text().splitlines(keepends=True)
    lost = [line for line in lines if line.endswith(f"{home}/out\n") and "Paths" in line]
    assert len(lost) == 1
    installed.write_text("".join(line for line in lines if line not in lost))
    line = str(checks._unit(settings))
    assert line.startswith(f"FIX  unit: {lost[0].strip()} is missing; sudo nobgd unit --apply")
    assert line.endswith("sudo systemctl restart nobgd")


def test_a_service_with_another_configuration_is_not_judged(
    settings: config.Config, installed: Path
) -> None:
    """It is said which one it uses."""
    installed.write_text("[Service]\nEnvironment=NOBGD_CONFIG=/other.yaml\n")
    assert "the installed service uses /other.yaml, not" in str(checks._unit(settings))


def test_no_service_is_no_fault(settings: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to use systemd."""
    monkeypatch.setattr(unit, "UNITS", ("/nonexistent",))
    assert str(checks._unit(settings)).startswith("ok   unit: not installed as a service")


def test_without_an_answer_a_folder_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, settings: config.Config
) -> None:
    """A share that hangs spoils no other line."""
    monkeypatch.setattr(ask, "_WAIT_S", 0.0)
    lines = _lines(settings)
    assert "does not answer within 0 s; is its server up?" in lines["outbox"]
    assert lines["model"].startswith("ok ")


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"ActiveState": "failed", "Result": "exit-code"}, "FIX  daemon: has failed (exit-code);"),
        ({"ActiveState": "inactive", "UnitFileState": "enabled"},
         "FIX  daemon: is stopped, and enabled; sudo systemctl start nobgd"),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, "ok   daemon: is not running"),
    ],
)  # fmt: skip
def test_a_service_that_is_to_run_and_does_not_is_a_fault(
    settings: config.Config, installed: Path, monkeypatch: pytest.MonkeyPatch,
    state: dict[str, str], says: str,
) -> None:  # fmt: skip
    """With the command that starts it."""
    assert installed.is_file()
    monkeypatch.setattr(ask, "of_unit", lambda name: state.get(name, ""))
    assert str(checks._daemon(settings)).startswith(says)


def test_a_folder_that_came_after_the_start_wants_a_restart(
    settings: config.Config, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's view of the disk was made without it."""
    box = {"outbox": f"{home}/out", "outbox_ready": False, "outbox_why": "the folder is missing"}
    monkeypatch.setattr(control, "ask", lambda *_: {"inboxes": [box]})
    assert "restart" not in str(checks._daemon(settings))
    said = str(checks._daemon(settings, {f"{home}/out"}))
    assert said.startswith(f"FIX  daemon: runs, but cannot use {home}/out: the folder is missing;")
    assert said.endswith("sudo systemctl restart nobgd")


def test_who_is_not_the_services_user_is_told_so() -> None:
    """No advice that would open the service's folders to him."""
    probe = Probe("state", "/var/lib/nobgd", write=True)
    found = {"error": "cannot be written", "forbidden": True}
    said = str(folders.line(probe, found, Who("anna", "anna"), guest=True))
    assert said.startswith("ok   state /var/lib/nobgd: is closed to anna, which is no fault")
    assert said.endswith("sudo nobgd doctor looks at it")
    assert "setfacl" in str(folders.line(probe, found, Who("anna", "anna")))

"""nobgd as a service of a real systemd: installed, used, hurt, stopped and removed.

The tests share one machine and run in order; each leaves the service running.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from systemd.machine import UNIT, Machine, await_true

pytestmark = pytest.mark.timeout(300)
DROPIN = "/etc/systemd/system/nobgd.service.d"
CONFIG = "/etc/nobgd/nobgd.yaml"
IN, OUT = "/srv/nobgd/in", "/srv/nobgd/out"


class Nobgd:
    """The installed service."""

    def __init__(self, machine: Machine, photo: Path) -> None:
        self.machine = machine
        self._photo = photo
        self.usual = ""
        self._dropped = 0

    def drop(self, name: str, folder: str = IN, scale: float = 1.0) -> str:
        """A photo that no other equals, moved in whole; where its cut-out will be."""
        self._dropped += 1
        outside = self._photo.with_name(f"{self._dropped}.jpg")
        with Image.open(self._photo) as picture:
            size = (int(picture.width * scale) + self._dropped, int(picture.height * scale))
            picture.resize(size).save(outside, quality=85)
        self.put(outside, f"{folder}/{name}")
        return f"{folder.replace(IN, OUT)}/{name.removesuffix('.jpg')}_nobg.png"

    def put(self, outside: Path, path: str) -> None:
        """A file from here, into a folder of any mount inside, as another user."""
        self.machine.run("mkdir", "-p", "/opt/drop")
        shutil.copy(outside, self.machine.within("/opt/drop/x"))
        self.machine.sh(f"cp /opt/drop/x {path}.part && mv {path}.part {path}")

    def there(self, path: str) -> bool:
        return self.machine.run("test", "-e", path, check=False).returncode == 0

    def await_there(self, path: str, limit_s: float = 60) -> None:
        await_true(lambda: self.there(path), limit_s)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [line for line in self.machine.journal().splitlines() if line.startswith("{")]
        return [event for line in lines if (event := json.loads(line))["event"] == name]

    def configure(self, text: str, *, apply: bool = True) -> None:
        """Another configuration, and the drop-in for it."""
        self.machine.run("sh", "-c", f"cat > {CONFIG}", stdin=text)
        if apply:
            self.machine.run("nobgd", "unit", "--apply")

    def restart(self) -> None:
        self.machine.run("systemctl", "reset-failed", UNIT, check=False)
        self.machine.run("systemctl", "restart", UNIT)

    def back_to_usual(self) -> None:
        self.configure(self.usual)
        self.restart()

    def dropin(self, text: str) -> None:
        self.machine.run("sh", "-c", f"cat > {DROPIN}/90-test.conf", stdin=f"[Service]\n{text}\n")
        self.machine.run("systemctl", "daemon-reload")

    def no_dropin(self) -> None:
        self.machine.run("rm", "-f", f"{DROPIN}/90-test.conf")
        self.machine.run("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def before(machine: Machine) -> set[str]:
    """Every file on the machine's own layer before nobgd came."""
    return _files(machine)


def _files(machine: Machine) -> set[str]:
    layer = machine.base / "up"
    return {
        os.path.relpath(os.path.join(folder, name), layer)
        for folder, _, names in os.walk(layer)
        for name in names
    }


@pytest.fixture(scope="module")
def nobgd(machine: Machine, before: set[str], photo: Path) -> Nobgd:
    """Installed by install.sh from the bundle; the network of the machine is empty."""
    assert not any("nobgd" in name for name in before)
    made = machine.run("/mnt/bundle/install.sh", "--model", "u2netp", limit_s=250)
    assert "nobgd runs" in made.stdout
    service = Nobgd(machine, photo)
    service.usual = machine.run("cat", CONFIG).stdout
    machine.run("sh", "-c", f"printf '[Service]\\nRestartSec=200ms\\n' > {DROPIN}/80-quick.conf")
    machine.run("systemctl", "daemon-reload")
    return service


def test_after_install_a_photo_becomes_a_cut_out(nobgd: Nobgd) -> None:
    """Offline, with the model that comes along, from nothing."""
    assert nobgd.machine.show("ActiveState") == "active"
    nobgd.await_there(nobgd.drop("first.jpg"))
    done = nobgd.events("photo.done")
    assert [Path(event["source"]).name for event in done] == ["first.jpg"]


def test_it_is_ready_only_when_a_lane_has_loaded_the_model(nobgd: Nobgd) -> None:
    """A lane says that it is open and confined before systemd says Started."""
    lines = nobgd.machine.journal().splitlines()
    opened = next(n for n, line in enumerate(lines) if '"lane.confined"' in line)
    started = next(n for n, line in enumerate(lines) if line.startswith("Started"))
    assert opened < started


def test_the_status_line_is_for_people(nobgd: Nobgd) -> None:
    """What waits, what is worked on, how fast, and how each inbox is watched."""
    await_true(lambda: "waiting" in nobgd.machine.show("StatusText"))
    line = nobgd.machine.show("StatusText")
    assert "0 waiting" in line
    assert f"{IN}: inotify" in line


def test_doctor_finds_all_well(nobgd: Nobgd) -> None:
    """Every check is one line that begins with ok."""
    said = nobgd.machine.run("nobgd", "doctor").stdout.splitlines()
    assert len(said) > 8
    assert all(line.startswith("ok ") for line in said), said


def test_who_is_in_the_group_may_ask_and_others_may_not(nobgd: Nobgd) -> None:
    """The socket lies in a folder that only the group may enter."""
    as_daemon = nobgd.machine.run("runuser", "-u", "nobgd", "--", "nobgd", "status", "--json")
    assert json.loads(as_daemon.stdout)["running"] is True
    as_other = nobgd.machine.run("runuser", "-u", "daemon", "--", "nobgd", "status", check=False)
    assert as_other.returncode == 3
    assert "ask as the daemon's user or group" in as_other.stderr


def test_installing_again_changes_nothing(nobgd: Nobgd) -> None:
    """No file of ours is written anew, the configuration is kept, the service runs on."""
    nobgd.configure(nobgd.usual + "# mine\n", apply=False)
    said = nobgd.machine.run("/mnt/bundle/install.sh", limit_s=250).stdout
    assert "keep /etc/nobgd/nobgd.yaml" in said
    written = [line.split()[1] for line in said.splitlines() if line.startswith("write ")]
    assert not written
    assert "as it was already" in said
    assert "# mine" in nobgd.machine.run("cat", CONFIG).stdout
    assert nobgd.machine.show("ActiveState") == "active"
    nobgd.configure(nobgd.usual)


def test_a_dry_run_changes_nothing(nobgd: Nobgd) -> None:
    """It says what it would do, as any user."""
    files = _files(nobgd.machine)
    for script in ("install.sh", "uninstall.sh"):
        said = nobgd.machine.run(
            "runuser", "-u", "daemon", "--", f"/mnt/bundle/{script}", "--dry-run"
        ).stdout
        assert "would run: systemctl" in said
    changed = {name for name in files ^ _files(nobgd.machine) if not name.startswith("var/log")}
    assert not changed


def test_reload_applies_a_new_configuration(nobgd: Nobgd) -> None:
    """Without a restart: the main process stays, the change is named in the log."""
    pid = nobgd.machine.main_pid()
    nobgd.configure(nobgd.usual + "watch: {settle_s: 1.0}\n")
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: nobgd.events("service.reloaded"))
    assert "watch" in nobgd.events("service.reloaded")[-1]["changed"]
    nobgd.await_there(nobgd.drop("reloaded.jpg"))
    assert nobgd.machine.main_pid() == pid


def test_a_wrong_configuration_is_refused_at_reload(nobgd: Nobgd) -> None:
    """The old one goes on; STATUS and the log say what is wrong, until it is mended."""
    nobgd.configure("inboxes: 5\nwrokers: {}\n", apply=False)
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: "reload refused" in nobgd.machine.show("StatusText"))
    assert f"{CONFIG}:1:" in nobgd.events("service.reload_refused")[-1]["reason"]
    nobgd.await_there(nobgd.drop("refused.jpg"))
    nobgd.configure(nobgd.usual)
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: "refused" not in nobgd.machine.show("StatusText"))
    assert nobgd.machine.show("ActiveState") == "active"


def test_a_second_daemon_is_refused(nobgd: Nobgd) -> None:
    """One sentence, exit 3."""
    second = nobgd.machine.run("runuser", "-u", "nobgd", "--", "nobgd", "run", check=False)
    assert second.returncode == 3
    assert second.stderr.startswith("another nobgd")
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_killed_supervisor_comes_back(nobgd: Nobgd) -> None:
    """With its lanes gone, and the photo that was being worked on done."""
    pid, output = nobgd.machine.main_pid(), nobgd.drop("orphan.jpg", scale=8)
    nobgd.machine.run("kill", "-9", pid)
    await_true(lambda: nobgd.machine.main_pid() not in (pid, "0"))
    nobgd.await_there(output)
    assert int(nobgd.machine.show("NRestarts")) >= 1
    await_true(lambda: len(nobgd.machine.lanes()) == os.cpu_count())


def test_a_killed_lane_costs_one_attempt(nobgd: Nobgd) -> None:
    """The service stays, the photo is done by another lane."""
    pid, failed = nobgd.machine.main_pid(), len(nobgd.events("photo.failed"))
    output = nobgd.drop("lane.jpg", scale=12)
    await_true(lambda: " 1 working" in nobgd.machine.run("nobgd", "status").stdout)
    for lane in nobgd.machine.lanes():
        nobgd.machine.run("kill", "-9", lane, check=False)
    nobgd.await_there(output)
    assert nobgd.machine.main_pid() == pid
    assert len(nobgd.events("photo.failed")) == failed + 1
    assert nobgd.events("photo.done")[-1]["attempt"] == 2


def test_a_lane_killed_for_memory_does_not_end_the_service(nobgd: Nobgd) -> None:
    """A photo that needs more than the unit may have is quarantined; the next one is done."""
    nobgd.configure(nobgd.usual + "workers: {count: 1, attempts: 2}\n", apply=False)
    nobgd.dropin("MemoryHigh=infinity\nMemoryMax=450M\nMemorySwapMax=0")
    nobgd.restart()
    pid = nobgd.machine.main_pid()
    output = nobgd.drop("huge.jpg", scale=14)
    await_true(lambda: nobgd.events("photo.quarantined"))
    nobgd.await_there(nobgd.drop("small.jpg"))
    assert not nobgd.there(output)
    assert nobgd.machine.main_pid() == pid
    assert "SIGKILL" in nobgd.events("photo.quarantined")[-1]["reason"]
    nobgd.no_dropin()
    nobgd.back_to_usual()
    nobgd.machine.run("nobgd", "retry", "--all")
    nobgd.await_there(output)


def test_a_loop_that_hangs_is_ended_by_the_watchdog(nobgd: Nobgd) -> None:
    """And started again."""
    nobgd.dropin("WatchdogSec=3\nTimeoutAbortSec=1")
    nobgd.restart()
    pid = nobgd.machine.main_pid()
    nobgd.machine.run("kill", "-STOP", pid)
    await_true(lambda: nobgd.machine.main_pid() not in (pid, "0"))
    assert "Watchdog timeout" in nobgd.machine.journal()
    nobgd.await_there(nobgd.drop("after.jpg"))
    nobgd.no_dropin()
    nobgd.restart()


def test_stopping_loses_nothing(nobgd: Nobgd) -> None:
    """Photos in lanes are finished, the others wait for the next start; the exit is clean."""
    outputs = [nobgd.drop(f"many{n}.jpg", scale=4) for n in range(8)]
    await_true(lambda: nobgd.there(outputs[0]))
    nobgd.machine.run("systemctl", "stop", UNIT)
    assert nobgd.machine.show("Result") == "success"
    assert nobgd.machine.show("ExecMainStatus") == "0"
    assert not nobgd.machine.lanes()
    nobgd.machine.run("systemctl", "start", UNIT)
    for output in outputs:
        nobgd.await_there(output)
    attempts = [e["attempt"] for e in nobgd.events("photo.done") if "many" in e["source"]]
    assert attempts == [1] * 8


def test_a_wrong_configuration_at_start_is_no_restart_loop(nobgd: Nobgd) -> None:
    """Exit 2, every error in the journal, one try."""
    nobgd.configure("inboxes: []\nwrokers: {}\n", apply=False)
    nobgd.machine.run("systemctl", "restart", UNIT, check=False)
    assert nobgd.machine.show("ActiveState") == "failed"
    assert nobgd.machine.show("ExecMainStatus") == "2"
    assert nobgd.machine.show("NRestarts") == "0"
    journal = nobgd.machine.journal()
    assert f"{CONFIG}:1:10: inboxes: must not be empty" in journal
    assert f"{CONFIG}:2:1: unknown key wrokers; did you mean workers?" in journal
    nobgd.back_to_usual()


def test_a_missing_model_is_one_sentence(nobgd: Nobgd) -> None:
    """Not ready, exit 3, how to get it in the journal."""
    nobgd.configure(nobgd.usual.replace("u2netp", "u2net"), apply=False)
    started = nobgd.machine.run("systemctl", "restart", UNIT, check=False)
    assert started.returncode != 0
    assert nobgd.machine.show("ExecMainStatus") == "3"
    assert "nobgd models fetch u2net" in nobgd.machine.journal()
    nobgd.machine.run("systemctl", "stop", UNIT)
    nobgd.back_to_usual()


def test_an_unmounted_share_is_waited_for(nobgd: Nobgd) -> None:
    """Nothing is written to the bare mount point; with the share the work comes back."""
    share = "mkdir -p /opt/disk/in /opt/disk/out /mnt/share && chown nobgd /opt/disk/*"
    nobgd.machine.sh(f"{share} && mount --bind /opt/disk /mnt/share")
    more = "  - {path: /mnt/share/in, outbox: /mnt/share/out}\n"
    nobgd.configure(nobgd.usual + more)
    nobgd.restart()
    assert "/mnt/share/in" in nobgd.machine.run("systemctl", "cat", UNIT).stdout
    nobgd.drop("a.jpg", "/mnt/share/in")
    nobgd.await_there("/mnt/share/out/a_nobg.png")
    nobgd.machine.run("umount", "/mnt/share")
    nobgd.await_there(nobgd.drop("meanwhile.jpg"))
    assert nobgd.machine.sh("ls -A /mnt/share") == ""
    nobgd.machine.sh("mount --bind /opt/disk /mnt/share")
    nobgd.drop("b.jpg", "/mnt/share/in")
    nobgd.await_there("/mnt/share/out/b_nobg.png", 90)
    nobgd.back_to_usual()
    nobgd.machine.sh("umount /mnt/share && rm -r /opt/disk && rmdir /mnt/share && ls -A /mnt")


def test_a_drop_in_that_does_not_fit_is_named(nobgd: Nobgd) -> None:
    """Doctor says what is missing and what to do; the log names the folder."""
    nobgd.machine.sh("install -d -o nobgd -g nobgd /srv/other")
    nobgd.configure(nobgd.usual.replace(OUT, "/srv/other"), apply=False)
    nobgd.restart()
    nobgd.drop("late.jpg")
    doctor = nobgd.machine.run("nobgd", "doctor", check=False)
    assert doctor.returncode == 1
    line = next(line for line in doctor.stdout.splitlines() if line.startswith("FIX"))
    assert "/srv/other" in line
    assert "sudo nobgd unit --apply" in line
    await_true(lambda: nobgd.events("outbox.lost"))
    assert "/srv/other" in nobgd.events("outbox.lost")[-1]["why"]
    nobgd.machine.run("nobgd", "unit", "--apply")
    nobgd.restart()
    nobgd.await_there("/srv/other/late_nobg.png")
    nobgd.back_to_usual()
    nobgd.machine.run("rm", "-r", "/srv/other")


def test_the_unit_allows_no_more_than_it_must(nobgd: Nobgd) -> None:
    """Seen from inside: no network, nothing written elsewhere, no writable code, no power."""
    probe = (Path(__file__).parent / "probe.py").read_text()
    nobgd.machine.run("sh", "-c", "cat > /opt/nobgd/probe.py", stdin=probe)
    no, yes = f"/,/usr,/etc,/opt/nobgd,/srv,/boot,/var/lib,/dev,{IN}", f"{OUT},/var/lib/nobgd,/tmp"
    run = f"/opt/nobgd/venv/bin/python /opt/nobgd/probe.py {no} {yes}"
    nobgd.dropin(f"Type=oneshot\nWatchdogSec=0\nRestart=no\nExecStart=\nExecStart={run}")
    nobgd.restart()
    lines = [line for line in nobgd.machine.journal().splitlines() if '"socket inet"' in line]
    tried = json.loads(lines[-1])
    interfaces = [line.split(":")[0].strip() for line in tried.pop("network").splitlines()[2:]]
    assert interfaces == ["lo"]
    assert tried.pop("homes") == "[False, False]"
    assert tried.pop("core") == "(0, 0)"
    allowed = {name for name, how in tried.items() if how.startswith("allowed")}
    assert allowed == {f"own {folder}" for folder in yes.split(",")}, tried
    nobgd.machine.run("rm", "/opt/nobgd/probe.py")
    nobgd.no_dropin()
    nobgd.restart()


def test_outputs_are_whole(nobgd: Nobgd, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all that."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for name in nobgd.machine.sh(f"ls {OUT}").split():
        with Image.open(nobgd.machine.within(f"{OUT}/{name}")) as picture:
            assert isinstance(picture, PngImagePlugin.PngImageFile)
            picture.load()
            assert "nobgd" in picture.text
    assert not nobgd.machine.sh(f"find {OUT} -name '.*' -type f")


def test_uninstall_leaves_state_and_configuration(nobgd: Nobgd, before: set[str]) -> None:
    """And photos; nothing else."""
    nobgd.machine.run("rm", "-rf", "/opt/drop", f"{DROPIN}/80-quick.conf")
    said = nobgd.machine.run("/mnt/bundle/uninstall.sh").stdout
    assert "keep /etc/nobgd, /var/lib/nobgd" in said
    left = _files(nobgd.machine) - before
    kept = ("etc/nobgd/nobgd.yaml", "var/lib/nobgd/", "srv/nobgd/")
    base = ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow", "etc/.pwd", "etc/.updated")
    others = ("var/log/", "var/lib/systemd/", "var/lib/private", "run/", "root/", "var/tmp/",
              "var/cache/ldconfig", "var/lib/postgresql", "var/lib/AccountsService")  # fmt: skip
    assert not [name for name in left if not name.startswith((*kept, *base, *others))]
    assert not [name for name in left if "nobgd" in name and not name.startswith(kept)]
    assert nobgd.machine.run("systemctl", "cat", UNIT, check=False).returncode != 0


def test_purge_leaves_only_photos(nobgd: Nobgd) -> None:
    """No user, no state, no configuration; and it can be run twice."""
    for _ in range(2):
        nobgd.machine.run("/mnt/bundle/uninstall.sh", "--purge")
    assert nobgd.machine.run("id", "nobgd", check=False).returncode != 0
    found = nobgd.machine.sh("ls -d /etc/nobgd /var/lib/nobgd /opt/nobgd 2>/dev/null || true")
    assert found == ""
    assert nobgd.there(f"{IN}/first.jpg")
    assert nobgd.there(f"{OUT}/first_nobg.png")

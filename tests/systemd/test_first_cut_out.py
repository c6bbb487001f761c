"""From nothing to the first cut-out, as the README says it; and installed again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from systemd.conftest import commands, section
from systemd.installed import IN, OUT, Nobgd, files
from systemd.machine import Machine

pytestmark = pytest.mark.timeout(600)


def test_the_readme_leads_to_a_cut_out_in_five_commands(new: Nobgd, said: list[str]) -> None:
    """On a machine that never had nobgd, by a user who only has sudo and a photo."""
    assert len(commands()) == len(said) <= 5
    assert "nobgd runs" in "".join(said)
    assert "holiday_nobg.png" in said[-1]
    with Image.open(new.machine.within(f"{OUT}/holiday_nobg.png")) as picture:
        assert picture.mode == "RGBA"
    done = new.events("photo.done")
    assert [Path(event["source"]).name for event in done] == ["holiday.jpg"]
    assert done[0]["model"] == "u2net"


def _plain(text: str) -> list[str]:
    """Without what differs between machines: figures, the CPU, file systems, the clock."""
    text = re.sub(r"(?m)^ok   cpu: .*$", "ok   cpu: #", text)
    text = re.sub(r"\b(ext4|xfs|btrfs|zfs|overlay|tmpfs)\b(?: \([^)]*\))?", "FS", text)
    text = re.sub(r"[+-]\d\d:\d\d\b", "", text)
    text = re.sub(r"\d[\d.:,]*", "#", text)
    return [line.rstrip() for line in text.strip().splitlines()]


_BLOCKS = re.findall(r"```console\n(.*?)```", section(), re.DOTALL)


def test_the_readme_shows_what_status_why_and_doctor_say() -> None:
    """Each of the three has a block of its own."""
    shown = [block.splitlines()[0] for block in _BLOCKS]
    assert [line.split()[3] for line in shown] == ["status", "why", "doctor"]


@pytest.mark.parametrize("block", _BLOCKS, ids=lambda block: block.splitlines()[0])
def test_what_the_readme_shows_is_what_they_say(new: Nobgd, block: str) -> None:
    """Line by line, figures aside."""
    first, _, shown = block.partition("\n")
    said = new.machine.run("su", "-", "anna", "-c", first.removeprefix("$ ")).stdout
    assert _plain(said) == _plain(shown), said


def test_all_is_well(new: Nobgd) -> None:
    """Every check of doctor is one line that begins with ok; systemd-analyze agrees."""
    said = new.machine.run("nobgd", "doctor").stdout.splitlines()
    assert len(said) > 8
    assert all(line.startswith("ok ") for line in said), said
    verify = ("systemd-analyze", "verify", "--recursive-errors=no", "nobgd.service")
    verified = new.machine.run(*verify)
    assert "nobgd" not in verified.stdout + verified.stderr
    new.machine.run("systemd-analyze", "security", "--threshold=6", "nobgd.service")


def test_it_is_ready_only_when_a_lane_has_loaded_the_model(new: Nobgd) -> None:
    """A lane says that it is open and confined before systemd says Started."""
    lines = new.machine.journal().splitlines()
    opened = next(n for n, line in enumerate(lines) if '"lane.confined"' in line)
    started = next(n for n, line in enumerate(lines) if line.startswith("Started"))
    assert opened < started


def test_the_status_line_is_for_people(new: Nobgd) -> None:
    """What waits, what is worked on, how fast, and how each inbox is watched."""
    line = new.machine.show("StatusText")
    assert "0 waiting" in line
    assert f"{IN}: inotify" in line


def test_who_is_in_the_group_may_ask_and_others_may_not(new: Nobgd) -> None:
    """The socket lies in a folder that only the group may enter."""
    as_daemon = new.machine.run("runuser", "-u", "nobgd", "--", "nobgd", "status", "--json")
    assert json.loads(as_daemon.stdout)["running"] is True
    as_other = new.machine.run("runuser", "-u", "daemon", "--", "nobgd", "status", check=False)
    assert as_other.returncode == 3
    assert "ask as the daemon's user or group" in as_other.stderr


def test_a_dry_run_changes_nothing(machine: Machine, new: Nobgd) -> None:
    """It says what it would do, as any user."""
    assert new
    there = files(machine)
    for script in ("install.sh", "uninstall.sh"):
        said = machine.run("runuser", "-u", "daemon", "--", f"/mnt/bundle/{script}", "--dry-run")
        assert "would run: systemctl" in said.stdout
    changed = {name for name in there ^ files(machine) if not name.startswith("var/log")}
    assert not changed


def test_a_bundle_mends_a_broken_installation(nobgd: Nobgd) -> None:
    """Without pip's part of the network: the program is put back, nothing else is touched."""
    nobgd.configure(nobgd.usual + "# mine\n", apply=False)
    nobgd.machine.sh("rm -r /opt/nobgd/venv/lib/python3*/site-packages/nobgd")
    said = nobgd.machine.run("/mnt/bundle/install.sh", limit_s=250).stdout
    assert "keep /etc/nobgd/nobgd.yaml" in said
    assert not [line for line in said.splitlines() if line.startswith("write ")]
    assert "as it was already" in said
    assert "# mine" in nobgd.machine.run("cat", "/etc/nobgd/nobgd.yaml").stdout
    assert nobgd.machine.show("ActiveState") == "active"
    nobgd.configure(nobgd.usual)
    nobgd.await_there(nobgd.drop("mended.jpg"))


def test_a_run_that_is_cut_short_changes_nothing_and_the_next_one_finishes(nobgd: Nobgd) -> None:
    """The service goes on with what it had; what was begun is removed; the one before is kept."""
    machine = nobgd.machine
    before = machine.sh("readlink -f /opt/nobgd/venv").strip()
    pid = machine.show("MainPID")
    machine.sh(
        "setsid /mnt/bundle/install.sh >/dev/null 2>&1 & began=$!;"
        f" for n in $(seq 600); do for one in /opt/nobgd/venv-*; do [ $one = {before} ] ||"
        " [ -e $one/.whole ] || [ ! -e $one/bin/pip ] || break 2; done; sleep 0.1; done;"
        " kill -KILL -$began",
        limit_s=120,
    )
    assert machine.sh("readlink -f /opt/nobgd/venv").strip() == before
    assert (machine.show("MainPID"), machine.show("ActiveState")) == (pid, "active")
    half = machine.sh("for one in /opt/nobgd/venv-*; do [ -e $one/.whole ] || echo $one; done")
    assert len(half.split()) == 1
    machine.sh("mv /etc/nobgd/nobgd.yaml /var/tmp/kept.yaml; mv /srv/nobgd/out /var/tmp/out")
    machine.run("/mnt/bundle/install.sh", limit_s=250)
    now = machine.sh("readlink -f /opt/nobgd/venv").strip()
    assert now != before
    assert machine.sh("cat /opt/nobgd/previous").strip() == before
    assert sorted(machine.sh("ls -d /opt/nobgd/venv-*").split()) == sorted([before, now])
    assert now in machine.sh(f"tr '\\0' ' ' < /proc/{machine.show('MainPID')}/cmdline")
    assert machine.sh("stat -c %U:%G:%a /srv/nobgd/out").strip() == "nobgd:nobgd:2775"
    assert machine.show("ActiveState") == "active"
    machine.sh("mv /var/tmp/kept.yaml /etc/nobgd/nobgd.yaml; mv /var/tmp/out/* /srv/nobgd/out/")
    nobgd.restart()

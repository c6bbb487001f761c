"""Shares that are away, that hang, or that the unit was not opened for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from systemd.installed import OUT, QUICK, Nobgd
from systemd.machine import UNIT, await_true

pytestmark = pytest.mark.timeout(300)


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


@contextmanager
def _hung(nobgd: Nobgd, folder: str) -> Iterator[None]:
    """Mount a share there that never answers."""
    script = (Path(__file__).parent / "hung.py").read_text()
    nobgd.machine.run("sh", "-c", "cat > /opt/drop/hung.py", stdin=script)
    holder = subprocess.Popen(
        ["nsenter", "-t", str(nobgd.machine.leader), "-a", "/usr/bin/python3",
         "/opt/drop/hung.py", folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        if "mounted" not in holder.stdout.readline():
            pytest.skip(f"no FUSE here: {holder.communicate()[1].strip().splitlines()[-1:]}")
        yield
    finally:
        nobgd.machine.run("pkill", "-f", "/opt/drop/hung.py", check=False)  # aborts its requests
        holder.communicate(timeout=60)
        nobgd.machine.run("umount", "-l", folder, check=False)


def test_a_share_that_hangs_is_no_reason_for_the_watchdog(nobgd: Nobgd) -> None:
    """Photos of the other inbox are done meanwhile, and the share's when it is back."""
    nobgd.machine.sh("install -d -o nobgd -g nobgd /srv/share/in /srv/share/out")
    nobgd.configure(
        nobgd.usual.replace(QUICK, "watch: {settle_s: 0.5, rescan_s: 1}\n")
        + "  - {path: /srv/share/in, outbox: /srv/share/out}\n"
    )
    nobgd.dropin("WatchdogSec=3")
    nobgd.restart()
    pid, restarts = nobgd.machine.main_pid(), nobgd.machine.show("NRestarts")
    began = nobgd.machine.show("WatchdogTimestampMonotonic")
    nobgd.await_there(nobgd.drop("before.jpg"))
    with _hung(nobgd, "/srv/share/in"):
        await_true(
            lambda: int(nobgd.machine.show("WatchdogTimestampMonotonic")) > int(began) + 6_500_000
        )
        nobgd.await_there(nobgd.drop("besides.jpg"))
        assert nobgd.machine.main_pid() == pid
        assert nobgd.machine.show("NRestarts") == restarts
        assert nobgd.machine.run("nobgd", "status").returncode == 0
    nobgd.drop("hung.jpg", "/srv/share/in")
    nobgd.await_there("/srv/share/out/hung_nobg.png", 60)
    nobgd.no_dropin()
    nobgd.back_to_usual()
    nobgd.machine.run("rm", "-r", "/srv/share")

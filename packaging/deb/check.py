#!/usr/bin/env python3
"""The package in dist/ on a machine of its own: installed, used, upgraded, removed and purged.

Needs root and systemd-nspawn; the machine is an overlay of this one, and nothing of it stays.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from systemd.machine import Machine, await_true, missing  # noqa: E402

HERE = "/var/tmp"  # of the machine that is tried
DEB = f"{HERE}/nobgd.deb"
PHOTO, CUT_OUT = "/srv/nobgd/in/moose.jpg", "/srv/nobgd/out/moose_nobg.png"


def main() -> int:
    """Say each step; the first that is not so ends it."""
    debs = sorted((ROOT / "dist").glob("nobgd_*.deb"))
    if why := missing() or ("" if debs else "there is no package in dist/: make deb"):
        print(why, file=sys.stderr)
        return 3
    machine = Machine()
    machine.boot()
    try:
        shutil.copy(debs[-1], machine.within(DEB))
        shutil.copy(ROOT / "models/calibration/moose.jpg", machine.within(f"{HERE}/moose.jpg"))
        check(machine)
    finally:
        machine.power_off()
    return 0


def check(machine: Machine) -> None:
    """All of it."""
    machine.sh("rm -f /usr/sbin/policy-rc.d")  # of a container: it keeps packages from starting
    began = time.monotonic()
    done = machine.run("dpkg", "-i", DEB, limit_s=300)
    assert machine.show("ActiveState") == "active", done.stdout + done.stderr + machine.journal()
    machine.sh(f"cp {HERE}/moose.jpg {PHOTO}.part && mv {PHOTO}.part {PHOTO}")
    await_true(lambda: machine.run("test", "-e", CUT_OUT, check=False).returncode == 0, 120)
    print(f"a cut-out {time.monotonic() - began:.0f} s after dpkg -i began")
    said = machine.run("nobgd", "doctor", check=False).stdout
    assert "FIX" not in said, said

    machine.sh("echo 'web: {}' >> /etc/nobgd/nobgd.yaml")
    machine.run("dpkg", "-i", DEB, limit_s=300)
    assert machine.sh("tail -n 1 /etc/nobgd/nobgd.yaml").strip() == "web: {}"
    state = ["systemctl", "show", "nobgd-web.socket", "-p", "ActiveState", "--value"]
    assert machine.run(*state).stdout.strip() == "active"
    said = machine.run("nobgd", "doctor", check=False).stdout
    assert "ok   page" in said, said
    print("installed again: the configuration stayed, the page listens")

    machine.run("dpkg", "-r", "nobgd", limit_s=300)
    assert machine.run("systemctl", "is-active", "nobgd", check=False).stdout.strip() != "active"
    left = machine.sh("ls -d /opt/nobgd /usr/bin/nobgd /etc/nobgd/nobgd.yaml 2>/dev/null || true")
    assert left.split() == ["/etc/nobgd/nobgd.yaml"], left
    machine.run("dpkg", "-P", "nobgd", limit_s=300)
    left = machine.sh("ls -d /etc/nobgd /var/lib/nobgd /var/cache/nobgd 2>/dev/null || true")
    assert left == "", left
    assert machine.sh(f"ls {PHOTO} {CUT_OUT}").split() == [PHOTO, CUT_OUT]
    print("removed and purged: photos and cut-outs stay")


if __name__ == "__main__":
    sys.exit(main())

"""Afterwards: cut-outs are whole, and nothing is left but what belongs to the user."""

from __future__ import annotations

import pytest
from PIL import Image, PngImagePlugin

from systemd.installed import DROPIN, IN, OUT, Nobgd, files
from systemd.machine import UNIT

pytestmark = pytest.mark.timeout(300)


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
    assert "keep /etc/nobgd, /var/lib/nobgd, log files and the services' users" in said
    left = files(nobgd.machine) - before
    kept = ("etc/nobgd/nobgd.yaml", "var/lib/nobgd/", "var/log/nobgd/", "srv/nobgd/")
    base = ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow", "etc/.pwd", "etc/.updated")
    others = ("var/log/", "var/lib/systemd/", "var/lib/private", "run/", "root/", "var/tmp/",
              "var/cache/ldconfig", "var/lib/postgresql", "var/lib/AccountsService")  # fmt: skip
    assert not [name for name in left if not name.startswith((*kept, *base, *others))]
    assert not [name for name in left if "nobgd" in name and not name.startswith(kept)]
    for unit in (UNIT, "nobgd-web.socket", "nobgd-web.service", "nobgd-broker.service"):
        assert nobgd.machine.run("systemctl", "cat", unit, check=False).returncode != 0


def test_purge_leaves_only_photos(nobgd: Nobgd) -> None:
    """No user, no state, no configuration; and it can be run twice."""
    for _ in range(2):
        nobgd.machine.run("/mnt/bundle/uninstall.sh", "--purge")
    for user in ("nobgd", "nobgd-web", "nobgd-broker", "nobgd-worker"):
        assert nobgd.machine.run("id", user, check=False).returncode != 0
    found = nobgd.machine.sh("ls -d /etc/nobgd /var/lib/nobgd /opt/nobgd 2>/dev/null || true")
    assert found == ""
    assert nobgd.there(f"{IN}/holiday.jpg")
    assert nobgd.there(f"{OUT}/holiday_nobg.png")

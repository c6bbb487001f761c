"""docs/sharing.md by a real smbd: who drops a photo gets its cut-out, and may remove both."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from systemd.installed import IN, OUT, Nobgd
from systemd.machine import await_true

_DOCS = (Path(__file__).parents[2] / "docs/sharing.md").read_text()
_SHARE, _GUESTS = re.findall(r"```ini\n(.*?)```", _DOCS, re.DOTALL)
_BASE = "/usr/share/samba/smb.conf"  # what Debian ships
_HOME = "/var/tmp/smb"  # what smbd writes: nothing of it stays on the machine
_CONF, _GOT = f"{_HOME}/smb.conf", f"{_HOME}/got.png"
_FOLDERS = ("private dir", "state directory", "cache directory", "lock directory", "pid directory",
            "ncalrpc dir")  # fmt: skip
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        any(shutil.which(each) is None for each in ("/usr/sbin/smbd", "smbclient", "smbpasswd"))
        or not Path(_BASE).exists(),
        reason="Samba is not installed",
    ),
]


@pytest.fixture(params=["anna", "guests"])
def who(nobgd: Nobgd, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """How smbclient says who it is, with smbd as docs/sharing.md has it."""
    machine = nobgd.machine
    share = _SHARE
    if request.param == "guests":
        share = re.sub(r" *valid users.*\n", _GUESTS, _SHARE)
    folders = {each: f"{_HOME}/{each.partition(' ')[0]}" for each in _FOLDERS}
    machine.run("mkdir", "-p", *folders.values())
    ours = "[global]\n" + "".join(f"   {each} = {path}\n" for each, path in folders.items())
    machine.run("tee", _CONF, stdin=Path(_BASE).read_text() + ours + share)
    machine.sh("getent passwd anna >/dev/null || useradd --create-home anna")
    machine.run("smbpasswd", "-c", _CONF, "-s", "-a", "anna", stdin="secret\nsecret\n")
    serve = f"/usr/sbin/smbd --daemon --configfile {_CONF} --log-basename {_HOME}"
    machine.sh(f"{serve} </dev/null >/dev/null 2>&1")
    yield ["-U", "anna%secret"] if request.param == "anna" else ["-N"]
    machine.run("pkill", "-x", "smbd", check=False)
    await_true(lambda: machine.run("pgrep", "-x", "smbd", check=False).returncode)
    machine.run("rm", "-r", _HOME)


def test_who_drops_a_photo_gets_its_cut_out_and_may_remove_both(
    nobgd: Nobgd, who: list[str]
) -> None:
    """As the table says for everybody on the network."""
    machine = nobgd.machine

    def smb(*commands: str) -> bool:
        words = ["smbclient", "//127.0.0.1/photos", *who, "-c", ";".join(commands)]
        return machine.run(*words, check=False).returncode == 0

    await_true(lambda: smb("ls"))
    machine.run("mkdir", "-p", "/opt/drop")
    shutil.copy(nobgd.photo, machine.within("/opt/drop/smb.jpg"))
    assert smb("cd in", "put /opt/drop/smb.jpg smb.jpg")
    assert machine.sh(f"stat -c %G:%a {IN}/smb.jpg").strip() == "nobgd:664"
    nobgd.await_there(f"{OUT}/smb_nobg.png")
    assert smb("cd out", f"get smb_nobg.png {_GOT}")
    with Image.open(machine.within(_GOT)) as picture:
        assert picture.mode == "RGBA"
    assert smb("cd out", "del smb_nobg.png")
    assert smb("cd in", "del smb.jpg")
    assert not nobgd.there(f"{OUT}/smb_nobg.png")
    assert not nobgd.there(f"{IN}/smb.jpg")

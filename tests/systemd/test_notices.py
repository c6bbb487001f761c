"""The unit that tells: it reads the journal, has a network, and sees nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from systemd.installed import IN, Nobgd
from systemd.machine import await_true

pytestmark = pytest.mark.timeout(300)
_UNIT, _HEARD, _PORT = "nobgd-notify.service", "/var/tmp/heard", 8471
_LISTEN = f"""
import http.server
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open({_HEARD!r}, "ab").write(body)
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", {_PORT}), Hook).serve_forever()
"""


@pytest.fixture
def hook(nobgd: Nobgd) -> Iterator[str]:
    """Where a webhook keeps what it is sent."""
    nobgd.machine.run("tee", "/var/tmp/hook.py", stdin=_LISTEN)
    nobgd.machine.sh("python3 /var/tmp/hook.py </dev/null >/dev/null 2>&1 &")
    yield _HEARD
    nobgd.machine.sh(f"pkill -f [h]ook.py; systemctl disable --now {_UNIT}")
    nobgd.machine.run("rm", "-f", _HEARD, "/var/tmp/hook.py", "/etc/nobgd/notify.env")


def test_a_photo_that_is_set_aside_reaches_a_webhook(nobgd: Nobgd, hook: str) -> None:
    """By the words of docs/notices.md; without them the unit does not run."""
    machine = nobgd.machine
    machine.run("systemctl", "start", _UNIT)
    assert machine.run("systemctl", "is-active", _UNIT, check=False).stdout.strip() == "inactive"
    words = f"NOBGD_NOTIFY=--every 2 --webhook http://127.0.0.1:{_PORT}/secret"
    machine.run("tee", "/etc/nobgd/notify.env", stdin=words + "\n")
    machine.sh(f"chmod 600 /etc/nobgd/notify.env && systemctl enable --now {_UNIT}")
    await_true(lambda: machine.run("pgrep", "-x", "journalctl", check=False).returncode == 0)
    aside = len(nobgd.events("photo.quarantined"))
    machine.sh(f"echo 'no picture' > {IN}/aside.jpg")
    await_true(lambda: len(nobgd.events("photo.quarantined")) > aside)
    await_true(lambda: machine.run("test", "-s", hook, check=False).returncode == 0, 90)
    said = machine.run("cat", hook).stdout
    assert "photo.quarantined" in said
    assert "aside.jpg" in said
    exposure = machine.run("systemd-analyze", "security", _UNIT, check=False).stdout
    assert "OK" in exposure.splitlines()[-1], exposure
    machine.run("rm", "-f", f"{IN}/aside.jpg")

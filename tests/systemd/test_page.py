"""The page of the installed service: a socket that starts it, a user of its own, and a fence."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from systemd.installed import Nobgd
from systemd.machine import await_true

pytestmark = pytest.mark.timeout(300)

SOCKET, SERVICE = "nobgd-web.socket", "nobgd-web.service"
_ASKER = """
import sys, urllib.error, urllib.request
method, path, key, type, body = sys.argv[1:]
data = open(body[1:], 'rb').read() if body.startswith('@') else body.encode() or None
headers = {name: value for name, value in (('X-Api-Key', key), ('Content-Type', type)) if value}
url = f'http://127.0.0.1:8470/api/v1/{path}'
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))
except urllib.error.HTTPError as error:
    answer = error
got = answer.read()
print(answer.status, got[:4000].decode('latin-1'))
"""


def _state(nobgd: Nobgd, unit: str, name: str = "ActiveState") -> str:
    return nobgd.machine.run("systemctl", "show", unit, "-p", name, "--value").stdout.strip()


def _ask(nobgd: Nobgd, path: str, *, do: str = "GET", key: str = "", body: str = "",
         kind: str = "") -> tuple[int, str]:  # fmt: skip
    """Status and body of what the page answers; a body of @PATH is that file."""
    python = ("/opt/nobgd/venv/bin/python", "-c", _ASKER)
    said = nobgd.machine.run(*python, do, path, key, kind, body).stdout
    status, _, text = said.partition(" ")
    return int(status), text


@pytest.fixture(scope="module")
def paged(nobgd: Nobgd) -> Iterator[Nobgd]:
    """With `web:` in its configuration, as doctor says how; afterwards as it was."""
    nobgd.configure(nobgd.usual + "web: {}\n", apply=False)
    said = nobgd.machine.run("nobgd", "doctor", check=False).stdout
    assert "FIX  page: ListenStream= is missing; sudo nobgd unit --apply" in said
    nobgd.machine.run("nobgd", "unit", "--apply")
    nobgd.restart()
    nobgd.machine.run("systemctl", "enable", "--now", SOCKET)
    yield nobgd
    nobgd.back_to_usual()
    nobgd.machine.run("systemctl", "disable", "--now", SOCKET)


def test_nothing_runs_until_somebody_asks(paged: Nobgd) -> None:
    """Then a process of another user, in the daemon's group; the daemon starts none itself."""
    assert (_state(paged, SOCKET), _state(paged, SERVICE)) == ("active", "inactive")
    assert _ask(paged, "session")[0] == 200
    assert _state(paged, SERVICE) == "active"
    pages = paged.machine.run("pgrep", "-f", "[n]obgd web").stdout.split()
    assert pages == [_state(paged, SERVICE, "MainPID")]
    who = paged.machine.sh(f"ps -o user:32=,group:32= -p {pages[0]}").split()
    assert who == ["nobgd-web", "nobgd"]
    said = paged.machine.run("nobgd", "doctor").stdout
    assert "ok   page: http://127.0.0.1:8470/, its process runs" in said


def test_it_has_no_network_and_sees_only_its_own(paged: Nobgd) -> None:
    """An interface for itself alone; of the state only the page's folders; no photo, no home."""
    pid = _state(paged, SERVICE, "MainPID")
    root, enter = f"/proc/{pid}/root", ("nsenter", "-t", pid, "-n", "cat", "/proc/net/dev")
    lines = paged.machine.run(*enter).stdout.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]
    assert paged.machine.sh(f"ls {root}/var/lib/nobgd").split() == ["web"]
    assert paged.machine.sh(f"ls {root}/srv {root}/home {root}/mnt").split() == [
        f"{root}/home:", f"{root}/mnt:", f"{root}/srv:",
    ]  # fmt: skip
    assert "fenced in by no_new_privs" in paged.machine.run(
        "journalctl", "-u", SERVICE, "-o", "cat", "--no-pager"
    ).stdout  # fmt: skip


def test_a_photo_goes_in_and_comes_back(paged: Nobgd) -> None:
    """By a token, past two users; it may be steered, and the daemon may remove what came."""
    token = paged.machine.run("nobgd", "web", "token", "add", "shop", "--scope",
                              "submit,look,steer").stdout.strip()  # fmt: skip
    paged.drop("copy.jpg", "/var/tmp")
    put = _ask(paged, "photos?name=a.jpg", do="PUT", key=token, body="@/var/tmp/copy.jpg")
    assert put[0] == 201, put
    photo = f"photos/{json.loads(put[1])['id']}"
    await_true(lambda: json.loads(_ask(paged, photo, key=token)[1])["state"] == "done")
    status, picture = _ask(paged, f"{photo}/result", key=token)
    assert (status, picture[:4]) == (200, "\x89PNG")
    assert [_ask(paged, verb, do="POST", key=token)[0] for verb in ("pause", "resume")] == [200] * 2
    paged.machine.sh("runuser -u nobgd -- rm -r /var/lib/nobgd/web/in/*; rm /var/tmp/copy.jpg")


def test_a_link_opens_it_for_a_browser(paged: Nobgd) -> None:
    """Made by root, redeemed by the page, good once; what was handed out lives in a cookie."""
    link = paged.machine.run("nobgd", "web", "open").stdout.strip()
    body = json.dumps({"key": link.partition("#key=")[2]})
    asked = [
        _ask(paged, "session", do="POST", body=body, kind="application/json") for _ in range(2)
    ]
    assert [status for status, _ in asked] == [204, 401], asked


def test_it_rests_and_comes_back(paged: Nobgd) -> None:
    """What ended is started again by the next who asks; a killed daemon is said, not an error."""
    paged.machine.run("systemctl", "stop", SERVICE)
    assert _state(paged, SOCKET) == "active"
    assert _ask(paged, "session")[0] == 200
    paged.machine.run("kill", "-9", _state(paged, SERVICE, "MainPID"))
    await_true(lambda: _state(paged, SERVICE) != "active")
    assert _ask(paged, "session")[0] == 200
    paged.machine.run("systemctl", "stop", SERVICE)

"""The web process is fenced in: tried from inside a process that has closed the fence."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import await_true
from nobgd.web import fence
from web.conftest import Page

_TRIES = """
import os, socket, subprocess, sys
from pathlib import Path
from nobgd import config
from nobgd.config import webbing
from nobgd.web import fence, serving
settings = config.load(Path(sys.argv[1]))
webbing.make(settings)
line = socket.create_server(("127.0.0.1", 0))
holds = fence.close(settings)
print(*holds)
def tried(what):
    try:
        what()
    except OSError:
        return "refused"
    return "done"
for what in (
    lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    lambda: subprocess.run(["/bin/true"]),
    lambda: os.kill(os.getppid(), 0),
    lambda: open(sys.argv[2]),
    lambda: open(settings.state_dir / "new", "w"),
    lambda: open(webbing.home(settings) / "tokens.json", "w"),
    lambda: socket.socket(socket.AF_UNIX),
    lambda: open(webbing.drop(settings) / "new", "w"),
    lambda: open(webbing.sessions(settings) / "new", "w"),
    lambda: os.listdir(webbing.out(settings)),
    line.getsockname,
):
    print(tried(what))
"""


def test_what_it_may_not_it_cannot(tmp_path: Path) -> None:
    """No network, no program, no file of others; its own drop folder and sessions."""
    config = tmp_path / "nobgd.yaml"
    config.write_text("{state_dir: state, inboxes: [{path: in, outbox: out}], web: {}}")
    secret = tmp_path / "secret"
    secret.write_text("x")
    for folder in ("state", "in", "out"):
        (tmp_path / folder).mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", _TRIES, str(config), str(secret)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    holds, *said = ran.stdout.splitlines()
    if "seccomp" not in holds or "landlock" not in holds:
        pytest.skip(f"this kernel has only {holds}")
    assert said == ["refused"] * 7 + ["done"] * 5


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_jumps_forward_and_ends(machine: str) -> None:
    """Else the kernel would refuse all of it."""
    code = fence.program(machine)
    count = len(code) // 8
    for at in range(count):
        operation, forward, otherwise = int.from_bytes(code[8 * at : 8 * at + 2], "little"), *code[
            8 * at + 2 : 8 * at + 4
        ]  # fmt: skip
        if operation in (0x15, 0x45):
            assert at + 1 + max(forward, otherwise) < count
    assert code[-8:-6] == b"\x06\x00"


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd")
def test_it_takes_the_socket_that_systemd_passes(tmp_path: Path, cache: Path) -> None:
    """And answers without a daemon, too: photos wait for it in the drop folder."""
    page = Page(tmp_path, cache)
    (tmp_path / "state").mkdir()
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{page.port}", sys.executable, "-m",
               "nobgd", "web", "-c", str(page.config)]  # fmt: skip
    with (tmp_path / "stderr").open("wb") as errors:
        ran = subprocess.Popen(command, stderr=errors)
    try:
        await_true(page.answers)
        token = page.token("submit,look")
        put = page.ask("PUT", "/api/v1/photos?name=a.jpg", b"\xff\xd8\xff", X_Api_Key=token)
        assert (put.status, put.json["state"]) == (201, "waiting")
        assert page.ask("GET", "/api/v1/status", X_Api_Key=token).json == {"running": False}
    finally:
        ran.terminate()
        ran.wait(60)

"""A real systemd, booted in 1 to 3 s: an overlay of this machine's disk in a container.

Nothing in it touches the machine below: writes go to a tmpfs, the network is its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "blkio")
_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
UNIT = "nobgd.service"


def missing() -> str | None:
    """Why it cannot run here; None when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a container needs root on Linux"
    packages = {"systemd-nspawn": "systemd-container", "sudo": "sudo", "pgrep": "procps"}
    for tool in ("systemd-nspawn", "sudo", "pgrep", "nsenter", "mount"):
        if shutil.which(tool) is None:
            return f"there is no {tool} (Debian: apt-get install {packages.get(tool, 'mount')})"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlayfs"
    return None


class Machine:
    """One booted container; paths are those inside."""

    def __init__(self, binds: Sequence[tuple[Path, str]] = ()) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="nobgd-machine-", dir="/var/tmp"))
        self.root = self.base / "root"
        self._log = self.base.with_suffix(".log")
        self._binds = [f"--bind-ro={outside}:{inside}" for outside, inside in binds]
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def boot(self) -> None:
        """Mount, boot, wait until systemd is up.  Raises RuntimeError."""
        _do("mount", "-t", "tmpfs", "-o", "size=4g,mode=755", "tmpfs", str(self.base))
        for name in ("up", "wk", "root"):
            (self.base / name).mkdir()
        layers = f"lowerdir=/,upperdir={self.base}/up,workdir={self.base}/wk"
        _do("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        for left in ("etc/systemd/system/nobgd.service", "opt/nobgd", "etc/nobgd"):
            assert not (self.root / left).exists(), f"/{left} exists on the machine below"
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", str(self.root), "--boot", "--register=no",
                 "--keep-unit", "--link-journal=no", "--private-network",
                 f"--system-call-filter={_LANDLOCK}", *self._binds,
                 "--", "--unit=basic.target"],  # none of the services of the machine below
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._await_leader()
        self.run("systemctl", "is-system-running", "--wait", check=False, limit_s=60)
        for each in _CONTROLLERS:  # limits are set in the container, too
            remount = ["mount", "-o", "remount,bind,rw", f"/sys/fs/cgroup/{each}"]
            self.run(*remount, check=False)
        self.run("systemctl", "daemon-reexec")

    def _await_leader(self) -> None:
        assert self._nspawn is not None
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self._nspawn.poll() is not None:
                raise RuntimeError(f"systemd-nspawn ended: {self._log.read_text()[-500:]}")
            children = _children(self._nspawn.pid)
            if children:
                self.leader = children[0]
                with contextlib.suppress(subprocess.SubprocessError):
                    ready = self.run("systemctl", "is-system-running", check=False, limit_s=5)
                    if ready.stdout.strip() in ("starting", "running", "degraded"):
                        return
            time.sleep(0.1)
        raise RuntimeError(f"systemd did not come up: {self._log.read_text()[-500:]}")

    def run(
        self, *command: str, check: bool = True, limit_s: float = 120.0, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command inside, as root, with a plain environment."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
             *[f"{k}={v}" for k, v in environment.items()], *command],
            capture_output=True, text=True, timeout=limit_s, check=False, input=stdin,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sh(self, script: str, **options: Any) -> str:
        """A shell script inside; its stdout."""
        return self.run("sh", "-euc", script, **options).stdout

    def within(self, path: str) -> Path:
        """A path inside as seen from here: for files on its disk, not for its mounts."""
        return Path(f"/proc/{self.leader}/root{path}")

    def show(self, name: str) -> str:
        """A property of the service."""
        return self.run("systemctl", "show", UNIT, "-p", name, "--value").stdout.strip()

    def main_pid(self) -> str:
        return self.show("MainPID")

    def lanes(self) -> list[str]:
        """Process ids of the lanes, inside."""
        return self.run("pgrep", "-f", "nobgd.lane.process", check=False).stdout.split()

    def journal(self) -> str:
        return self.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager").stdout

    def power_off(self) -> None:
        """End it and leave nothing."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            if self.leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.leader, signal.SIGRTMIN + 4)
            try:
                self._nspawn.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._nspawn.pid, signal.SIGKILL)
                if self.leader:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.leader, signal.SIGKILL)
                self._nspawn.wait(60)
        for mounted in (self.root, self.base):
            subprocess.run(["umount", "-l", str(mounted)], capture_output=True, check=False)
        with contextlib.suppress(OSError):
            self.base.rmdir()
        self._log.unlink(missing_ok=True)


def await_true(what: Callable[[], object], limit_s: float = 60.0) -> None:
    """Wait for a condition of another process, with a limit."""
    until = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit_s:.0f} s: {what.__doc__ or what}")
        time.sleep(0.1)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []

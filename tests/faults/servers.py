"""Shares that can be killed, hung and brought back: sshfs, bindfs, and an SMB server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import ports
from faults.house import until

_SSHD = "/usr/sbin/sshd"
_SMBD = "/usr/sbin/smbd"
_SFTP = "/usr/lib/openssh/sftp-server"


def missing() -> str | None:
    """Why these cannot run here."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    programs = ("sshfs", "bindfs", "ssh", "ssh-keygen", "smbclient", _SSHD, _SMBD, _SFTP)
    absent = [each for each in programs if shutil.which(each) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class Share:
    """A FUSE file system on `point`, whose files lie in `backing`."""

    def __init__(self, root: Path, name: str) -> None:
        self.point, self.backing = root / f"in-{name}", root / f"backing-{name}"
        self.point.mkdir()
        self.backing.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def words(self) -> list[str]:
        """The command that serves it in the foreground."""
        return ["bindfs", "-f", str(self.backing), str(self.point)]

    def mount(self) -> None:
        """Serve it, and wait until it is there."""
        self._process = subprocess.Popen(
            self.words(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(lambda: os.path.ismount(self.point), 30, f"{self.point.name} is mounted")

    def kill(self) -> None:
        """End the server; the mount stays behind, dead."""
        assert self._process is not None
        _group(self._process, signal.SIGCONT)
        _group(self._process, signal.SIGKILL)
        self._process.wait(60)

    def hang(self) -> None:
        """No answers any more."""
        assert self._process is not None
        _group(self._process, signal.SIGSTOP)

    def wake(self) -> None:
        """Answers again."""
        assert self._process is not None
        _group(self._process, signal.SIGCONT)

    def back(self) -> None:
        """Away with the dead mount, and a new one."""
        self.unmount()
        self.mount()

    def unmount(self) -> None:
        """Take every layer off."""
        while subprocess.run(
            ["umount", "-l", str(self.point)], check=False, capture_output=True
        ).returncode == 0:  # fmt: skip
            pass

    def close(self) -> None:
        """End everything."""
        if self._process is not None:
            self.kill()
        self.unmount()


class SshShare(Share):
    """sshfs from an sshd of its own on the loopback; it is the server that is killed or hung."""

    def __init__(self, root: Path, name: str) -> None:
        super().__init__(root, name)
        folder = root / "ssh"
        folder.mkdir(mode=0o700)
        self._key = folder / "key"
        for key in (self._key, folder / "host"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True
            )
        shutil.copy(folder / "key.pub", folder / "authorized")
        self._port = ports.free()
        self._settings = folder / "sshd_config"
        self._settings.write_text(
            f"Port {self._port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
            f"PermitRootLogin yes\nPidFile none\nSubsystem sftp {_SFTP}\n"
        )
        os.makedirs("/run/sshd", exist_ok=True)
        self._server: subprocess.Popen[bytes] | None = None

    def words(self) -> list[str]:
        """As the base class."""
        options = (
            f"port={self._port},IdentityFile={self._key},StrictHostKeyChecking=no,"
            "UserKnownHostsFile=/dev/null,IdentitiesOnly=yes"
        )
        return ["sshfs", "-f", "-o", options, f"root@127.0.0.1:{self.backing}", str(self.point)]

    def mount(self) -> None:
        """Start the server, then mount."""
        self._server = subprocess.Popen(
            [_SSHD, "-D", "-q", "-f", str(self._settings)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(lambda: _answers(self._port), 30, "sshd answers")
        super().mount()

    def _sessions(self) -> list[int]:
        """The server and all processes below it."""
        assert self._server is not None
        found, new = [], [self._server.pid]
        while new:
            found += new
            children = subprocess.run(
                ["pgrep", "-P", ",".join(map(str, new))], capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            new = [int(word) for word in children.stdout.split()]
        return found

    def _signal(self, number: int) -> None:
        for pid in self._sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End the server and its sessions, then the client that is left alone."""
        assert self._server is not None
        self._signal(signal.SIGKILL)
        self._server.wait(60)
        time.sleep(0.2)
        super().kill()

    def hang(self) -> None:
        """As the base class."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """As the base class."""
        self._signal(signal.SIGCONT)


class SmbServer:
    """smbd on a high port of the loopback: the daemon runs on the NAS, others copy to it."""

    def __init__(self, root: Path, share: Path) -> None:
        folder = root / "smb"
        folder.mkdir()
        self._port = ports.free()
        self._settings = folder / "smb.conf"
        places = "".join(
            f"{name} = {folder}\n"
            for name in ("private dir", "lock directory", "state directory", "cache directory",
                         "pid directory", "ncalrpc dir")
        )  # fmt: skip
        self._settings.write_text(
            f"[global]\nsmb ports = {self._port}\ninterfaces = 127.0.0.1/8\n"
            f"bind interfaces only = yes\nmap to guest = Bad User\nguest account = root\n"
            f"log file = {folder}/log\ndisable spoolss = yes\n{places}"
            f"[photos]\npath = {share}\nguest ok = yes\nforce user = root\nread only = no\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and wait until it answers."""
        self._process = subprocess.Popen(
            [_SMBD, "-F", "--no-process-group", "-s", str(self._settings)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        until(lambda: _answers(self._port), 30, "smbd answers")

    def kill(self) -> None:
        """End the server and its sessions at once."""
        if self._process is not None:
            _group(self._process, signal.SIGKILL)
            self._process.wait(60)

    def begin(self, commands: str) -> subprocess.Popen[bytes]:
        """A client that does `commands`; it is left running."""
        return subprocess.Popen(
            ["smbclient", "//127.0.0.1/photos", "-p", str(self._port), "-N",
             "-s", str(self._settings), "-c", commands],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def client(self, commands: str) -> None:
        """A client that does `commands`; raises what it said when it fails."""
        process = self.begin(commands)
        said = process.communicate(timeout=60)[0]
        if process.returncode != 0 or b"NT_STATUS" in said:
            raise RuntimeError(said.decode(errors="replace")[-300:])

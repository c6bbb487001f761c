"""A Linux of its own in a process, which has what the host's kernel may lack: nfsd and cifs.

It is Debian's user-mode Linux.  It needs no KVM, boots in two seconds, has one processor, and
runs Python as fast as the host does.  Its files are the host's, read-only; what it writes stays in
its memory.  ``python -m faults.guest`` fetches the packages by ``apt-get download`` and unpacks
them beside, without installing them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

_PACKAGES = (
    "user-mode-linux", "kmod", "nfs-kernel-server", "nfs-common", "cifs-utils", "keyutils",
    "libevent-core-2.1-7", "libnfsidmap1", "libtirpc3", "libkeyutils1",
)  # fmt: skip
_HOSTS = ("smbd", "ip", "nsenter", "setpriv", "unshare", "mkfs.ext4", "dpkg")
_SCRIPT = Path(__file__).with_name("guest.sh")
_MARK = "guest says "  # what else is on the console is the kernel's
_MEMORY = "2500M"
# A process for each of the guest's, and helpers: they end with the one that began it, however
_TOGETHER = (
    "setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
    "sh", "-c", '"$@" & wait', "sh",
)  # fmt: skip


def packages() -> Path:
    """Where they are unpacked; $NOBGD_FAULTS_GUEST chooses."""
    own = Path.home() / ".cache" / "nobgd-faults-guest"
    return Path(os.environ.get("NOBGD_FAULTS_GUEST", own))


def missing() -> str | None:
    """Why there can be no guest here."""
    if os.geteuid() != 0:
        return "a guest that has all of the host's files needs root"
    if absent := [each for each in _HOSTS if shutil.which(each, path=_path()) is None]:
        return f"not installed: {', '.join(absent)}"
    if not (packages() / "usr/bin/linux.uml").exists():
        return f"no user-mode Linux in {packages()}: python -m faults.guest fetches it (Debian)"
    return None


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/sbin"


def fetch() -> None:
    """Download and unpack; CalledProcessError where there is no apt-get, or no such package."""
    into = packages()
    shutil.rmtree(into, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["apt-get", "download", "-qq", *_PACKAGES], cwd=work, check=True)
        for each in sorted(Path(work).glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(each), work + "/root"], check=True)
        _merge(Path(work, "root"))
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(work, "root"), into)


def _merge(root: Path) -> None:
    """/bin, /sbin and /lib into /usr: the host's are links, which a folder would hide."""
    for name in ("bin", "sbin", "lib"):
        if (root / name).is_dir():
            shutil.copytree(root / name, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(root / name)
    (root / "usr/lib/modules").symlink_to("uml/modules")


def say(line: str) -> None:
    """In a guest: a line that `run` yields on the host."""
    print(_MARK + line, flush=True)


def run(place: Path, words: list[str], limit_s: float) -> Iterator[str]:
    """What a command says in a guest; ``place`` is a new folder, for its disk and its log.

    Its environment is this process's, its working folder the same.  It is root there, and has
    the disk /dev/ubda of 2 GB.  Guest and command are ended after ``limit_s``.
    """
    place.mkdir(parents=True)
    disk, script = place / "disk", place / "run.sh"
    with disk.open("wb") as stream:
        stream.truncate(2 << 30)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in os.environ.items()
             if name.isidentifier() and name != "TMPDIR"]  # fmt: skip
    lines += [f"export PATH={shlex.quote(_path())}", f"cd {shlex.quote(os.getcwd())}"]
    script.write_text("#!/bin/sh\n" + "\n".join(lines) + f"\nexec {shlex.join(words)}\n")
    script.chmod(0o700)
    command = [
        *_TOGETHER, str(packages() / "usr/bin/linux.uml"), f"mem={_MEMORY}",
        f"ubd0={disk}", "con=null", "con0=null,fd:1", "quiet", "panic=-1", "root=/dev/root",
        "rootfstype=hostfs", "rootflags=/", "ro", f"init={_SCRIPT}",
        f"uml_dir={place}/", f"GUEST_PACKAGES={packages()}", f"GUEST_RUN={script}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace",
        start_new_session=True, env={**os.environ, "TMPDIR": "/dev/shm"},
    )  # fmt: skip
    watch = threading.Timer(limit_s, _end, [process])
    watch.start()
    assert process.stdout is not None
    try:
        with (place / "console").open("w", buffering=1) as console:
            for line in process.stdout:
                console.write(line)
                if line.startswith(_MARK):
                    yield line.removeprefix(_MARK).strip()
    finally:
        watch.cancel()
        _end(process)
        disk.unlink()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


if __name__ == "__main__":
    fetch()
    sys.exit(missing())

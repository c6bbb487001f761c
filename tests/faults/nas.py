"""In a guest (faults.guest): a disk that nfsd or smbd serves, and clients that mount it.

The server and each client have a network namespace of their own, so that each client is another
machine to the server, and to the kernel: with a file system, and memories of it, of its own.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

DISK = Path("/srv/photos")  # the server's own view
KINDS = ("nfs", "smb")
_EXPORTS = f"{DISK} *(rw,sync,no_subtree_check,no_root_squash,insecure,fsid=0)\n"
_GRACE_S = 10  # the least there is
_SMB = f"""\
[global]
server role = standalone
map to guest = Bad User
guest account = root
disable spoolss = yes
load printers = no
disable netbios = yes
smb ports = 445
pid directory = /run/samba
lock directory = /run/samba
state directory = /run/samba
cache directory = /run/samba
private dir = /run/samba
ncalrpc dir = /run/samba
log file = /run/samba/log
[photos]
path = {DISK}
read only = no
guest ok = yes
force user = root
"""


def _do(*words: str, space: str = "") -> None:
    within = ["nsenter", f"--net=/run/netns/{space}"] if space else []
    subprocess.run([*within, *words], check=True, stdin=subprocess.DEVNULL)


class Nas:
    """The server, begun at once; CalledProcessError where something cannot be had."""

    def __init__(self, kind: str) -> None:
        """``kind`` is one of `KINDS`."""
        self.kind, self._clients = kind, 0
        for module in ("ext4", "veth", "nfsd", "nfsv4", "cifs"):
            _do("modprobe", module)
        _do("mkfs.ext4", "-q", "-F", "/dev/ubda")
        DISK.mkdir(parents=True)
        _do("mount", "/dev/ubda", str(DISK))
        _do("ip", "link", "set", "lo", "up")
        self._space("nas")
        self._nfs() if kind == "nfs" else self._smb()

    @staticmethod
    def _space(name: str) -> None:
        _do("ip", "netns", "add", name)
        _do("ip", "-n", name, "link", "set", "lo", "up")

    @staticmethod
    def _nfs() -> None:
        for folder in ("/var/lib/nfs/rpc_pipefs", "/var/lib/nfs/nfsdcld"):
            Path(folder).mkdir(parents=True, exist_ok=True)
        for file in ("etab", "rmtab"):
            Path("/var/lib/nfs", file).touch()
        Path("/etc/exports").write_text(_EXPORTS)
        _do("mount", "-t", "rpc_pipefs", "pipes", "/var/lib/nfs/rpc_pipefs", space="nas")
        _do("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd", space="nas")
        _do("nfsdcld", space="nas")
        _do("exportfs", "-ra", space="nas")
        _do("rpc.nfsd", "-N", "3", "-G", str(_GRACE_S), "-L", str(_GRACE_S), "8", space="nas")
        _do("rpc.mountd", "-N", "3", space="nas")

    @staticmethod
    def _smb() -> None:
        Path("/run/samba").mkdir()
        Path("/run/samba/conf").write_text(_SMB)
        _do("smbd", "-D", "-s", "/run/samba/conf", space="nas")

    def client(self, name: str) -> Path:
        """Where another machine has it mounted, by the defaults of its kernel."""
        self._clients += 1
        net = f"10.0.{self._clients}"
        self._space(name)
        _do("ip", "-n", "nas", "link", "add", name, "type", "veth", "peer", "name", "eth0",
            "netns", name)  # fmt: skip
        for space, end, number in (("nas", name, 1), (name, "eth0", 2)):
            _do("ip", "-n", space, "addr", "add", f"{net}.{number}/24", "dev", end)
            _do("ip", "-n", space, "link", "set", end, "up")
        point = Path("/srv", name)
        point.mkdir(parents=True)
        if self.kind == "nfs":
            words = ["nfs4", "-o", "vers=4.2,nosharecache", f"{net}.1:/"]
        else:
            words = ["cifs", "-o", "guest,vers=3.1.1", f"//{net}.1/photos"]
        limit = time.monotonic() + 30
        while True:
            try:
                # NFS clients of one name are one client to the server
                named = ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]
                _do(*named, "mount", "-t", *words, str(point), space=name)
                return point
            except subprocess.CalledProcessError:  # the server is about to begin
                if time.monotonic() > limit:
                    raise
                time.sleep(0.5)

    def cut(self, name: str) -> None:
        """The cable between server and this client; `heal` puts it in again."""
        _do("ip", "-n", "nas", "link", "set", name, "down")

    def heal(self, name: str) -> None:
        """As before."""
        _do("ip", "-n", "nas", "link", "set", name, "up")

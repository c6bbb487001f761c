"""A real broker with a CA of its own, and workers of it."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nobgd.cluster import join, subjects

OLDEST = (2, 12, 7)
PATIENCE_S = 60.0


def lacking() -> str | None:
    """Why there can be no broker here; None: there can."""
    server = shutil.which("nats-server")
    if server is None:
        return "there is no nats-server on PATH"
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in said.strip().rpartition("v")[2].split("-")[0].split("."))
    if version < OLDEST:
        return f"{said.strip()} is older than {'.'.join(map(str, OLDEST))}"
    return None


def certificates(folder: Path) -> str:
    """ca.pem, node.pem and node.key for 127.0.0.1; the CA as text."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test CA")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = []
    for subject, key, is_ca in ((ca_name, keys[0], True), (name, keys[1], False)):
        built = x509.CertificateBuilder(
            ca_name, subject, key.public_key(), x509.random_serial_number(),
            now - datetime.timedelta(days=2), now + datetime.timedelta(days=9),
        )  # fmt: skip
        built = built.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), is_ca)
        built = built.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False
        )
        if is_ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            built = built.add_extension(usage, True)
            identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            built = built.add_extension(identity, False)
        else:
            where = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            built = built.add_extension(x509.SubjectAlternativeName([where]), False)
        signed = built.sign(keys[0], hashes.SHA256())
        made.append(signed.public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )  # fmt: skip
    for file, data in (("ca.pem", made[0]), ("node.pem", made[1]), ("node.key", private)):
        (folder / file).write_bytes(data)
    return made[0].decode()


def await_true(what: Any, limit_s: float = PATIENCE_S) -> None:
    """What is waited for is another process."""
    until = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > until:
            pytest.fail(f"not within {limit_s:.0f} s: {what.__doc__ or what}")
        time.sleep(0.05)


class Broker:
    """nats-server on a free port of 127.0.0.1, with TLS and a user for each machine."""

    def __init__(self, root: Path, *hosts: str) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.ca = certificates(root)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.hosts = hosts
        self.home = root / "home.join"
        join.write(self.home, self._join("home"))
        for host in hosts:
            join.write(root / f"{host}.join", self._join(host))
        self.configure()

    def _join(self, host: str) -> join.Join:
        return join.Join(host, self.url, host, f"secret of {host}", self.ca)

    @property
    def url(self) -> str:
        return f"tls://127.0.0.1:{self.port}"

    def configure(self, *without: str) -> None:
        """The users but for those ``without``."""
        users: list[dict[str, Any]] = [{"user": "home", "password": "secret of home"}]
        users += [
            {
                "user": host, "password": f"secret of {host}",
                "permissions": {
                    "publish": list(subjects.worker_publishes(host)),
                    "subscribe": list(subjects.worker_subscribes(host, host)),
                },
            }
            for host in self.hosts if host not in without
        ]  # fmt: skip
        settings = {
            "listen": f"127.0.0.1:{self.port}", "max_payload": subjects.MAX_PAYLOAD,
            "tls": {"cert_file": str(self.root / "node.pem"),
                    "key_file": str(self.root / "node.key")},
            "jetstream": {"store_dir": str(self.root / "js")},
            "authorization": {"users": users},
        }  # fmt: skip
        (self.root / "conf").write_text(json.dumps(settings))

    def start(self) -> Broker:
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["nats-server", "-c", str(self.root / "conf")], stdout=log, stderr=log
            )
        await_true(self._listens)
        return self

    def _listens(self) -> bool:
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """All that it has stored."""
        shutil.rmtree(self.root / "js", ignore_errors=True)


class Worker:
    """`nobgd worker` with one inference at a time."""

    def __init__(self, broker: Broker, host: str, cache: Path, **keys: Any) -> None:
        self.host = host
        self.log = broker.root / f"{host}.log"
        values = {"join": f"{host}.join", "lanes": 1, "cache_dir": str(cache), **keys}
        self.file = broker.root / f"{host}.yaml"
        self.file.write_text(json.dumps(values))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> Worker:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nobgd", "worker", "--join", str(self.file), *words],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def signal(self, number: int) -> None:
        """To the worker and its model process."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

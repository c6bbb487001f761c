"""A join file: what is read is what was written, and an error says all but the secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nobgd.cluster import join
from nobgd.cluster.join import Join, JoinError

SECRET = "a-secret-nobody-may-read"
CA = """\
-----BEGIN CERTIFICATE-----
MIIBVjCB/aADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBW5vYmdkMB4X
-----END CERTIFICATE-----
"""


@pytest.fixture(scope="module")
def good() -> Join:
    """With a real certificate."""
    made = subprocess.run(
        [sys.executable, "-c", CERTIFICATE], capture_output=True, text=True, check=True
    ).stdout
    return Join("desk-3", "tls://nas.lan:4222", "desk-3", SECRET, made)


CERTIFICATE = """
import datetime
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t")])
now = datetime.datetime.now(datetime.UTC)
made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(9))
print(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(), end="")
"""


def test_what_was_written_is_read(tmp_path: Path, good: Join) -> None:
    """For its owner alone, and replaced as a whole."""
    file = tmp_path / "desk-3.join"
    join.write(file, good)
    join.write(file, replace(good, url="tls://[fd00::1]:4223"))
    again = join.read(file)
    assert again == replace(good, url="tls://[fd00::1]:4223")
    assert (again.host, again.port) == ("fd00::1", 4223)
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [file.name]


def test_no_secret_is_shown(good: Join) -> None:
    """By repr, as it would be in a traceback."""
    assert SECRET not in repr(good)
    assert SECRET not in str(good)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"protocol": 2}, "protocol 2, and this nobgd speaks 1; install the same"),
        ({"protocol": True}, "protocol is missing or no number"),
        ({"protocol": None}, "protocol is missing"),
        ({"secret": None}, "secret is missing"),
        ({"secret": ["x"]}, "secret is missing or no text; invite the machine again"),
        ({"user": ""}, "user is missing"),
        ({"name": "../x"}, "name is no host's label"),
        ({"name": "a.b"}, "name is no host's label"),
        ({"name": "x" * 64}, "name is no host's label"),
        ({"url": "nats://nas:4222"}, "url is not like tls://"),
        ({"url": "tls://nas"}, "url is not like tls://"),
        ({"url": "tls://nas:99999"}, "url is not like tls://"),
        ({"url": f"tls://[{SECRET}"}, "url is not like tls://"),
        ({"ca": CA}, "ca holds no certificate"),
        ({"ca": "none"}, "ca holds no certificate"),
    ],
)
def test_an_error_says_what_to_do_and_no_secret(
    tmp_path: Path, good: Join, change: dict[str, object], says: str
) -> None:
    """In one line that names the file."""
    file = tmp_path / "x.join"
    file.write_text(json.dumps({**asdict(good), **change}))
    with pytest.raises(JoinError) as caught:
        join.read(file)
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert says in said
    assert "\n" not in said
    assert SECRET not in said
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", SECRET.encode(), b"\xff", b"[" * 60_000, b'"' + b"x" * 70_000 + b'"'],
    ids=["empty", "list", "text", "bytes", "deep", "long"],
)  # fmt: skip
def test_what_is_no_join_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    """Whatever it is."""
    file = tmp_path / "x.join"
    file.write_bytes(content)
    with pytest.raises(JoinError, match="is no join file; copy it once more") as caught:
        join.read(file)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_or_shut_is_said_to_be_so(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(JoinError, match=r"none\.join: there is no such file; `nobgd cluster inv"):
        join.read(tmp_path / "none.join")
    with pytest.raises(JoinError, match="cannot be read: Is a directory"):
        join.read(tmp_path)

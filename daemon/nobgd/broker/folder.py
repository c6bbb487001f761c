"""The broker's folder, beside the configuration: what lies in it, and who may read what.

    ca.pem, ca.key          the authority; its key is the owner's alone
    broker.pem, broker.key  what the broker proves itself by
    machines.json           who may come in (see `users`)
    nats.conf               made of all this; what the broker reads
    own.conf                read with it, and somebody's own: nobgd makes it once, empty

Where root makes it for the service, the broker runs as a user of its own, whose group may read
what the broker needs and nothing else.
"""

from __future__ import annotations

import datetime as dt
import grp
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nobgd.broker import authority, nats_conf, users
from nobgd.broker.authority import Pair
from nobgd.broker.users import User
from nobgd.config import Config
from nobgd.fs import whole

GROUP = "nobgd-broker"  # and user, of the service
STATE = "/var/lib/nobgd-broker"  # of the service: the unit makes it
RUNTIME = "/run/nobgd-broker"
_OWN_SAYS = "# Yours: NATS reads this with nats.conf; for example http: 127.0.0.1:8222\n"


class BrokerError(Exception):
    """The folder cannot be used; one sentence with the way out."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where it is, and for whom: ``gid`` is the broker's group, None without a service."""

    path: Path
    gid: int | None

    @property
    def conf(self) -> Path:
        """What the broker reads."""
        return self.path / "nats.conf"

    @property
    def pid_file(self) -> Path:
        """Where a running broker writes its number."""
        return Path(RUNTIME, "pid") if self.gid is not None else self.path / "nats.pid"

    @property
    def store(self) -> Path:
        """The broker's own files."""
        return Path(STATE, "jetstream") if self.gid is not None else self.path / "store"


def of(config: Config) -> Folder:
    """The folder that belongs to a configuration, there or not."""
    gid = None
    if os.geteuid() == 0:
        try:
            gid = grp.getgrnam(GROUP).gr_gid
        except KeyError:
            gid = None
    return Folder(Path(os.path.abspath(config.origin)).parent / "broker", gid)


def make(folder: Folder) -> None:
    """Make it where it is missing.  Raises `BrokerError`."""
    try:
        folder.path.mkdir(mode=0o700, exist_ok=True)
        if folder.gid is not None:
            os.chown(folder.path, 0, folder.gid)
            folder.path.chmod(0o750)
        else:
            folder.path.chmod(0o700)
    except OSError as error:
        raise _failed(folder.path, error) from None


def certify(folder: Folder, names: Sequence[str], now: dt.datetime) -> tuple[bool, bool]:
    """Have an authority, and the broker's certificate for these names, made anew where due.

    Whether each is new.  Raises `BrokerError`.
    """
    try:
        ca, new_ca = _pair(folder, "ca"), False
        if ca is None:
            ca, new_ca = authority.authority(now), True
            _put_pair(folder, "ca", ca)
        mine = _pair(folder, "broker")
        if mine is not None and authority.fits(mine, ca, names, now):
            return new_ca, False
        _put_pair(folder, "broker", authority.broker(ca, names, now))
    except OSError as error:
        raise _failed(folder.path, error) from None
    except ValueError as error:
        said = f"{folder.path}: {error}; move the folder away, `nobgd cluster init`, and invite all"
        raise BrokerError(f"{said} machines again") from None
    return new_ca, True


def ca(folder: Folder) -> str:
    """The authority's certificate, PEM.  Raises `BrokerError`."""
    try:
        return (folder.path / "ca.pem").read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise _failed(folder.path / "ca.pem", error) from None


def machines(folder: Folder) -> tuple[User, ...]:
    """Who may come in; none before the first.  Raises `BrokerError`."""
    file = folder.path / "machines.json"
    try:
        return users.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        raise _failed(file, error) from None


def put(folder: Folder, config: Config, there: Sequence[User]) -> None:
    """Write who may come in, then what the broker reads.  Raises `BrokerError`."""
    try:
        whole.write(folder.path / "machines.json", users.text(there).encode(), 0o600)
        text = nats_conf.text(_settings(folder, config), there)
        mode = 0o600 if folder.gid is None else 0o640
        owner = None if folder.gid is None else (0, folder.gid)
        if not (folder.path / nats_conf.OWN).exists():
            whole.write(folder.path / nats_conf.OWN, _OWN_SAYS.encode(), mode, owner)
        whole.write(folder.conf, text.encode(), mode, owner)
    except (OSError, ValueError) as error:
        raise _failed(folder.path, error) from None


def addresses(folder: Folder) -> tuple[str, ...]:
    """What the broker's certificate is for, without this machine itself; the first is invited to.

    Raises `BrokerError`.
    """
    file = folder.path / "addresses.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise _failed(file, error) from None
    return tuple(map(str, found)) if isinstance(found, list) else ()


def put_addresses(folder: Folder, those: Sequence[str]) -> None:
    """Keep them.  Raises `BrokerError`."""
    try:
        whole.write(folder.path / "addresses.json", (json.dumps(list(those)) + "\n").encode())
    except OSError as error:
        raise _failed(folder.path, error) from None


def _settings(folder: Folder, config: Config) -> nats_conf.Settings:
    host, port = listened(config)
    return nats_conf.Settings(
        host=host, port=port, certificate=str(folder.path / "broker.pem"),
        key=str(folder.path / "broker.key"), store=str(folder.store),
        pid_file=str(folder.pid_file),
    )  # fmt: skip


def listened(config: Config) -> tuple[str, int]:
    """Address and port of `cluster.listen`.  Raises `BrokerError`."""
    if config.cluster is None or config.cluster.listen is None:
        raise BrokerError(f"{config.origin}: it has no cluster.listen, so there is no broker here")
    parts = urlsplit(config.cluster.listen)
    return parts.hostname or "", parts.port or 0


def _pair(folder: Folder, name: str) -> Pair | None:
    try:
        return Pair(
            (folder.path / f"{name}.pem").read_bytes(), (folder.path / f"{name}.key").read_bytes()
        )
    except FileNotFoundError:
        return None


def _put_pair(folder: Folder, name: str, pair: Pair) -> None:
    """The key first: a certificate without its key would be taken for a whole pair's."""
    shared = folder.gid is not None and name == "broker"
    owner = (0, folder.gid) if shared and folder.gid is not None else None
    whole.write(folder.path / f"{name}.key", pair.key, 0o640 if shared else 0o600, owner)
    whole.write(folder.path / f"{name}.pem", pair.certificate, 0o644)


def _failed(path: Path, error: Exception) -> BrokerError:
    said = error.strerror if isinstance(error, OSError) else "it is damaged"
    way = "try as its owner, or with sudo"
    if not isinstance(error, OSError):
        way = "take it from a copy, or move it away and run `nobgd cluster init`"
        if isinstance(error, ValueError) and "cannot stand" in str(error):
            said, way = str(error), "and try again"
    return BrokerError(f"{path}: {said}; {way}")

"""The drop-ins of the units for several machines: the broker's port, and whom a worker may dial."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from nobgd.cluster.join import Join
from nobgd.config import Config
from nobgd.systemd import reach, unit
from nobgd.systemd.unit import quoted

BROKER_UNIT = "nobgd-broker.service"
WORKER_UNIT = "nobgd-worker.service"
BROKER = f"/etc/systemd/system/{BROKER_UNIT}.d/50-config.conf"
WORKER = f"/etc/systemd/system/{WORKER_UNIT}.d/50-config.conf"
_Setting = tuple[str, str, str]


def broker(config: Config) -> Iterator[_Setting]:
    """(section, key, value) for the broker; nothing where it is not here."""
    if config.cluster is None or config.cluster.listen is None:
        return
    origin = os.path.abspath(config.origin)
    conf = os.path.join(os.path.dirname(origin), "broker", "nats.conf")
    if origin != unit.USUAL_CONFIG:
        yield "Unit", "ConditionPathExists", ""
        yield "Unit", "ConditionPathExists", quoted(conf)
        yield "Service", "ExecStart", ""
        yield "Service", "ExecStart", f"nats-server -c {quoted(conf)}"
    yield "Service", "SocketBindAllow", ""  # not what the shipped unit says
    yield "Service", "SocketBindAllow", f"tcp:{urlsplit(config.cluster.listen).port}"


def texts(config: Config) -> dict[str, str]:
    """Where the broker's drop-in is, and what it says; empty: there is to be none."""
    lines = list(broker(config))
    return {BROKER: unit.written(config.origin, lines) if lines else ""}


def worker(join: Join, shares: Iterable[Path] = ()) -> Iterator[_Setting]:
    """The same for a machine that works for another, in these folders if it does whole photos."""
    for address in reach.allowed(join.host):
        yield "Service", "IPAddressAllow", address
    folders = [quoted(folder) for folder in sorted(map(str, shares))]
    yield from (("Service", "BindPaths", folder) for folder in folders)
    yield from (("Unit", "RequiresMountsFor", folder) for folder in folders)


def worker_text(file: Path, join: Join, shares: Iterable[Path] = ()) -> str:
    """Its drop-in."""
    again = f"sudo nobgd unit --worker {file} --apply"
    lines = list(worker(join, shares)) or [("Service", "IPAddressDeny", "any")]
    return unit.written(str(file), lines, again=again)


def differences(config: Config) -> list[str]:
    """What the broker's drop-in that is installed lacks or has too much."""
    return unit.compared(installed(BROKER), broker(config))


def installed(place: str) -> str:
    """A drop-in that is there, or nothing."""
    try:
        return Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""

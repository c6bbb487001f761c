"""The drop-ins of the units for several machines: the broker's port, and whom a worker may dial."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from nobgd.cluster.join import Join
from nobgd.config import Config
from nobgd.inference import nvidia
from nobgd.inference.nvidia import Found
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


def worker(
    engine: str, join: Join, there: Found, shares: Iterable[Path] = ()
) -> Iterator[_Setting]:
    """For a machine that works for another: its broker, a GPU if it has one, folders it works in.

    ``there`` is what it has of NVIDIA's.
    """
    for address in reach.allowed(join.host):
        yield "Service", "IPAddressAllow", address
    if engine == "cuda" or (engine == "auto" and nvidia.there(there)):
        yield from unit.devices(nvidia.groups(there))
    folders = [quoted(folder) for folder in sorted(map(str, shares))]
    yield from (("Service", "BindPaths", folder) for folder in folders)
    yield from (("Unit", "RequiresMountsFor", folder) for folder in folders)


def worker_text(file: Path, settings: Iterable[_Setting]) -> str:
    """The drop-in of such lines, by its ``file``."""
    again = f"sudo nobgd unit --worker {file} --apply"
    lines = list(settings) or [("Service", "IPAddressDeny", "any")]
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

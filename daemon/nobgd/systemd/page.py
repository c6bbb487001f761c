"""The drop-ins of the page's units: where the socket listens, and which folders the process sees.

The shipped service sees nothing of /var, /srv, /mnt, /media and homes; this binds in its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from nobgd.config import Config, address, webbing
from nobgd.systemd import unit
from nobgd.systemd.unit import quoted

SOCKET_UNIT = "nobgd-web.socket"
SOCKET = f"/etc/systemd/system/{SOCKET_UNIT}.d/50-config.conf"
SERVICE = "/etc/systemd/system/nobgd-web.service.d/50-config.conf"
_Setting = tuple[str, str, str]


def socket(config: Config) -> Iterator[_Setting]:
    """(section, key, value) for the socket; nothing without `web:`."""
    if config.web is None:
        return
    yield "Socket", "ListenStream", ""  # not where the shipped unit listens
    yield "Socket", "ListenStream", config.web.listen
    if not address.near(config.web.listen):
        yield "Socket", "IPAddressDeny", ""
        yield "Socket", "FreeBind", "yes"  # the network's address may come later than we do


def service(config: Config) -> Iterator[_Setting]:
    """The same for the service."""
    if config.web is None:
        return
    home = str(webbing.home(config))
    written = [str(each(config)) for each in (webbing.drop, webbing.sessions, webbing.touches)]
    read = [home, *([] if config.log.file is None else [str(config.log.file.parent)])]
    yield "Unit", "RequiresMountsFor", quoted(home)
    origin = os.path.abspath(config.origin)
    if origin != unit.USUAL_CONFIG:
        yield "Service", "Environment", quoted(f"NOBGD_CONFIG={origin}")
        read.append(origin)
    if any(unit.below(path, unit.HOMES) for path in (*read, *written)):
        yield "Service", "ProtectHome", "tmpfs"
    for path in read:
        yield "Service", "BindReadOnlyPaths", "-" + quoted(path, colons=True)
    for path in written:
        yield "Service", "BindPaths", "-" + quoted(path, colons=True)


def texts(config: Config) -> dict[str, str]:
    """Where each drop-in is, and what it says; empty: there is to be none."""
    wanted = {SOCKET: list(socket(config)), SERVICE: list(service(config))}
    return {
        place: unit.written(config.origin, lines) if lines else ""
        for place, lines in wanted.items()
    }


def differences(config: Config) -> list[str]:
    """What the drop-ins that are installed lack or have too much, one sentence each."""
    found = []
    for place, lines in ((SOCKET, socket(config)), (SERVICE, service(config))):
        found += unit.compared(_installed(place), lines)
    return found


def _installed(place: str) -> str:
    try:
        with open(place, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""

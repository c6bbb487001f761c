"""The systemd drop-in that fits a configuration: folders, mounts, memory, tasks.

The shipped unit closes everything; this opens what the configuration needs and no more.
Pure but for `machine`, which looks at memory and cores.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nobgd.config import Config
from nobgd.inference import nvidia
from nobgd.pool import engine, memory
from nobgd.systemd import reach

PLACE = "/etc/systemd/system/nobgd.service.d/50-config.conf"
UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
USUAL_CONFIG = "/etc/nobgd/nobgd.yaml"  # what the shipped unit names
_OWN = ("/var/lib/nobgd", "/var/cache/nobgd", "/var/log/nobgd")  # the unit makes these
HOMES = ("/home", "/root", "/run/user")  # hidden by ProtectHome=
_TEMPS = ("/tmp", "/var/tmp")  # noqa: S108 - another folder inside, by PrivateTmp=
_SUPERVISOR_MB = 100.0
_LINK_MB = 60.0  # the process that talks to the broker
_PEAK_SHARE = 1.25  # MemoryMax over MemoryHigh: the kernel first slows down, then kills
_TYPICAL_MEGAPIXELS = 50.0
_MB = 1_000_000
_BLANK = " \t\r"  # to systemd; Python knows more


@dataclass(frozen=True, slots=True)
class Machine:
    """What the drop-in depends on besides the configuration."""

    memory_mb: float
    lanes: int
    threads: int
    infer: int = 1  # inferences at a time
    reach: tuple[str, ...] = ()  # addresses of the broker
    groups: tuple[str, ...] = ()  # of device files that are not for everybody


def installed(name: str) -> bool:
    """Whether this unit is there: put there by install.sh, or by a package."""
    return any(os.path.exists(f"{folder}/{name}") for folder in UNITS)


def machine(config: Config) -> Machine:
    """The machine this runs on."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _MB
    size = engine.sizes(config)
    groups = nvidia.groups(nvidia.look()) if engine.device(config) else ()
    return Machine(total, size.lanes, size.threads, size.infer, reach.of_home(config), groups)


@dataclass(frozen=True, slots=True)
class Folders:
    """Absolute paths by what the service does with them."""

    written: tuple[str, ...]
    read: tuple[str, ...]

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(sorted({*self.written, *self.read}))


def folders(config: Config) -> Folders:
    """What lies outside of the unit's own state, cache and log folders."""
    written: set[str] = {str(config.state_dir), str(config.cache_dir)}
    read: set[str] = set()
    if config.log.file is not None:
        written.add(str(config.log.file.parent))
    if config.metrics.textfile is not None:
        written.add(str(config.metrics.textfile.parent))
    for inbox in config.inboxes:
        changed = inbox.source != "keep" or inbox.share_control
        (written if changed else read).add(str(inbox.path))
        written |= {str(inbox.outbox), str(inbox.quarantine)}
        if inbox.archive is not None:
            written.add(str(inbox.archive))
        if inbox.model.directory is not None:
            read.add(str(inbox.model.directory))
    if config.cluster is not None and config.cluster.join is not None:
        read.add(str(config.cluster.join))
    written = {each for each in written if not below(each, _OWN)}
    return Folders(tuple(sorted(written)), tuple(sorted(read - written)))


def outgrown(before: Config, now: Config) -> bool:
    """Whether a unit that was started with ``before`` keeps from what ``now`` wants."""
    was, wanted = folders(before), folders(now)
    if any(not below(path, (*was.written, *_OWN)) for path in wanted.written):
        return True
    if any(not below(path, (*was.every, *_OWN)) for path in wanted.read):
        return True
    if before.metrics.port is None and now.metrics.port is not None:
        return True
    if engine.device(now) and not engine.device(before):
        return True
    return engine.matting(now) and not engine.matting(before)


def megapixels_in_flight(config: Config, lanes: int) -> float:
    """How many may be in memory at a time; the largest photo alone always fits."""
    limit = config.workers.in_flight_megapixels
    wanted = lanes * _TYPICAL_MEGAPIXELS if limit == "auto" else float(limit)
    return max(wanted, config.workers.max_megapixels)


def memory_mb(config: Config, lanes: int, infer: int = 1) -> float:
    """What the service needs: supervisor, model process, lanes, and pixels.

    The figures are those that `pool.memory` admits photos by.
    """
    pixels = megapixels_in_flight(config, lanes) * memory.MB_PER_MEGAPIXEL
    link = 0.0 if config.cluster is None or config.cluster.think == "never" else _LINK_MB
    return _SUPERVISOR_MB + link + engine.needed_mb(config, lanes, infer) + pixels


def tasks(config: Config, here: Machine) -> int:
    """Processes and threads: twice the lanes, as one that hangs is replaced, and room.

    Each keeps a pool of 2, 4, 8 … threads for each share of the cores that it once had.
    """
    pools = 2 * max(here.threads, memory.cores())
    supervisor = 16 + here.lanes + 4 * len(config.inboxes)
    model = 2 * (here.infer + pools + 8)
    return 16 * math.ceil((supervisor + 2 * here.lanes * (pools + 8) + model) / 16)


def settings(config: Config, here: Machine) -> Iterator[tuple[str, str, str]]:
    """(section, key, value) of every line, in order."""
    found = folders(config)
    for path in found.every:
        yield "Unit", "RequiresMountsFor", quoted(path)
    origin = os.path.abspath(config.origin)
    if origin != USUAL_CONFIG:
        yield "Service", "Environment", quoted(f"NOBGD_CONFIG={origin}")
    hidden = [path for path in (*found.every, origin) if below(path, (*HOMES, *_TEMPS))]
    if any(below(path, HOMES) for path in hidden):
        yield "Service", "ProtectHome", "tmpfs"
    for path in found.written:
        key = "BindPaths" if path in hidden else "ReadWritePaths"
        yield "Service", key, "-" + quoted(path, colons=path in hidden)
    for path in (*found.read, *([origin] if origin in hidden else [])):
        key = "BindReadOnlyPaths" if path in hidden else "ReadOnlyPaths"
        yield "Service", key, "-" + quoted(path, colons=path in hidden)
    yield from _network(config, here)
    if engine.matting(config):  # rembg compiles machine code when a lane starts
        yield "Service", "MemoryDenyWriteExecute", "no"
    if engine.device(config):
        yield from devices(here.groups)
    need = memory_mb(config, here.lanes, here.infer)
    limit = min(need * _PEAK_SHARE, here.memory_mb * 0.9)
    yield "Service", "MemoryHigh", _size(min(need, limit * 0.9))
    yield "Service", "MemoryMax", _size(limit)
    yield "Service", "TasksMax", str(tasks(config, here))


def devices(groups: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """What CUDA opens: device files of NVIDIA's driver, and no others (DevicePolicy=closed).

    Names are those of /proc/devices, which differ between drivers; systemd passes over others.
    The files are made before, as root, for a service without privileges cannot: nvidia-modprobe(1).
    """
    yield "Service", "PrivateDevices", "no"
    for name in ("nvidia", "nvidia-frontend", "nvidiactl", "nvidia-uvm", "nvidia-caps"):
        yield "Service", "DeviceAllow", f"char-{name} rw"
    if listed := " ".join(groups):
        yield "Service", "SupplementaryGroups", listed
    yield "Service", "ExecStartPre", "-+/usr/bin/nvidia-modprobe -c 0 -u"


def _network(config: Config, here: Machine) -> Iterator[tuple[str, str, str]]:
    """Where metrics are asked for on 127.0.0.1, and where there is a broker to be dialled."""
    if config.metrics.port is None and not here.reach:
        return
    yield "Service", "PrivateNetwork", "no"
    yield "Service", "RestrictAddressFamilies", "AF_INET AF_INET6" if here.reach else "AF_INET"
    own = () if config.metrics.port is None else ("localhost",)
    for address in dict.fromkeys((*own, *here.reach)):
        yield "Service", "IPAddressAllow", address


def text(config: Config, here: Machine) -> str:
    """The drop-in."""
    memory_line = (
        f"# Memory: {here.infer} inferences and {here.lanes} lanes:"
        f" {engine.needed_mb(config, here.lanes, here.infer):g} MB, and"
        f" {megapixels_in_flight(config, here.lanes):g} megapixels x"
        f" {memory.MB_PER_MEGAPIXEL:g} MB, or what the machine has."
    )
    return written(config.origin, settings(config, here), memory_line)


def written(
    origin: str,
    lines: Iterable[tuple[str, str, str]],
    *comments: str,
    again: str = "sudo nobgd unit --apply",
) -> str:
    """A drop-in's text of (section, key, value), made from the file ``origin``."""
    out = [
        f"# Made by `nobgd unit` from {quoted(origin)};",
        f"# after a change of it: {again}",
        *comments,
    ]
    section = ""
    for where, key, value in lines:
        if where != section:
            out += ["", f"[{where}]"]
            section = where
        out.append(f"{key}={value}")
    return "\n".join(out).encode("utf-8", "backslashreplace").decode() + "\n"


def read(text: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of the lines of a drop-in; comments are left out."""
    section, found = "", []
    for line in text.split("\n"):
        line = line.strip(_BLANK)
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found.append((section, key.strip(_BLANK), value.strip(_BLANK)))
    return found


def differences(installed: str, config: Config, here: Machine) -> list[str]:
    """What a drop-in that is installed lacks or has too much, one sentence each."""
    return compared(installed, settings(config, here))


def compared(installed: str, wanted: Iterable[tuple[str, str, str]]) -> list[str]:
    """The same, of any drop-in."""
    have, want = read(installed), list(wanted)
    missing = [f"{key}={value} is missing" for _, key, value in _without(want, have)]
    return missing + [f"{key}={value} is too much" for _, key, value in _without(have, want)]


def _without(
    some: Iterable[tuple[str, str, str]], others: Iterable[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    known = set(others)
    return [each for each in some if each not in known]


def quoted(path: str, *, colons: bool = False) -> str:
    """A path as systemd wants it where blanks divide and % and backslash mean something.

    ``colons``: where one parts the source of a bind mount from its target, as well.
    """
    safe = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if colons:
        safe = safe.replace(":", "\\:")
    safe = re.sub(r"[\x00-\x1f]", lambda found: f"\\x{ord(found[0]):02x}", safe)
    return f'"{safe}"' if safe != path or " " in path or "'" in path else path


def below(path: str, tops: Iterable[str]) -> bool:
    """Whether a path is one of these folders, or lies in one."""
    return any(path == top or path.startswith(top + "/") for top in tops)


def _size(megabytes: float) -> str:
    return f"{50 * math.ceil(megabytes / 50)}M"

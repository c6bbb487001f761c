"""The folders that nobgd works in, as the service's user finds them: what is asked, a line each."""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nobgd.config import Config
from nobgd.config.folders import metrics_file
from nobgd.doctor import ask
from nobgd.doctor.ask import Probe, Who
from nobgd.doctor.finding import Finding

_LOW_MB = 1000.0
_MADE_WITH_PARENTS = ("state", "cache")
_MADE = ("outbox", "archive", "quarantine")  # where the folder that they lie in is there
_Answers = list[tuple[Probe, dict[str, Any]]]


def probes(config: Config) -> Iterator[Probe]:
    """Each folder once, and what nobgd does with it."""
    wanted = [
        Probe("state", str(config.state_dir), write=True, local=True),
        Probe("cache", str(config.cache_dir), write=True),
    ]
    if config.log.file is not None:
        wanted.append(Probe("log", str(config.log.file.parent), write=True))
    if config.metrics.textfile is not None and config.metrics.textfile != metrics_file(config):
        wanted.append(Probe("metrics", str(config.metrics.textfile.parent), write=True))
    for inbox in config.inboxes:
        changed = inbox.source != "keep" or inbox.share_control
        mode, count = inbox.watch.mode, inbox.recursive
        wanted.append(Probe("inbox", str(inbox.path), changed, count=count, mode=mode))
        wanted.append(Probe("outbox", str(inbox.outbox), write=True))
        if inbox.archive is not None:
            wanted.append(Probe("archive", str(inbox.archive), write=True))
        apart = inbox.quarantine
        if apart is not None and not apart.is_relative_to(config.state_dir):
            wanted.append(Probe("quarantine", str(apart), write=True))
    seen: set[str] = set()
    for probe in wanted:  # what several inboxes share is looked at once
        if probe.path not in seen:
            seen.add(probe.path)
            yield probe


def line(
    probe: Probe, found: dict[str, Any], who: Who, *, guest: bool = False, new: bool = False
) -> Finding:
    """Good, or what to do.

    ``guest``: the asker is not the service's user; what is closed to him says nothing.
    ``new``: nobgd has never run with this configuration, and will make what it can.
    """
    what = f"{probe.what} {probe.path}"
    if new and _is_made(probe, found):
        return Finding(True, what, "is not there yet; the first start makes it")
    if guest and found.get("forbidden"):
        says = f"is closed to {who.name}, which is no fault: the service is the user {ask.USER}"
        return Finding(True, what, f"{says}; sudo nobgd doctor looks at it")
    if "error" in found:
        return Finding(False, what, f"{found['error']}{_remedy(probe, found, who)}")
    if probe.local and found["network"]:
        says = f"is on {found['fstype']}, where locks are not safe; set state_dir to a local disk"
        return Finding(False, what, says)
    if found["no_inodes"] or (probe.write and found["free_mb"] < _LOW_MB):
        room = "no inodes" if found["no_inodes"] else f"{found['free_mb']:.0f} MB"
        return Finding(False, what, f"{room} left on {found['mountpoint']}; free some space")
    parts = [f"{found['fstype']} ({found['source']})"]
    if probe.what == "inbox":
        parts.append("inotify" if found["strategy"] == "inotify" else "polled")
    if "folders" in found:
        parts.append(f"{found['folders']} folder{'s' * (found['folders'] != 1)}")
    parts.append(f"{who.name} can {'write, sync and rename' if probe.write else 'read'}")
    parts.append(f"{found['free_mb'] / 1000:.0f} GB free")
    if found.get("caseless"):
        parts.append("A and a are the same name there")
    if found.get("decomposes") or found.get("mangles"):
        parts.append("accents in names are changed there")
    return Finding(True, what, ", ".join(parts))


def watches(results: _Answers) -> Finding:
    """Whether the kernel gives enough of them for all inboxes."""
    needed = sum(
        found.get("folders", 1)
        for probe, found in results
        if probe.what == "inbox" and found.get("strategy") == "inotify"
    )
    try:
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as limit:
            allowed = int(limit.read())
    except (OSError, ValueError):
        return Finding(True, "inotify", f"{needed} watches needed, the limit is not known")
    if needed * 1.2 < allowed:
        return Finding(True, "inotify", f"{needed} of {allowed} watches needed")
    more = "fs.inotify.max_user_watches"
    return Finding(
        False, "inotify",
        f"{needed} watches needed, {allowed} allowed; such folders are polled until you raise"
        f" it: echo {more}={4 * needed} | sudo tee /etc/sysctl.d/60-nobgd.conf"
        " && sudo sysctl --system",
    )  # fmt: skip


def clock(results: _Answers) -> Finding:
    """What the file systems' clocks are off."""
    off = [(abs(found["clock_s"]), probe.path) for probe, found in results if "clock_s" in found]
    worst, path = max(off, default=(0.0, ""))
    if worst < 2.0:
        return Finding(True, "clock", "this machine and the shares agree")
    says = f"{path} is {worst:.0f} s off; photos are not harmed, as only changes are compared"
    return Finding(True, "clock", says)


def _is_made(probe: Probe, found: dict[str, Any]) -> bool:
    """Whether the daemon makes it when it starts, and can."""
    may_in = found.get("may_make_in")  # None: in no folder
    if probe.what in _MADE_WITH_PARENTS:
        return may_in is not None
    return probe.what in _MADE and may_in == str(Path(probe.path).parent)


def _remedy(probe: Probe, found: dict[str, Any], who: Who) -> str:
    path = probe.path
    if found.get("missing"):
        make = f"; mount its share, or make it: sudo install -d -o {_owner(path, who)}"
        return f"{make} -g {who.group} -m 2775 {path}"
    if found.get("forbidden"):
        needs, may = ("write to", "rwX") if probe.write else ("read", "rX")
        acl = f"u:{who.name}:{may},d:u:{who.name}:{may}"
        group = f"sudo chgrp {who.group} {path} && sudo chmod g+{may.lower()}s {path}"
        says = f"; let {who.name} {needs} it: sudo setfacl -m {acl} {path}"
        return f"{says}, or without ACLs: {group}"
    return ""


def _owner(path: str, who: Who) -> str:
    """Who is to own a folder that is made: whoever owns what it is made in, but for root."""
    for above in Path(path).parents:
        with contextlib.suppress(OSError, KeyError):
            owner = above.stat().st_uid
            return pwd.getpwuid(owner).pw_name if owner else who.name
    return who.name

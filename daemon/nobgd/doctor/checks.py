"""The checks, in the order in which they are printed."""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
import tempfile
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nobgd import models
from nobgd.config import Config
from nobgd.config.folders import metrics_file
from nobgd.doctor import ask, capacity, cluster, device, page, program
from nobgd.doctor.ask import Probe, Who
from nobgd.doctor.finding import Finding
from nobgd.inference import engines
from nobgd.pool import choice, engine
from nobgd.status import control
from nobgd.systemd import unit

_LOW_MB = 1000.0


def examine(config: Config) -> Iterator[Finding]:
    """Every check; folders are looked at in parallel by processes of the service's user."""
    who = ask.service_user()
    guest = who.uid is None and who.name != ask.USER and _serves(config)
    probes = list(_probes(config))
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = [pool.submit(ask.ask, probe, who) for probe in probes]
        yield from _program(config, who)
        yield program.cpu()
        yield from _models(config)
        yield from capacity.look(config, who)
        results = []
        for probe, answer in zip(probes, answers, strict=True):
            results.append((probe, answer.result()))
            yield _folder(probe, results[-1][1], who, guest=guest)
    yield _watches(results)
    yield _clock(results)
    yield _unit(config)
    usable = {probe.path for probe, found in results if "error" not in found}
    yield _daemon(config, usable)
    if (found := page.look(config, serving=_serves(config))) is not None:
        yield found
    yield from cluster.home(config, serving=_serves(config))


def examine_worker(path: Path, shares: Mapping[str, Path] | None = None) -> Iterator[Finding]:
    """A machine that only works for another, by its join file, and ``shares`` besides its own."""
    yield program.python()
    yield program.loads("onnxruntime", "install nobgd again")
    yield program.cpu()
    yield from cluster.worker(path, shares)


def _program(config: Config, who: Who) -> Iterator[Finding]:
    yield program.python()
    yield program.loads("onnxruntime", "install nobgd again")
    used = {name for name, _ in choice.engines_of(config)}
    for name in sorted({*used, config.workers.engine} - {"auto", "onnxruntime", "cuda"}):
        install = engines.KINDS[name].install
        way_out = f"`{sys.executable} -m pip install '{install}'`, or engine: onnxruntime"
        yield program.loads(name, way_out)
    yield from device.look(config, who)
    runs = ", ".join(f"{name} ({precision})" for name, precision in choice.engines_of(config))
    there = ", ".join(name for name in engines.KINDS if engines.installed(name))
    yield Finding(True, "engine", f"{runs} runs the model; installed: {there}")
    if engine.matting(config):
        way_out = f"`{sys.executable} -m pip install rembg`, or output.edges: fine"
        yield program.loads("rembg", way_out)


def _models(config: Config) -> Iterator[Finding]:
    wanted = dict.fromkeys((each.name, each.precision, each.directory) for each in config.weights())
    for name, precision, directory in wanted:
        what = f"model {name} {precision}"
        try:
            found = models.find(name, precision, directory)
            with tempfile.TemporaryDirectory() as memory:  # read it now, whatever is remembered
                models.verify(found, Path(memory))
            yield Finding(True, what, f"{found.path}, its SHA-256 is right")
        except models.ModelError as error:
            yield Finding(False, what, str(error))


def _probes(config: Config) -> Iterator[Probe]:
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


def _folder(probe: Probe, found: dict[str, Any], who: Who, *, guest: bool = False) -> Finding:
    """``guest``: the asker is not the service's user; what is closed to him says nothing."""
    what = f"{probe.what} {probe.path}"
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


def _watches(results: list[tuple[Probe, dict[str, Any]]]) -> Finding:
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


def _clock(results: list[tuple[Probe, dict[str, Any]]]) -> Finding:
    off = [(abs(found["clock_s"]), probe.path) for probe, found in results if "clock_s" in found]
    worst, path = max(off, default=(0.0, ""))
    if worst < 2.0:
        return Finding(True, "clock", "this machine and the shares agree")
    says = f"{path} is {worst:.0f} s off; photos are not harmed, as only changes are compared"
    return Finding(True, "clock", says)


def _unit(config: Config) -> Finding:
    if not unit.installed("nobgd.service"):
        return Finding(True, "unit", "not installed as a service; systemd/install.sh does that")
    try:
        installed = Path(unit.PLACE).read_text(encoding="utf-8")
    except OSError:
        installed = ""
    origin = os.path.abspath(config.origin)
    used = _config_of(installed)
    if used != origin:
        return Finding(True, "unit", f"the installed service uses {used}, not {origin}")
    if ask.of_unit("NeedDaemonReload") == "yes":
        says = "its files changed; sudo systemctl daemon-reload && sudo systemctl restart nobgd"
        return Finding(False, "unit", says)
    wrong = unit.differences(installed, config, unit.machine(config))
    if not wrong:
        return Finding(True, "unit", f"{unit.PLACE} fits the configuration")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Finding(
        False, "unit",
        f"{wrong[0]}{more}; sudo nobgd unit --apply && sudo systemctl restart nobgd",
    )  # fmt: skip


def _config_of(dropin: str) -> str:
    for _, key, value in unit.read(dropin):
        name, _, path = value.strip('"').partition("=")
        if key == "Environment" and name == "NOBGD_CONFIG":
            return path
    return unit.USUAL_CONFIG


def _serves(config: Config) -> bool:
    """Whether the installed service runs with this configuration."""
    if not unit.installed("nobgd.service"):
        return False
    installed = ""
    with contextlib.suppress(OSError):
        installed = Path(unit.PLACE).read_text(encoding="utf-8")
    return _config_of(installed) == os.path.abspath(config.origin)


def _daemon(config: Config, usable: Set[str] = frozenset()) -> Finding:
    """``usable``: folders that a process of the service's user has found good just now."""
    try:
        answer = control.ask(config, {"do": "status"})
    except control.Busy as busy:
        return Finding(False, "daemon", str(busy))
    except control.NotRunning:
        return _not_running(config)
    except PermissionError:
        return Finding(True, "daemon", "runs; ask as root or as a member of its group")
    shut = [
        (box["outbox"], box["outbox_why"])
        for box in answer.get("inboxes", [])
        if not box.get("outbox_ready", True) and box.get("outbox_why")
    ]
    if not shut:
        return Finding(True, "daemon", f"runs: {answer.get('line', '')}")
    outbox, why = shut[0]
    says = f"runs, but cannot use {outbox}: {why}"
    if outbox in usable:
        says += "; it is good by now: if the daemon does not see it within a minute, it was made"
        says += " after the start: sudo systemctl restart nobgd"
    return Finding(False, "daemon", says)


def _not_running(config: Config) -> Finding:
    """A service that is to run and does not is a fault; where there is none, nothing is."""
    if not _serves(config):
        return Finding(True, "daemon", "is not running")
    if ask.of_unit("ActiveState") == "failed":
        result = ask.of_unit("Result")
        reason = f" ({result})" if result not in ("", "success") else ""
        says = f"has failed{reason}; journalctl -u nobgd -n 50 says why, and when that is mended:"
        return Finding(False, "daemon", f"{says} sudo systemctl restart nobgd")
    if ask.of_unit("UnitFileState") == "enabled":
        return Finding(False, "daemon", "is stopped, and enabled; sudo systemctl start nobgd")
    return Finding(True, "daemon", "is not running; sudo systemctl enable --now nobgd starts it")

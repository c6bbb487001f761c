"""The checks, in the order in which they are printed."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nobgd import models
from nobgd.config import Config
from nobgd.doctor import ask, capacity, cluster, device, folders, page, program
from nobgd.doctor.ask import Who
from nobgd.doctor.finding import Finding
from nobgd.inference import engines
from nobgd.pool import choice, engine
from nobgd.status import control
from nobgd.systemd import unit


def examine(config: Config) -> Iterator[Finding]:
    """Every check; folders are looked at in parallel by processes of the service's user."""
    who = ask.service_user()
    serving = _serves(config)
    guest = who.uid is None and who.name != ask.USER and serving
    new = not serving and not config.state_dir.exists()
    probes = list(folders.probes(config))
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = [pool.submit(ask.ask, probe, who) for probe in probes]
        yield from _program(config, who)
        yield program.cpu()
        yield from _models(config)
        yield from capacity.look(config, who)
        results = []
        for probe, answer in zip(probes, answers, strict=True):
            results.append((probe, answer.result()))
            yield folders.line(probe, results[-1][1], who, guest=guest, new=new)
    yield folders.watches(results)
    yield folders.clock(results)
    yield _unit(config)
    usable = {probe.path for probe, found in results if "error" not in found}
    yield _daemon(config, usable)
    if (found := page.look(config, serving=serving)) is not None:
        yield found
    yield from cluster.home(config, serving=serving)


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

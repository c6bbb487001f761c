"""Several machines: the broker, its certificate, and whether those that were invited are here."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nobgd.cluster.join import Join, JoinError
from nobgd.cluster.words import Cast
from nobgd.config import Config
from nobgd.doctor import ask, reached, shares
from nobgd.doctor.finding import Finding
from nobgd.inference import nvidia
from nobgd.machines.settings import Settings
from nobgd.status import control
from nobgd.systemd import machines, unit

_SOON_DAYS = 30.0
_WORKER = "nobgd-worker"  # the user of a worker's unit
_AGAIN = "sudo nobgd cluster init"
_THERE = "`nobgd doctor --worker FILE` there says why"


def home(config: Config, *, serving: bool) -> Iterator[Finding]:
    """``serving``: the installed service runs with this configuration."""
    cluster = config.cluster
    if cluster is None:
        return
    wanted = ("nats",) if cluster.listen is None else ("nats", "cryptography", "bcrypt")
    if (lacking := reached.packages(*wanted)) is not None:
        yield lacking
        return
    if cluster.listen is not None:
        yield from _broker_here(config, serving=serving)
    path = cluster.join or config.state_dir / "cluster" / "home.join"
    if not os.access(path, os.R_OK) and path.exists():
        yield Finding(True, f"join {path}", "is closed to you; sudo nobgd doctor looks at it")
        yield from shares.home(config, ask.service_user())
        return
    finding, found = reached.file(path)
    yield finding
    if found is not None:
        yield from reached.broker(found, home=True)
        yield from _others(config)
    yield from shares.home(config, ask.service_user())


def worker(path: Path, also: Mapping[str, Path] | None = None) -> Iterator[Finding]:
    """A machine that works for another, by its file; ``also`` has shares that it does not name."""
    from nobgd.machines import settings

    if (lacking := reached.packages("nats")) is not None:
        yield lacking
        return
    try:
        keys = settings.read(path)[0]
    except JoinError as error:
        yield Finding(False, "join", str(error))
        return
    finding, found = reached.file(keys.join)
    yield finding
    if found is None:
        return
    let_in = True
    for each in reached.broker(found, home=False):
        let_in = let_in and each.good
        yield each
    installed = unit.installed(machines.WORKER_UNIT)
    if installed:
        yield _unit(path, keys, found)
    cast = reached.said(found) if let_in else None
    if let_in:
        yield from _weights(path, keys, cast)
    if folders := {**keys.shares, **(also or {})}:
        yield from shares.worker(folders, cast, _worker_user(installed=installed))


def _weights(path: Path, keys: Settings, cast: Cast | None) -> Iterator[Finding]:
    """Are those here that home wants?  ``cast`` is what it has said; None: nothing in time."""
    from nobgd.machines import thinking

    if cast is None:
        says = "says nothing to this machine, as it does while a worker runs here; `nobgd worker"
        yield Finding(True, "home", f"{says} --join {path} --check` asks whether it may work")
        return
    if cast.refused:
        yield Finding(False, "home", f"refuses this machine: {cast.refused}")
    with tempfile.TemporaryDirectory() as memory:
        for each in cast.wanted:
            weights = thinking.found_here(keys, each, Path(memory))
            what = f"model {each.model} {each.precision}"
            if isinstance(weights, str):
                yield Finding(False, what, weights)
            else:
                yield Finding(True, what, f"{weights.path}, as home wants it")


def _worker_user(*, installed: bool) -> ask.Who:
    name = ask.of_unit("User", machines.WORKER_UNIT) if installed else ""
    return ask.service_user(name or _WORKER, machines.WORKER_UNIT)


def _unit(file: Path, keys: Settings, found: Join) -> Finding:
    wanted = machines.worker(keys.engine, found, nvidia.look(), keys.shares.values())
    wrong = unit.compared(machines.installed(machines.WORKER), wanted)
    if wrong:
        says = f"{wrong[0]}; sudo nobgd unit --worker {file} --apply && sudo systemctl restart"
        return Finding(False, "unit", f"{says} {machines.WORKER_UNIT}")
    state = ask.of_unit("ActiveState", machines.WORKER_UNIT)
    if state in ("active", "activating"):
        said = ask.of_unit("StatusText", machines.WORKER_UNIT)
        return Finding(True, "unit", f"{machines.WORKER_UNIT} runs{': ' if said else ''}{said}")
    if state == "failed":
        says = f"journalctl -u {machines.WORKER_UNIT} -n 30 says why; then sudo systemctl restart"
        return Finding(False, "unit", f"has failed; {says} {machines.WORKER_UNIT}")
    says = f"is not running; sudo systemctl enable --now {machines.WORKER_UNIT}"
    return Finding(False, "unit", says)


def _broker_here(config: Config, *, serving: bool) -> Iterator[Finding]:
    from nobgd.broker import authority, server
    from nobgd.broker import folder as folders

    wrong = server.wrong()
    program = server.find()
    said = wrong or f"{program} {server.version(program) if program else ''}"
    yield Finding(wrong is None, "nats-server", said)
    folder = folders.of(config)
    try:
        mine = (folder.path / "broker.pem").read_bytes()
        days = authority.days_left(mine, dt.datetime.now(dt.UTC))
    except FileNotFoundError:
        yield Finding(False, "broker", f"{folder.path}: it is not set up; {_AGAIN}")
        return
    except PermissionError:
        yield Finding(True, "broker", f"{folder.path} is closed to you; sudo nobgd doctor looks")
        return
    except (OSError, ValueError) as error:
        yield Finding(False, "broker", f"{folder.path}: {error}; {_AGAIN}")
        return
    what = f"broker {folder.path}"
    if days < _SOON_DAYS:
        ends = f"ends in {days:.0f} days" if days > 0 else f"ended {-days:.0f} days ago"
        yield Finding(False, what, f"its certificate {ends}; {_AGAIN}")
    else:
        yield Finding(True, what, f"its certificate is good for {days:.0f} days")
    if serving:
        yield _broker_unit(config)


def _broker_unit(config: Config) -> Finding:
    name = machines.BROKER_UNIT
    if not unit.installed(name):
        return Finding(False, name, "is not installed; sudo systemd/install.sh does that")
    if wrong := machines.differences(config):
        says = f"{wrong[0]}; sudo nobgd unit --apply && sudo systemctl restart {name}"
        return Finding(False, name, says)
    if ask.of_unit("ActiveState", name) == "active":
        return Finding(True, name, "runs")
    says = f"does not run; sudo systemctl enable --now {name}, or journalctl -u {name} -n 20"
    return Finding(False, name, says)


def _others(config: Config) -> Iterator[Finding]:
    """A line for each machine, as the daemon sees it; and those that it does not."""
    try:
        answer = control.ask(config, {"do": "status"})
    except (control.Busy, control.NotRunning, OSError):
        return
    if answer.get("broker"):
        yield Finding(True, "machines", "nothing is known of them while the broker is not reached")
        return
    here: dict[str, Any] = {each["host"]: each for each in answer.get("machines") or ()}
    invited = _invited(config)
    for host, each in sorted(here.items()):
        left = invited is not None and host not in invited
        yield Finding(each["state"] != "refused", f"machine {host}", _as_seen(each, left=left))
    for name in sorted((invited or set()) - here.keys()):
        says = f"was invited and is not here; {_THERE}, `nobgd cluster revoke {name}` shuts it out"
        yield Finding(True, f"machine {name}", says)


def _as_seen(each: dict[str, Any], *, left: bool) -> str:
    """What `status` knows of a machine; ``left``: it is invited no more."""
    if each["state"] == "lost":
        return "is not invited any more" if left else f"says nothing any more; {_THERE}"
    said = f"{each['state']}{': ' if each['why'] else ''}{each['why']}"
    return f"{said} · work: {each['mounted']}" if each.get("mounted") else said


def _invited(config: Config) -> set[str] | None:
    """The workers that may come in; None where that is not known here."""
    if config.cluster is None or config.cluster.listen is None:
        return None
    from nobgd.broker import folder as folders

    try:
        there = folders.machines(folders.of(config))
    except folders.BrokerError:
        return None
    return {each.name for each in there if each.role == "worker"}

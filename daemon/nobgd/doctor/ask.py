"""Ask a probe about a folder, as the service's user, and wait only so long."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_WAIT_S = 15.0
USER = "nobgd"


@dataclass(frozen=True, slots=True)
class Probe:
    """One folder, and what nobgd does with it."""

    what: str
    path: str
    write: bool = False
    count: bool = False
    mode: str = "auto"
    local: bool = False  # must not be on a share


@dataclass(frozen=True, slots=True)
class Who:
    """As whom to look; no ids: as we are."""

    name: str
    group: str
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()


def service_user(name: str = USER, unit: str = "nobgd.service") -> Who:
    """The service's user when we may become it and it exists, else ourselves."""
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            groups = {*os.getgrouplist(name, user.pw_gid), *_supplementary(unit)}
            group = grp.getgrgid(user.pw_gid).gr_name
            return Who(name, group, user.pw_uid, user.pw_gid, tuple(sorted(groups)))
    try:
        return Who(pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
    except KeyError:
        return Who(str(os.geteuid()), str(os.getegid()))


def _supplementary(unit: str) -> set[int]:
    """Groups that a drop-in of the unit gives in addition."""
    found: set[int] = set()
    for name in of_unit("SupplementaryGroups", unit).split():
        with contextlib.suppress(KeyError):
            found.add(int(name) if name.isdigit() else grp.getgrnam(name).gr_gid)
    return found


def of_unit(name: str, unit: str = "nobgd.service") -> str:
    """A property of an installed unit; empty where there is no systemd."""
    try:
        said = subprocess.run(
            ["systemctl", "show", unit, f"--property={name}", "--value"],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()


def ask(probe: Probe, who: Who) -> dict[str, Any]:
    """What the probe found; ``error`` when it does not answer."""
    asked = json.dumps(
        {"path": probe.path, "write": probe.write, "count": probe.count, "mode": probe.mode}
    )
    return run("nobgd.doctor.probe", asked, who, _WAIT_S)


def run(module: str, asked: str, who: Who, wait_s: float) -> dict[str, Any]:
    """What a module of ours says in JSON, run as this user; ``error`` when it does not."""
    become: dict[str, Any] = {}
    if who.uid is not None:
        become = {"user": who.uid, "group": who.gid, "extra_groups": who.groups}
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, asked], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", **become,
        )  # fmt: skip
    except OSError as error:
        return {"error": f"could not be examined: {who.name} cannot run {sys.executable}: "
                f"{error.strerror}"}  # fmt: skip
    try:
        out, errors = process.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)  # one that is stuck in the kernel stays
        return {"error": f"does not answer within {wait_s:.0f} s; is its server up?"}
    try:
        answer = json.loads(out)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        last = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"error": f"could not be examined: {' '.join(last) or process.returncode}"}
    return answer

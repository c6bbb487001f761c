"""What there is of NVIDIA's for the engine ``cuda``: package, driver, device files, a device.

`look` opens no device and imports nothing, so the supervisor may call it.  Whether a device
computes is found out by a process of its own (`nobgd.inference.device`), once.

Sources: the driver's README, "Device files" (its kernel module's number, /proc/driver/nvidia);
nvidia-modprobe(1); build_and_package_info.py of ONNX Runtime's wheels, which names the one that
was installed last.  Nothing here was ever run beside a GPU by us.
"""

from __future__ import annotations

import contextlib
import glob
import grp
import importlib.util
import json
import os
import pwd
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

PROC = "/proc/driver/nvidia"
DEV = "/dev"
WHEEL = "onnxruntime-gpu"
_LIBRARY, _INFO = "capi/libonnxruntime_providers_cuda.so", "capi/build_and_package_info.py"
_NEEDED = ("nvidiactl", "nvidia-uvm", "nvidia[0-9]")  # of which CUDA opens one each
_KINDS = (*_NEEDED, "nvidia[0-9][0-9]", "nvidia-caps/*", "nvidia-uvm-tools")
_WAIT_S = 120.0  # for a first look at a device that sleeps
_AGAIN_S = 60.0
_said: list[dict[str, Any]] = []  # the last answer, and when it came (monotonic)
_said_at: list[float] = []
_MAKES = "sudo nvidia-modprobe -c 0 -u"


@dataclass(frozen=True, slots=True)
class Found:
    """What is there, as files tell it."""

    wheel: str = ""  # whose ONNX Runtime is installed; "": none with CUDA in it ever was
    driver: str = ""  # version of the kernel's module; "": it is not loaded
    nodes: tuple[str, ...] = ()  # device files
    closed: tuple[tuple[str, str], ...] = ()  # those that we may not open, and their group


def look(proc: str = PROC, dev: str = DEV) -> Found:
    """Look at files; a few stat(2)."""
    found = tuple(sorted(path for kind in _KINDS for path in glob.glob(f"{dev}/{kind}")))
    ours = [path for path in found if "caps" not in path and not path.endswith("-tools")]
    closed = [path for path in ours if not os.access(path, os.R_OK | os.W_OK)]
    return Found(_wheel(), _driver(proc), found, tuple((path, _group(path)) for path in closed))


def there(found: Found) -> bool:
    """Whether package, driver and device files are there, whoever may open them."""
    return found.wheel == WHEEL and bool(found.driver and found.nodes)


def hinders(found: Found, python: str = sys.executable) -> str | None:
    """What is missing, and the command that mends it, in a sentence; None: nothing."""
    if not found.wheel:
        add = f"{python} -m pip install 'nobgd[cuda]' && {over(python)}"
        return f"{WHEEL} is not installed: run `{add}`"
    if found.wheel != WHEEL:
        return f"{found.wheel} lies over {WHEEL}: run `{over(python)}`"
    if not found.driver:
        return (
            "no NVIDIA driver is loaded: install it (Ubuntu: `sudo ubuntu-drivers install`,"
            " Debian: `sudo apt install nvidia-driver`)"
        )
    names = [os.path.basename(path) for path in found.nodes]
    for kind in _NEEDED:
        if not any(re.fullmatch(kind, name) for name in names):
            name = kind.replace("[0-9]", "0")
            service = "for the service `sudo nobgd unit --apply`"
            return f"{DEV}/{name} is not there: run `{_MAKES}` ({service})"
    if found.closed:
        path, group = found.closed[0]
        return (
            f"{_user()} may not open {path}: run `sudo usermod -aG {group} {_user()}` (for the"
            " service `sudo nobgd unit --apply`)"
        )
    return None


def over(python: str = sys.executable) -> str:
    """The command that lays ONNX Runtime with CUDA over the one without: both are one module."""
    return f"{python} -m pip install --force-reinstall --no-deps {WHEEL}"


def lacking() -> str | None:
    """What keeps a device from computing here, in a sentence; None: one has computed."""
    return hinders(look()) or answer()["why"]


def answer() -> dict[str, Any]:
    """What a process found that has a device compute: ``devices``, ``providers``, ``why`` not.

    What it found is remembered; a minute long where it was nothing.
    """
    now = time.monotonic()
    if not _said or (_said[0]["why"] and now > _said_at[0] + _AGAIN_S):
        _said[:], _said_at[:] = [_asked()], [now]
    return _said[0]


def _asked() -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nobgd.inference.device"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_WAIT_S, check=False, cwd="/",
        )  # fmt: skip
        said = json.loads(done.stdout)
        return {"why": said["why"], "devices": said["devices"], "providers": said["providers"]}
    except subprocess.TimeoutExpired:
        why = f"no device has answered within {_WAIT_S:.0f} s: see `nvidia-smi`"
    except (OSError, ValueError, KeyError, TypeError):
        why = "CUDA could not be tried: see `nobgd doctor`"
    return {"why": why, "devices": [], "providers": []}


def groups(found: Found) -> tuple[str, ...]:
    """Groups whose members alone may open the device files: those that are not for everybody."""
    shut = set()
    for path in found.nodes:
        with contextlib.suppress(OSError):
            if os.stat(path).st_mode & 0o006 != 0o006 and "caps" not in path:
                shut.add(_group(path))
    return tuple(sorted(shut - {"root"}))


def _wheel() -> str:
    spec = importlib.util.find_spec("onnxruntime")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if os.path.exists(os.path.join(folder, _LIBRARY)):
            with (
                contextlib.suppress(OSError),
                open(os.path.join(folder, _INFO), encoding="utf-8", errors="replace") as file,
            ):
                named = re.search(r"^package_name = '([\w.-]+)'", file.read(), re.MULTILINE)
                return named[1] if named is not None else WHEEL
            return WHEEL  # a build of somebody's own, which says nothing
    return ""


def _driver(proc: str) -> str:
    with (
        contextlib.suppress(OSError),
        open(f"{proc}/version", encoding="ascii", errors="replace") as file,
    ):
        named = re.search(r"\b\d{3}\.[\d.]+\b", file.read())
        return named[0] if named is not None else "of an unknown version"
    return ""


def _group(path: str) -> str:
    with contextlib.suppress(OSError, KeyError):
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    return "root"


def _user() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return str(os.geteuid())

"""How long a start takes, to READY and to the first result, and a killed lane to come back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import photos
from benchmarks.part import Bench, Verdict, at_most
from benchmarks.processes import children, words

_READY_S, _FIRST_S, _KILLED_S = 1.0, 1.3, 0.45  # bars
_LANE = b"nobgd.lane.process"
_LONGEST_S = 120.0


def measure(bench: Bench) -> dict[str, Any]:
    """Medians; ``cold`` has to build the optimised model first."""
    photo = bench.work / "first.jpg"
    photos.make(photos.sources(bench.photos)[0], (1920, 1080), photo, 0)
    cold = _start(bench, photo)
    warm = [_start(bench, photo) for _ in range(1 if bench.short else max(3, bench.runs // 2))]
    result = {
        "cold": cold,
        "warm": {key: statistics.median(each[key] for each in warm) for key in warm[0]},
    }
    bench.say(f"READY after {result['warm']['ready_s']:.2f} s, cold {cold['ready_s']:.2f} s")
    return result


def _start(bench: Bench, photo: Path) -> dict[str, float]:
    """A daemon, one photo waiting; then lanes are killed, then the model's process with them."""
    for name in ("in", "out", "state"):
        shutil.rmtree(bench.work / f"start-{name}", ignore_errors=True)
        (bench.work / f"start-{name}").mkdir()
    inbox, out = bench.work / "start-in", bench.work / "start-out"
    shutil.copy(photo, inbox / "one.jpg")
    config = bench.work / "start.yaml"
    settings = {
        "state_dir": str(bench.work / "start-state"), "cache_dir": str(bench.work / "start-cache"),
        "model": {"directory": str(bench.weights)},
        "inboxes": [{"path": str(inbox), "outbox": str(out), "watch": {"settle_s": 0}}],
    }  # fmt: skip
    config.write_text(json.dumps(settings))
    address = str(bench.work / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(address)
        told.settimeout(_LONGEST_S)
        began = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "nobgd", "run", "-c", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": address}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while b"READY=1" not in told.recv(4096):
                pass
            ready_s = time.monotonic() - began
            first_s = _appears(out / "one_nobg.png") - began
            undisturbed_s = _another(photo, inbox, out, "two")
            _kill(each for each in children(daemon.pid) if _LANE in words(each))
            killed_s = _another(photo, inbox, out, "three")
            _kill(children(daemon.pid))
            restarted_s = _another(photo, inbox, out, "four")
        finally:
            daemon.terminate()
            daemon.wait()
            Path(address).unlink()
    return {
        "ready_s": ready_s, "first_s": first_s, "undisturbed_s": undisturbed_s,
        "killed_s": killed_s, "restarted_s": restarted_s,
    }  # fmt: skip


def _kill(processes: Iterable[int]) -> None:
    for each in processes:
        os.kill(each, signal.SIGKILL)


def _another(photo: Path, inbox: Path, out: Path, name: str) -> float:
    """Seconds from dropping a photo with bytes of its own to its output."""
    began = time.monotonic()
    (inbox / f"{name}.jpg").write_bytes(photo.read_bytes() + name.encode())
    return _appears(out / f"{name}_nobg.png") - began


def _appears(path: Path) -> float:
    end = time.monotonic() + _LONGEST_S
    while not path.exists():
        if time.monotonic() > end:
            sys.exit(f"{path} did not appear in {_LONGEST_S:.0f} s")
        time.sleep(0.005)
    return time.monotonic()


def section(result: dict[str, Any]) -> list[str]:
    """The table of starts."""
    lines = [
        "## Start and restart", "",
        "`nobgd run` with a 2-megapixel photo waiting (settle_s 0); then a second photo, and a"
        " third after every lane was killed, a fourth after the model's process was, too.",
        "", "Seconds.", "",
        "| cache | READY | first result | second photo | lanes killed | model killed, too |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in ("cold", "warm"):
        each = result[name]
        keys = ("ready_s", "first_s", "undisturbed_s", "killed_s", "restarted_s")
        lines.append(f"| {name} | {' | '.join(f'{each[key]:.2f}' for key in keys)} |")
    return [*lines, "", "Cold: the optimised model is built first, once for each ONNX Runtime."]


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on starts with a warm cache."""
    warm = result["warm"]
    beyond = warm["killed_s"] - warm["undisturbed_s"]
    return [
        at_most("READY after start", warm["ready_s"], _READY_S, "s"),
        at_most("first result after start", warm["first_s"], _FIRST_S, "s"),
        at_most("killed lanes: beyond the photo's own time", beyond, _KILLED_S, "s"),
    ]

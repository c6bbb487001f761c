"""The page's process as systemd starts it: the first byte, rest, and the sockets that it makes.

`systemd-socket-activate` stands for the socket unit; strace tells of each socket.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.page_daemon import until
from benchmarks.part import Bench, Verdict, at_most

_TIMES = 7
_IDLE_S = 2  # ten minutes in the service
_SERVE = """
import sys
from pathlib import Path
from nobgd import config
from nobgd.config import webbing
from nobgd.web import serving
settings = config.load(Path(sys.argv[1]))
webbing.make(settings)
serving.serve(settings, serving.passed(), idle_s=float(sys.argv[2]))
"""
UNIT = Path(__file__).parent.parent / "systemd/nobgd-web.service"


def measure(bench: Bench) -> dict[str, Any]:
    """Milliseconds to the first byte, megabytes at rest, sockets made; {} without systemd."""
    if shutil.which("systemd-socket-activate") is None:
        bench.say("there is no systemd-socket-activate: start and rest of the page are left out")
        return {}
    home = bench.work / "web-rest"
    (home / "state").mkdir(parents=True)
    config = home / "nobgd.yaml"
    settings = {"state_dir": "state", "inboxes": [{"path": "in", "outbox": "out"}], "web": {}}
    config.write_text(json.dumps(settings))
    took = [_started(config, home) for _ in range(1 if bench.short else _TIMES)]
    return {
        "cold_ms": statistics.median(took),
        "at_rest_mb": _at_rest_mb(config),
        "network_sockets": _network_sockets(config, home),
        "exposure": _exposure(),
    }


def _started(config: Path, home: Path, *before: str, idle_s: float = 600) -> float:
    """Milliseconds from the first connection to the first byte; the process is ended then."""
    port = _free()
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", *before, sys.executable, "-c",
               _SERVE, str(config), str(idle_s)]  # fmt: skip
    with (home / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors)
    try:
        until(lambda: _listens(port), "the socket")
        began = time.monotonic()
        _first_byte(port)
        return (time.monotonic() - began) * 1000
    finally:
        process.terminate()
        process.wait()


def _at_rest_mb(config: Path) -> float:
    """What is left of the process when nobody has asked for a while: it has to have ended."""
    port = _free()
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", sys.executable, "-c",
               _SERVE, str(config), str(_IDLE_S)]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: _listens(port), "the socket")
    _first_byte(port)
    try:
        process.wait(20 * _IDLE_S)
    except subprocess.TimeoutExpired:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
        process.kill()
        process.wait()
        return int(found[1]) / 1024 if found else float("inf")
    return 0.0


def _network_sockets(config: Path, home: Path) -> int | None:
    """How many sockets but local ones the process makes, from its start to its first answer."""
    if shutil.which("strace") is None:
        return None
    trace = home / "trace"
    _started(config, home, "strace", "-D", "-f", "-e", "trace=socket", "-o", str(trace))
    made: list[str] = re.findall(r"socket\((AF_\w+)", trace.read_text())
    return len([family for family in made if family != "AF_UNIX"])


def _exposure() -> float | None:
    """What systemd-analyze says of the unit as it is shipped."""
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    return float(found[1]) if found else None


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    """Whether somebody listens; without a connection, which would start the process."""
    text = Path("/proc/net/tcp").read_text()
    return f"0100007F:{port:04X} 00000000:0000 0A" in text


def _first_byte(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if not line.recv(1):
            sys.exit("the page closed the connection")
        while line.recv(65_536):
            pass


def section(result: dict[str, Any]) -> list[str]:
    """One paragraph."""
    if "cold_ms" not in result:
        return []
    return [
        "",
        f"Started by its socket, the page's first byte comes after {result['cold_ms']:.0f} ms, with"
        " all of Python to be loaded; when nobody has asked for a while, its process has ended.",
    ]


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on what was measured."""
    found = []
    if "cold_ms" in result:
        found += [
            at_most("page's first byte, started by its socket", result["cold_ms"], 500.0, "ms"),
            at_most("page's process at rest", result["at_rest_mb"], 0.0, "MB"),
        ]
    if result.get("network_sockets") is not None:
        found.append(at_most("sockets to a network that the page's process makes",
                             result["network_sockets"], 0.0, "sockets"))  # fmt: skip
    if result.get("exposure") is not None:
        found.append(at_most("exposure of nobgd-web.service", result["exposure"], 0.3, "of 10"))
    return found

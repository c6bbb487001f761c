"""What a confined process can and cannot do, tried in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nobgd.lane import landlock

MODELS = Path(__file__).parents[2] / "models"
TRIALS = """
import ctypes, json, os, signal, socket, subprocess, sys, threading
ours, theirs, other, user, memory = sys.argv[1:]
from nobgd.lane import confine
elder = threading.Event() if user == "elder" else None
if elder:
    threading.Thread(target=elder.wait, daemon=True).start()
if user == "nobody":
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.chdir("/")
holds = confine.confine([ours], [theirs], int(memory))
said = {"holds": holds}
def attempt(name, act):
    try:
        said[name] = act() is not False
    except (OSError, MemoryError, subprocess.SubprocessError) as error:
        said[name] = type(error).__name__
def write(path):
    with open(path, "w") as file:
        file.write("x")
        file.flush()
        os.fsync(file.fileno())
libc = ctypes.CDLL(None)
attempt("read ours", lambda: open(ours + "/photo").read())
attempt("write ours", lambda: write(ours + "/new"))
attempt("delete ours", lambda: os.unlink(ours + "/photo"))
attempt("truncate ours", lambda: os.truncate(ours + "/photo", 1))
attempt("write theirs", lambda: write(theirs + "/.tmp"))
attempt("folder theirs", lambda: os.mkdir(theirs + "/sub"))
attempt("rename", lambda: libc.renameat2(
    -100, (theirs + "/.tmp").encode(), -100, (theirs + "/sub/a.png").encode(), 1) == 0)
attempt("sync folder", lambda: os.fsync(os.open(theirs, os.O_RDONLY)))
attempt("link theirs", lambda: os.symlink("/etc/passwd", theirs + "/link"))
attempt("pipe theirs", lambda: os.mkfifo(theirs + "/pipe"))
attempt("read other", lambda: open(other + "/secret").read())
attempt("list other", lambda: os.listdir(other))
attempt("list root", lambda: os.listdir("/"))
attempt("read password file", lambda: open("/etc/passwd").read(1))
attempt("environment of init", lambda: open("/proc/1/environ").read(1))
attempt("own state", lambda: open("/proc/self/status").read(1))
attempt("program", lambda: subprocess.run(["/bin/true"]))
attempt("process", os.fork)
attempt("thread", lambda: threading.Thread(target=str).start())
attempt("internet", lambda: socket.socket(socket.AF_INET))
attempt("local socket", lambda: socket.socket(socket.AF_UNIX))
attempt("pair", lambda: [one.close() for one in socket.socketpair()])
attempt("signal parent", lambda: os.kill(os.getppid(), 0))
attempt("signal group", lambda: os.kill(0, 0))
attempt("signal self", lambda: os.kill(os.getpid(), 0))
attempt("memory", lambda: len(bytearray(int(memory))))
print(json.dumps(said), flush=True)
os._exit(0)
"""
NEEDS_LANDLOCK = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")


def python(code: str, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CI": ""},
        check=False,
    )
    assert done.returncode == expect, done.stderr
    return done.stdout


def tried(folder: Path, user: str) -> dict[str, Any]:
    for name in ("ours", "theirs", "other"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    for name in ("ours/photo", "other/secret"):
        (folder / name).write_text("photo")
        (folder / name).chmod(0o666)
    paths = [str(folder / name) for name in ("ours", "theirs", "other")]
    said: dict[str, Any] = json.loads(python(TRIALS, *paths, user, str(1 << 30)))
    assert (folder / "ours/photo").read_text() == "photo"
    return said


@pytest.fixture(scope="module")
def as_owner(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tried(tmp_path_factory.mktemp("owner"), "owner")


@pytest.fixture(scope="module")
def as_nobody(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests ran as a plain one")
    folder = tmp_path_factory.mktemp("nobody")
    for above in [folder, *folder.parents][:-2]:
        above.chmod(above.stat().st_mode | 0o711)
    return tried(folder, "nobody")


@pytest.fixture(params=["as_owner", "as_nobody"])
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    given: dict[str, Any] = request.getfixturevalue(request.param)
    return given


def test_work(said: dict[str, Any]) -> None:
    """Reading the inbox and publishing whole files into the outbox work."""
    names = ("read ours", "write theirs", "folder theirs", "rename", "sync folder", "own state")
    assert {name: said[name] for name in names} == dict.fromkeys(names, True)


def test_threads_and_signals(said: dict[str, Any]) -> None:
    """Threads and own signals go on working."""
    names = ("thread", "signal self")
    assert {name: said[name] for name in names} == dict.fromkeys(names, True)


def test_seccomp(said: dict[str, Any]) -> None:
    """No program, process, socket or signal to others."""
    if "seccomp" not in said["holds"]:
        pytest.skip("seccomp does not hold here")
    names = (
        "program", "process", "internet", "local socket", "pair", "signal parent", "signal group",
    )  # fmt: skip
    assert [name for name in names if said[name] is True] == []


@NEEDS_LANDLOCK
def test_landlock(said: dict[str, Any]) -> None:
    """Nothing but what was granted is read, and nothing but the outbox is written."""
    names = (
        "write ours", "delete ours", "truncate ours", "link theirs", "pipe theirs",
        "read other", "list other", "list root", "read password file", "environment of init",
    )  # fmt: skip
    assert [name for name in names if said[name] is True] == []
    assert f"landlock:{landlock.abi()}" in said["holds"]


def test_memory(said: dict[str, Any]) -> None:
    """More memory than allowed is a MemoryError, not a killed machine."""
    assert said["memory"] == "MemoryError"


def test_privileges(said: dict[str, Any]) -> None:
    """What holds is said."""
    assert {"no_new_privs", "capabilities", "rlimit_as"} <= set(said["holds"])


@NEEDS_LANDLOCK
def test_older_threads_are_owned_up_to(tmp_path: Path) -> None:
    """Landlock does not reach threads that are older, and the log says so."""
    holds = tried(tmp_path, "elder")["holds"]
    assert f"landlock:{landlock.abi()} but for 1 older threads" in holds


def test_inference(tmp_path: Path) -> None:
    """ONNX Runtime loads and runs, and Pillow reads and writes, inside the confinement."""
    code = """
import os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
from nobgd.lane.confine import confine
print(confine([sys.argv[1]], [sys.argv[2]], 4 << 30))
import numpy, onnxruntime
from PIL import Image
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = 2, 1
session = onnxruntime.InferenceSession(sys.argv[1] + "/u2netp.onnx", options)
out = session.run(None, {"input.1": numpy.zeros((1, 3, 320, 320), numpy.float32)})[0]
Image.fromarray((out[0, 0] * 255).astype(numpy.uint8)).save(sys.argv[2] + "/mask.png")
Image.open(sys.argv[2] + "/mask.png").load()
"""
    said = python(code, str(MODELS), str(tmp_path))
    assert "no_new_privs" in said
    assert (tmp_path / "mask.png").stat().st_size > 0


@NEEDS_LANDLOCK
@pytest.mark.parametrize("change", ["appeared", "replaced", "mounted", "same", "left"])
def test_outdated(tmp_path: Path, change: str) -> None:
    """A granted folder that appears or is replaced later asks for a new process."""
    code = """
import sys
from nobgd.lane import confine
confine.confine([], sys.argv[1:], None)
print("confined", flush=True)
sys.stdin.readline()
print(confine.outdated() == (sys.argv[1],), confine.outdated([sys.argv[1], "/x"]) != ())
"""
    box = tmp_path / "box"
    if change != "appeared":
        box.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(box)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "confined\n"
        if change in ("replaced", "left"):
            box.rename(tmp_path / "old")
        if change in ("appeared", "replaced"):
            box.mkdir()
        if change == "mounted":
            mount = ["mount", "-t", "tmpfs", "test", str(box)]
            if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
                child.kill()
                pytest.skip("mounting is not allowed here")
        said, _ = child.communicate("go\n", timeout=100)
        if change == "mounted":
            subprocess.run(["umount", str(box)], check=True)
    assert said.split() == [str(change in ("appeared", "replaced", "mounted"))] * 2


def test_nothing_is_available(tmp_path: Path) -> None:
    """Where the kernel has neither Landlock nor seccomp, what remains is done and said."""
    code = """
import sys
from nobgd.lane import confine
confine.landlock.apply = lambda *_, **__: False
confine.seccomp.apply = lambda **_: False
print(*confine.confine([], [], None))
"""
    assert set(python(code, str(tmp_path)).split()) == {"no_new_privs", "capabilities"}

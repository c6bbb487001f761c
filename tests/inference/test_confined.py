"""What code in the model process could do, tried in a process confined like it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nobgd.lane import landlock

TRIALS = """
import ctypes, json, os, socket, sys, threading
weights, other = sys.argv[1:]
from nobgd.lane import confine
holds = confine.confine([weights], (), None, model=True)
said = {"holds": holds}
def attempt(name, act):
    try:
        said[name] = act() is not False
    except OSError as error:
        said[name] = type(error).__name__
libc = ctypes.CDLL(None, use_errno=True)
model = weights + "/model"
attempt("read weights", lambda: open(model).read())
attempt("list weights", lambda: os.listdir(weights))
attempt("thread", lambda: threading.Thread(target=str).start())
attempt("write weights", lambda: open(model, "r+"))
attempt("append to weights", lambda: open(model, "a"))
attempt("truncate weights by opening", lambda: os.open(model, os.O_RDONLY | os.O_TRUNC))
attempt("truncate weights", lambda: os.truncate(model, 0))
attempt("truncate what is open", lambda: os.ftruncate(os.open(model, os.O_RDONLY), 0))
attempt("remove weights", lambda: os.unlink(model))
attempt("rename weights", lambda: os.rename(model, model + "2"))
attempt("new file", lambda: open(weights + "/new", "w"))
attempt("new folder", lambda: os.mkdir(weights + "/sub"))
attempt("nameless file", lambda: os.open(weights, os.O_TMPFILE | os.O_RDWR))
attempt("hard link", lambda: os.link(model, weights + "/link"))
attempt("symbolic link", lambda: os.symlink(model, weights + "/link"))
attempt("times", lambda: os.utime(model))
attempt("times of what is open", lambda: os.utime(os.open(model, os.O_RDONLY)))
attempt("attribute", lambda: os.setxattr(os.open(model, os.O_RDONLY), "user.x", b"1"))
attempt("mode", lambda: os.chmod(model, 0o666))
attempt("read another file", lambda: open(other + "/photo").read())
attempt("list another folder", lambda: os.listdir(other))
attempt("write another folder", lambda: open(other + "/new", "w"))
attempt("internet", lambda: socket.socket(socket.AF_INET))
attempt("local socket", lambda: socket.socket(socket.AF_UNIX))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt("pair", socket.socketpair)
attempt("memory to share", lambda: os.memfd_create("x"))
attempt("process", os.fork)
attempt("signal", lambda: os.kill(os.getppid(), 0))
print(json.dumps(said), flush=True)
os._exit(0)
"""
MAY = {"read weights", "list weights", "thread"}
BY_LANDLOCK = {"read another file", "list another folder"}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("model")
    for name in ("weights", "other"):
        (folder / name).mkdir()
    (folder / "weights/model").write_text("weights")
    (folder / "other/photo").write_text("photo")
    done = subprocess.run(
        [sys.executable, "-c", TRIALS, str(folder / "weights"), str(folder / "other")],
        capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "weights/model").read_text() == "weights"
    assert sorted(os.listdir(folder / "weights")) == ["model"]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_reads_weights_and_works(said: dict[str, Any]) -> None:
    """Nothing that it needs is refused."""
    assert {name for name in MAY if said[name] is not True} == set()
    assert {"no_new_privs", "seccomp"} <= set(said["holds"])


def test_it_changes_nothing_and_reaches_nobody(said: dict[str, Any]) -> None:
    """No file is opened to write, made, renamed or touched; no socket, process or signal."""
    works = {name for name, how in said.items() if how is True} - MAY
    assert works <= BY_LANDLOCK


@pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
def test_it_sees_no_photo(said: dict[str, Any]) -> None:
    """Neither the files of another folder nor their names."""
    assert {name for name in BY_LANDLOCK if said[name] is True} == set()


DEVICE = """
import errno, fcntl, json, os, sys
weights, device, other = sys.argv[1:]
from nobgd.lane import confine
confine.confine([weights], (), None, model=True, device=[device])
said = {}
def attempt(name, act):
    try:
        act()
        said[name] = "works"
    except OSError as error:
        said[name] = errno.errorcode[error.errno]
attempt("open", lambda: os.open(device, os.O_RDWR | os.O_CLOEXEC))
open_one = os.open(device, os.O_RDWR)
attempt("ask the card", lambda: fcntl.ioctl(open_one, 0xC020462A, bytes(32)))
attempt("ask for memory", lambda: fcntl.ioctl(open_one, 73))
attempt("ask otherwise", lambda: fcntl.ioctl(open_one, 0x5412, b"x"))
attempt("open another", lambda: os.open(other, os.O_RDWR))
attempt("write weights", lambda: os.open(weights + "/model", os.O_RDWR))
attempt("make a file", lambda: os.open(weights + "/new", os.O_RDWR | os.O_CREAT))
attempt("truncate the device", lambda: os.open(device, os.O_RDWR | os.O_TRUNC))
print(json.dumps(said), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
def test_with_a_device_it_opens_that_one_to_write_and_asks_it(tmp_path: Path) -> None:
    """/dev/full stands for one: it knows no question of a card's (ENOTTY), but is asked."""
    (tmp_path / "model").write_text("weights")
    arguments = [str(tmp_path), "/dev/full", "/dev/ptmx"]
    done = subprocess.run(
        [sys.executable, "-c", DEVICE, *arguments],
        capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "open": "works", "ask the card": "ENOTTY", "ask for memory": "ENOTTY",
        "ask otherwise": "EPERM", "open another": "EACCES", "write weights": "EACCES",
        "make a file": "EPERM", "truncate the device": "EPERM",
    }  # fmt: skip
    assert (tmp_path / "model").read_text() == "weights"

"""No name reaches a terminal raw, from any verb: run on a real one, with names that try."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nobgd.cli import screen

EVIL = b"\x1b]0;owned\x07\x1b[2J\x9b31m\r\nx\xc2\x9b5n\xe2\x80\xae\xff\t\x08%s{}[red].jpg"
OURS = re.compile(  # what rich and the verbs themselves draw
    rb"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[ABK]|\x1b\[2K|\x1b\[H\x1b\[2J|\r\n?|\n"
)


def on_a_terminal(*arguments: str, limit_s: float = 60.0, until: bytes | None = None) -> bytes:
    """What a verb writes to a terminal of its own, stdout and stderr together."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "250", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [sys.executable, "-m", "nobgd", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    ) as verb:  # fmt: skip
        os.close(theirs)
        said, end = b"", time.monotonic() + limit_s
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # EIO: all of its ends are closed
                    break
                if not piece:
                    break
                said += piece
            elif verb.poll() is not None:
                break
            if until is not None and until in said:
                break
        verb.terminate()
    os.close(ours)
    return said


def raw_in(said: bytes) -> list[bytes]:
    """Control characters, C1 ones and those that turn text round, but for our own drawing."""
    rest = OURS.sub(b"", said)
    text = rest.decode("utf-8", "surrogateescape")
    return [c.encode("utf-8", "surrogateescape") for c in text if not c.isprintable() and c != "\t"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inbox with bad photos of such names, worked through once; folders are called so too."""
    folder = tmp_path_factory.mktemp("terminal")
    inbox = os.path.join(os.fsencode(folder), b"in\x1b[31m\xc2\x9b")
    os.mkdir(inbox)
    for number, content in enumerate((b"\xff\xd8\xff\xe0 no photo", b"\x89PNG\r\n\x1a\n")):
        with open(os.path.join(inbox, b"%d" % number + EVIL.replace(b"/", b"")), "wb") as file:
            file.write(content)
    (folder / "nobgd.yaml").write_text(
        "state_dir: state\ncache_dir: cache\nmodel: {name: u2netp}\n"
        "watch: {settle_s: 0.2}\n"
        "log: {file: log.jsonl}\nworkers: {attempts: 1}\n"
        'inboxes: [{path: "in\\x1b[31m\\u009b", outbox: out, quarantine: set-aside}]\n'
    )
    return folder


@pytest.fixture(scope="module")
def once(place: Path) -> bytes:
    return on_a_terminal("once", "-c", str(place / "nobgd.yaml"))


def test_once(once: bytes) -> None:
    """The bar, the table and what failed."""
    assert b"failed" in once
    assert rb"\x1b]0;owned" in once
    assert raw_in(once) == []


@pytest.mark.parametrize(
    "verb",
    [
        "status", "check", "doctor", "unit", "why", "why nothing", "retry", "retry nothing",
        "pause", "resume", "report", "report --format csv", "report --format markdown",
        "models list", "models verify", "nonsense", "unknown file", "run",
    ],
)  # fmt: skip
def test_every_verb(place: Path, once: bytes, verb: str) -> None:
    """What it says of such names, wherever they stand: arguments, reasons, folders, errors."""
    assert once
    config = str(place / "nobgd.yaml")
    inbox = os.path.join(str(place), "in\x1b[31m\u009b")
    names = sorted(os.listdir(inbox))
    evil = os.path.join(inbox, names[0])
    absent = os.path.join(inbox, "absent" + names[0])
    models = place / "m\x1b[31m"
    (models).mkdir(exist_ok=True)
    lines = {
        "why": ["why", "-c", config, evil],
        "why nothing": ["why", "-c", config, absent],
        "retry nothing": ["retry", "-c", config, absent],
        "report": ["report", str(place / "log.jsonl")],
        "report --format csv": ["report", "--format", "csv", str(place / "log.jsonl")],
        "report --format markdown": ["report", "--format", "markdown", str(place / "log.jsonl")],
        "models list": ["models", "list", "--directory", str(models)],
        "models verify": ["models", "verify", "u2net", "--directory", str(models)],
        "nonsense": ["status", "-c", config, "more\x1b[31m\u009b"],
        "unknown file": ["check", "-c", absent],
    }
    until = b"is ready" if verb == "run" else None
    said = on_a_terminal(*lines.get(verb, [verb, "-c", config]), until=until, limit_s=90)
    assert said.strip()
    assert raw_in(said) == []


def test_json_stays_json(place: Path, once: bytes) -> None:
    """For a program, with every name as it is."""
    assert once
    said = on_a_terminal("status", "--json", "-c", str(place / "nobgd.yaml"))
    assert raw_in(said) == []
    assert json.loads(said)["failures"]


def test_what_is_printable_is_left_alone() -> None:
    """Line ends and tabs too; everything else is escaped as names are."""
    for text in ("plain", "Größe 5 × 3\n\tzwei\n", "", "a\r\nb"):
        assert screen.printable(text) == text.replace("\r\n", "\n")
    assert screen.printable("a\x1b[2J\x07\x9b\u202e\udcff\r") == (
        "a\\x1b[2J\\x07\\x9b\\u202e\\udcff\\r"
    )


@pytest.mark.parametrize("words", [["check"], ["list"], ["status"], ["why", "x.jpg"], ["doctor"]])
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path, words: list[str]) -> None:
    """Of whatever verb; its exit code says that the answer is not whole."""
    (tmp_path / "in").mkdir()
    config = tmp_path / "nobgd.yaml"
    config.write_text("state_dir: state\nmodel: {name: u2netp}\ninboxes: [{path: in, outbox: o}]\n")
    command = [sys.executable, "-m", "nobgd", *words, "-c", str(config)]
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )
    wrong = "standard output: No space left on device; write it to another place\n"
    assert (ran.returncode, ran.stderr) == (3, wrong)


def test_a_reader_that_has_ended_is_no_failure(tmp_path: Path) -> None:
    """`nobgd check | head -1`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "nobgd.yaml").write_text("inboxes: [{path: in, outbox: out}]\n")
    command = [sys.executable, "-m", "nobgd", "check", "-c", str(tmp_path / "nobgd.yaml")]
    theirs, ours = os.pipe()
    os.close(theirs)
    ran = subprocess.run(command, stdout=ours, stderr=subprocess.PIPE, check=False)
    os.close(ours)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_nobodys(tmp_path: Path, closed: str) -> None:
    """What is opened next would take its number, and what is said go into it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "nobgd.yaml").write_text("inboxes: [{path: in, outbox: out}]\n")
    script = f'"$@" {closed}; echo "code $?" >&9; exec 9>&-'
    command = [sys.executable, "-m", "nobgd", "check", "-c", str(tmp_path / "nobgd.yaml")]
    with (tmp_path / "code").open("wb") as code:
        full = ["bash", "-c", f"exec 9>&{code.fileno()}; {script}", "bash", *command]
        ran = subprocess.run(full, capture_output=True, pass_fds=[code.fileno()], check=False)
    assert (tmp_path / "code").read_text() == "code 0\n"
    assert ran.stderr == b""

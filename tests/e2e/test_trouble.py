"""Bad input, kills and missing folders, through the real daemon."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from e2e.conftest import Daemon


def bad_files(inbox: Path, photo: Path) -> dict[str, str]:
    """Name → the code or event it must end in."""
    (inbox / "text.jpg").write_text("this is not a picture\n" * 50)
    (inbox / "empty.png").touch()
    (inbox / "cut.jpg").write_bytes(photo.read_bytes()[:20_000])
    (inbox / "notes.txt").write_text("mine")
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / "link.jpg").symlink_to("/etc/passwd")
    Image.new("L", (20_000, 15_000)).save(inbox / "huge.png")
    data = bytearray(photo.read_bytes())
    data[600:700] = bytes(100)
    (inbox / "broken.jpg").write_bytes(data)
    return {"text.jpg": "not_a_picture", "empty.png": "empty", "cut.jpg": "truncated",
            "huge.png": "too_large"}  # fmt: skip


def test_bad_input_costs_nobody_else(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Each ends with a code and a sentence, its original untouched; the good ones are done."""
    d = daemon()
    codes = bad_files(d.inbox, photo)
    odd = os.fsencode(d.inbox) + b"/caf\xe9\n.jpg"
    shutil.copyfile(photo, odd)
    shutil.copy(photo, d.inbox / "good.jpg")
    before = {
        p.name: p.read_bytes() for p in d.inbox.iterdir() if p.is_file() and not p.is_symlink()
    }
    d.start()
    quarantined: dict[str, Any] = {}

    def all_told() -> bool:
        events = d.events("photo.quarantined")
        quarantined.update({Path(e["source"]).name: e for e in events})
        return codes.keys() <= quarantined.keys()

    d.until(all_told, 90)
    d.await_done(2)
    for name, code in codes.items():
        assert quarantined[name]["code"] == code
        why = d.root / "state/quarantine/in" / f"{name}.why.txt"
        d.until(why.exists)
        assert why.read_text().splitlines()[0] == quarantined[name]["reason"]
    skipped = {Path(e["source"]).name for e in d.events("photo.skipped")}
    assert {"notes.txt", "pipe.jpg", "link.jpg"} <= skipped
    assert (d.outbox / "good_nobg.png").exists()
    assert os.path.exists(os.fsencode(d.outbox) + b"/caf\xe9\n_nobg.png")
    after = {
        p.name: p.read_bytes() for p in d.inbox.iterdir() if p.is_file() and not p.is_symlink()
    }
    assert after == before
    assert d.stop() == 0


def test_a_missing_inbox_is_waited_for(
    daemon: Callable[..., Daemon], photo: Path, tmp_path: Path
) -> None:
    """The daemon starts, says so, and picks up when it appears."""
    d = daemon()
    d.inbox.rmdir()
    d.start()
    d.until(lambda: d.events("inbox.lost"))
    (tmp_path / "new").mkdir()
    shutil.copy(photo, tmp_path / "new/a.jpg")
    (tmp_path / "new").rename(d.inbox)
    d.await_done(1)
    assert d.events("inbox.back")


def test_a_kill_loses_and_doubles_nothing(daemon: Callable[..., Daemon], photo: Path) -> None:
    """SIGKILL in the middle, start again: every photo once, no temp left."""
    d = daemon()
    for number in range(6):
        with Image.open(photo) as picture:
            picture.resize((600 - number, 400)).save(d.inbox / f"{number}.jpg")
    d.start()
    d.await_done(2)
    d.kill()
    d.start()
    d.until(lambda: len(d.outputs()) == 6 and len(d.events("photo.done")) >= 6)
    assert d.stop() == 0
    outputs = [e["output"] for e in d.events("photo.done")]
    assert sorted(outputs) == sorted(set(outputs))
    assert not list(d.outbox.rglob(".nobgd-*"))


def test_a_killed_lane_costs_one_attempt_of_one_photo(
    daemon: Callable[..., Daemon], photo: Path
) -> None:
    """The photo is tried again by a new lane."""
    d = daemon(workers={"count": 1, "threads": 1}).start()
    assert d.process is not None
    children = Path(f"/proc/{d.process.pid}/task/{d.process.pid}/children").read_text().split()
    for name in ("a", "b"):
        with Image.open(photo) as picture:
            picture.resize((600, 300 + ord(name))).save(d.inbox / f"{name}.jpg")
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    d.await_done(2)
    assert d.outputs() == ["a_nobg.png", "b_nobg.png"]


def test_a_lost_ledger_costs_no_rework(daemon: Callable[..., Daemon], photo: Path) -> None:
    """`once` does the work, then nothing; without its state it recognises its own outputs."""
    d = daemon()
    shutil.copy(photo, d.inbox / "a.jpg")
    first = d.verb("once")
    assert first.returncode == 0, first.stderr
    stamp = os.stat(d.outbox / "a_nobg.png")
    second = d.verb("once")
    assert second.returncode == 0
    assert "Nothing to do" in second.stderr
    shutil.rmtree(d.root / "state")
    third = d.verb("once")
    assert third.returncode == 0
    assert "1 were done already" in third.stderr
    assert "photo.done" not in third.stdout
    assert os.stat(d.outbox / "a_nobg.png").st_ino == stamp.st_ino


def test_once_says_that_something_failed(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Exit 1, the reason in the closing table, the others done."""
    d = daemon()
    (d.inbox / "text.jpg").write_text("no picture")
    shutil.copy(photo, d.inbox / "a.jpg")
    result = d.verb("once")
    assert result.returncode == 1
    assert "not a picture" in re.sub(r"\s+", " ", result.stderr)
    assert d.outputs() == ["a_nobg.png"]
    freed = d.verb("retry", "--all")
    assert freed.returncode == 0
    (d.inbox / "text.jpg").unlink()
    assert d.verb("once").returncode == 0


@pytest.mark.parametrize("source", ["archive", "delete"])
def test_sources_go_only_after_their_output_is_whole(
    daemon: Callable[..., Daemon], photo: Path, source: str
) -> None:
    """Archive moves, delete removes; `photo.done` was said before."""
    inbox = {"source": source, **({"archive": "archive"} if source == "archive" else {})}
    d = daemon(inbox=inbox)
    (d.inbox / "sub").mkdir()
    shutil.copy(photo, d.inbox / "sub/a.jpg")
    d.start()
    d.await_done(1)
    d.until(lambda: not (d.inbox / "sub/a.jpg").exists())
    assert d.outputs() == ["sub/a_nobg.png"]
    if source == "archive":  # it is looked at on its way there, under neither name
        d.until(lambda: (d.root / "archive/sub/a.jpg").exists())
        assert (d.root / "archive/sub/a.jpg").read_bytes() == photo.read_bytes()
    assert d.stop() == 0


def test_a_foreign_file_in_the_outbox_is_kept(daemon: Callable[..., Daemon], photo: Path) -> None:
    """A file that nobgd did not make is never overwritten."""
    d = daemon()
    d.outbox.mkdir()
    (d.outbox / "a_nobg.png").write_bytes(b"mine")
    shutil.copy(photo, d.inbox / "a.jpg")
    d.start()
    (event,) = d.await_done(1)
    assert (d.outbox / "a_nobg.png").read_bytes() == b"mine"
    assert event["output"].endswith("a.jpg_nobg.png")


def test_a_second_daemon_is_refused(daemon: Callable[..., Daemon], photo: Path) -> None:
    """One sentence, exit 3; the first one goes on."""
    d = daemon().start()
    second = d.verb("run")
    assert second.returncode == 3
    assert len(second.stderr.strip().splitlines()) == 1
    assert "another nobgd" in second.stderr
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)


def test_an_altered_model_is_refused(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """Exit 3 with both checksums and the way out."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/u2netp.onnx").write_bytes(b"altered")
    d = daemon(model={"name": "u2netp", "directory": "weights"})
    result = d.verb("run")
    assert result.returncode == 3
    assert "u2netp.onnx" in result.stderr


def test_bad_configuration_is_exit_2(daemon: Callable[..., Daemon]) -> None:
    """Every error, nothing started."""
    d = daemon()
    d.config.write_text("inboxs: []\nworkers: {count: none}\n")
    result = d.verb("run")
    assert result.returncode == 2
    assert "did you mean inboxes" in result.stderr
    assert "workers.count" in result.stderr


def test_why_pause_and_status_answer(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Asked of the running daemon over its socket, and of the ledger without one."""
    d = daemon().start()
    assert "paused: all" in d.verb("pause").stdout
    shutil.copy(photo, d.inbox / "a.jpg")
    path = str(d.inbox / "a.jpg")
    d.until(lambda: "is paused" in d.verb("why", path).stdout)
    assert "resumed" in d.verb("resume").stdout
    d.await_done(1)
    assert re.search(r"done as .*a_nobg.png at .*, in \d+\.\d s", d.verb("why", path).stdout)
    assert "in no inbox" in d.verb("why", "/etc/passwd").stdout
    assert "matches the rule" in d.verb("why", str(d.inbox / ".x.jpg")).stdout
    answer = json.loads(d.verb("status", "--json").stdout)
    assert answer["running"]
    assert answer["inboxes"][0]["done"] == 1
    assert d.stop() == 0
    assert "done as" in d.verb("why", path).stdout
    assert not json.loads(d.verb("status", "--json").stdout)["running"]


def test_a_reload_changes_what_changed_or_nothing(
    daemon: Callable[..., Daemon], photo: Path
) -> None:
    """A wrong file keeps the old configuration; a right one is applied without a restart."""
    d = daemon().start()
    assert d.process is not None
    good = json.loads(d.config.read_text())
    d.config.write_text("inboxes: nonsense")
    d.process.send_signal(signal.SIGHUP)
    d.until(lambda: d.events("service.reload_refused"))
    (d.root / "in2").mkdir()
    good["inboxes"].append({"path": "in2", "outbox": "out2"})
    d.config.write_text(json.dumps(good))
    d.process.send_signal(signal.SIGHUP)
    d.until(lambda: d.events("service.reloaded"))
    shutil.copy(photo, d.root / "in2/b.jpg")
    with Image.open(photo) as picture:
        picture.resize((300, 200)).save(d.inbox / "a.jpg")
    d.await_done(2)
    assert (d.root / "out2/b_nobg.png").exists()
    assert d.stop() == 0


def test_the_supervisor_never_loads_a_decoder(daemon: Callable[..., Daemon], photo: Path) -> None:
    """No numpy, onnxruntime or Pillow in its memory map, and at most 60 MB of it."""
    d = daemon().start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    assert d.process is not None
    maps = Path(f"/proc/{d.process.pid}/maps").read_text()
    assert not re.search(r"/(numpy|onnxruntime|PIL|rembg)/", maps)
    status = Path(f"/proc/{d.process.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    assert peak
    peak_kb = int(peak[1])
    assert peak_kb * 1024 <= 60e6


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_is_sent_anywhere(
    daemon: Callable[..., Daemon], photo: Path, tmp_path: Path
) -> None:
    """No internet socket is opened in 15 s of work, where ONNX Runtime's telemetry would show."""
    d = daemon()
    shutil.copy(photo, d.inbox / "a.jpg")
    trace = tmp_path / "trace"
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    nobgd = [sys.executable, "-m", "nobgd", "run", "-c", str(d.config)]
    trace_options = ["-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)]
    command = ["strace", *trace_options, "timeout", "-s", "TERM", "15", *nobgd]
    with d.log.open("wb") as log:
        subprocess.run(command, stdout=log, env=environment, check=False, timeout=100)
    assert d.events("photo.done")
    assert "AF_INET" not in trace.read_text()


def test_inputs_are_never_changed(daemon: Callable[..., Daemon], photo: Path) -> None:
    """Checksum and time of the source are what they were."""
    d = daemon()
    shutil.copy(photo, d.inbox / "a.jpg")
    before = os.stat(d.inbox / "a.jpg")
    digest = hashlib.sha256((d.inbox / "a.jpg").read_bytes()).hexdigest()
    d.start()
    (event,) = d.await_done(1)
    after = os.stat(d.inbox / "a.jpg")
    assert event["sha256"] == digest
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)

"""Where lines go, and what happens when they cannot."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nobgd.record.log import Log
from nobgd.record.sinks import in_full


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_goes_to_stdout_and_file(tmp_path: Path) -> None:
    """One JSON object each, with time and level."""
    out = io.StringIO()
    log = Log(file=str(tmp_path / "log"), stdout=out)
    log.bound().info("service.ready", lanes=2)
    (event,) = lines(tmp_path / "log")
    assert json.loads(out.getvalue()) == event
    assert (event["event"], event["level"], event["lanes"]) == ("service.ready", "info", 2)
    assert event["timestamp"].endswith("Z")


def test_the_level_keeps_lesser_lines_out(tmp_path: Path) -> None:
    """Debug and info stay out of a log of warnings."""
    log = Log("warning", str(tmp_path / "log"), stdout=io.StringIO())
    say = log.bound()
    say.info("no")
    say.warning("yes")
    assert [e["event"] for e in lines(tmp_path / "log")] == ["yes"]


def test_pretty_is_for_stdout_only(tmp_path: Path) -> None:
    """People read the terminal, programs the file."""
    out = io.StringIO()
    log = Log(file=str(tmp_path / "log"), show=in_full(), stdout=out)
    log.bound().info("photo.done", source="a.jpg")
    assert "photo.done" in out.getvalue()
    assert not out.getvalue().startswith("{")
    assert lines(tmp_path / "log")


def test_a_rotated_file_is_opened_anew(tmp_path: Path) -> None:
    """The name counts, not the file it used to be."""
    log = Log(file=str(tmp_path / "log"), stdout=io.StringIO())
    log.bound().info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.bound().info("two")
    assert [e["event"] for e in lines(tmp_path / "log")] == ["two"]
    assert [e["event"] for e in lines(tmp_path / "log.1")] == ["one"]


def test_a_torn_line_stays_by_itself(tmp_path: Path) -> None:
    """After a power cut in the middle of a line the next one starts on its own."""
    (tmp_path / "log").write_text('{"event": "to')
    Log(file=str(tmp_path / "log"), stdout=io.StringIO()).bound().info("next")
    assert json.loads((tmp_path / "log").read_text().splitlines()[1])["event"] == "next"


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Once, on stdout; each line is shown there once, and the file gets them all in their order."""
    out = io.StringIO()
    log = Log(file=str(tmp_path / "none/log"), stdout=out)
    for number in range(5):
        log.bound().info("one", number=number)
    assert not log.finish(['{"event": "photo.done", "timestamp": "2001"}'])
    (tmp_path / "none").mkdir()
    assert log.repay('{"event": "photo.done", "timestamp": "9999"}')
    log.caught_up()
    shown = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert shown == ["one", "log.lost", *["one"] * 4, "photo.done", "log.back"]
    taken = lines(tmp_path / "none/log")
    assert [event["event"] for event in taken] == [*["one"] * 5, "photo.done", "log.back"]
    assert [event["number"] for event in taken[:5]] == [0, 1, 2, 3, 4]
    assert (taken[-1]["lines"], taken[-1]["dropped"]) == (6, 0)
    assert not log.behind


def test_of_too_many_lines_the_oldest_are_lost_and_counted(tmp_path: Path) -> None:
    """A log that cannot be written for long costs a thousand lines of memory."""
    log = Log(file=str(tmp_path / "none/log"), stdout=io.StringIO())
    for number in range(1500):
        log.bound().info("one", number=number)
    (tmp_path / "none").mkdir()
    log.caught_up()
    taken = lines(tmp_path / "none/log")
    assert [event.get("number") for event in taken[:2]] == [500, 501]
    assert (taken[-1]["lines"], taken[-1]["dropped"]) == (1000, 500)


def test_a_full_disk_is_asked_again_after_a_pause_that_grows() -> None:
    """And is not offered each line anew."""
    log = Log(file="/dev/full", stdout=io.StringIO())
    pauses = []
    for _ in range(8):
        assert not log.repay('{"event": "x"}')
        pauses.append(log.retry_at - time.monotonic())
    assert [round(pause) for pause in pauses] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_nothing_stays_of_a_line_that_did_not_fit(tmp_path: Path) -> None:
    """What a full disk took of it is taken back, and the line follows whole."""
    code = """if True:
        import json, resource, signal, sys
        from nobgd.record.log import Log
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        log = Log(file=sys.argv[1])
        log.write(json.dumps({"event": "one", "text": "x" * 100}))
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
        log.write(json.dumps({"event": "two", "text": "y" * 100}))
        assert log.behind
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        log.caught_up()
    """
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")], capture_output=True, check=True
    )
    shown = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert shown == ["one", "two", "log.lost", "log.back"]
    assert [e["event"] for e in lines(tmp_path / "log")] == ["one", "two", "log.back"]


def test_a_link_is_followed_only_if_it_was_there_at_the_start(tmp_path: Path) -> None:
    """Root's, or our own: later somebody else might make one that points anywhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere/real")
    log = Log(file=str(tmp_path / "log"), stdout=io.StringIO())
    log.write('{"event": "one"}')
    assert lines(tmp_path / "elsewhere/real") == [{"event": "one"}]
    (tmp_path / "elsewhere/real").rename(tmp_path / "elsewhere/old")
    (tmp_path / "secret").write_text("kept\n")
    (tmp_path / "elsewhere/real").symlink_to(tmp_path / "secret")
    log.write('{"event": "two"}')
    assert log.behind
    assert (tmp_path / "secret").read_text() == "kept\n"
    (tmp_path / "elsewhere/real").unlink()
    log.caught_up()
    assert [event["event"] for event in lines(tmp_path / "elsewhere/real")] == ["two", "log.back"]


def test_a_pipe_is_no_log(tmp_path: Path) -> None:
    """Opening one would wait for somebody who reads it."""
    os.mkfifo(tmp_path / "log")
    out = io.StringIO()
    log = Log(file=str(tmp_path / "log"), stdout=out)
    log.write('{"event": "one"}')
    assert log.behind
    assert "log.lost" in out.getvalue()


def test_what_stdout_has_not_taken_is_not_written_twice(tmp_path: Path) -> None:
    """Where it is the log: a full disk behind it leaves nothing in a buffer."""
    with (tmp_path / "out").open("a") as real, open("/dev/full", "w") as full:
        log = Log(stdout=full)
        assert not log.finish(['{"event": "one"}'])
        log._stdout._stream = real
        assert log.repay('{"event": "one"}')
        log.caught_up()
    assert [event["event"] for event in lines(tmp_path / "out")] == ["one", "log.back"]


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    """After a crash the tail tells whether a line made it."""
    log = Log(file=str(tmp_path / "log"), stdout=io.StringIO())
    log.write('{"event": "x", "n": 1}')
    assert log.holds('{"event": "x", "n": 1}')
    assert not log.holds('{"event": "x", "n": 2}')


def test_of_many_lines_those_before_a_refusal_are_told(tmp_path: Path) -> None:
    """The log says how many it has, keeps no part of another, and gets the rest once."""
    given = [f'{{"event": "photo.done", "n": {number}}}' for number in range(10, 50)]
    log = Log(file=str(tmp_path / "log"), stdout=io.StringIO())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (21 * len(given[0]), before[1]))  # 20 with their ends
    try:
        assert log.finish(given) == 20
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.behind
    assert log.finish(given[20:]) == 0
    assert all(log.repay(line) for line in given[20:])
    log.caught_up()
    found = lines(tmp_path / "log")
    assert [event.get("n") for event in found] == [*range(10, 50), None]


def test_what_is_not_to_be_shown_is_not(tmp_path: Path) -> None:
    """A person reads less than a program."""
    out = io.StringIO()
    log = Log(file=str(tmp_path / "log"), show=lambda _: None, stdout=out)
    log.bound().info("lane.confined", lane=0, holds=[])
    assert out.getvalue() == ""
    assert lines(tmp_path / "log")


def test_the_journal_gets_priorities() -> None:
    """<3> and <4> before errors and warnings, where stdout is what $JOURNAL_STREAM names."""
    script = (
        "import os, sys; from nobgd.record.log import Log\n"
        "seen = os.fstat(1); os.environ['JOURNAL_STREAM'] = f'{seen.st_dev}:{seen.st_ino}'\n"
        "say = Log().bound(); say.info('a.a'); say.warning('b.b'); say.error('c.c')\n"
        "os.environ['JOURNAL_STREAM'] = '1:1'\n"
        "Log().bound().error('d.d')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    found = done.stdout.decode().splitlines()
    assert [each.partition("{")[0] for each in found] == ["", "<4>", "<3>", ""]


def test_the_supervisor_does_without_rich() -> None:
    """Which structlog would load where it is installed; a verb may still have it afterwards."""
    code = (
        "import sys, nobgd.supervisor.service;"
        "assert 'rich' not in sys.modules, 'loaded';"
        "import rich.console"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

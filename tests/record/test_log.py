"""Where lines go, and what happens when they cannot."""

from __future__ import annotations

import io
import json
from pathlib import Path

from nobgd.record.log import Log


def lines(path: Path) -> list[dict]:
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
    log = Log(file=str(tmp_path / "log"), pretty=True, stdout=out)
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
    """`write` answers no, raises nothing, and works again when the folder is there."""
    log = Log(file=str(tmp_path / "none/log"), stdout=io.StringIO())
    assert not log.write('{"event": "x"}')
    (tmp_path / "none").mkdir()
    assert log.write('{"event": "x"}')
    assert log.lost == 1


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    """After a crash the tail tells whether a line made it."""
    log = Log(file=str(tmp_path / "log"), stdout=io.StringIO())
    log.write('{"event": "x", "n": 1}')
    assert log.holds('{"event": "x", "n": 1}')
    assert not log.holds('{"event": "x", "n": 2}')

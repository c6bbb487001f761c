"""A daemon that did not answer in time was "not running", and its ledger was changed behind it.

Verbs took a time-out for "no daemon", opened the ledger themselves and told that it was done: what
they wrote the daemon never heard of.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from faults.house import House
from faults.pictures import valid

_VERBS = (["pause"], ["resume"], ["retry", "--all"], ["status"], ["why", "/x"])


def ask(house: House, verb: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nobgd", *verb, "-c", str(house.config)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def content(house: House) -> list[str]:
    with sqlite3.connect(f"file:{house.state}/ledger.sqlite3?mode=ro", uri=True) as ledger:
        found = list(ledger.iterdump())
    ledger.close()
    return found


def test_nothing_is_changed_behind_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    """Every verb says that it is busy, with exit code 3; when it is back, it answers again."""
    root = tmp_path / "house"
    root.mkdir()
    with House(root, tmp_path / "cache", workers={"count": 1}) as house:
        (house.inbox / "bad.jpg").write_bytes(b"no picture")
        (house.inbox / "a.jpg").write_bytes(valid(1))
        assert house.await_ends(["a.jpg", "bad.jpg"], 120) == []
        house.await_ends(["none.jpg"], 2)  # what is written after an end is written
        before = content(house)
        assert house.process is not None
        house.process.send_signal(signal.SIGSTOP)
        try:
            asked = [(verb, ask(house, verb)) for verb in _VERBS]
            for verb, process in asked:
                out, err = process.communicate(timeout=90)
                assert process.returncode == 3, verb
                assert "does not answer" in err, verb
                assert str(house.process.pid) in err, verb
                assert out == "", verb
            assert content(house) == before
        finally:
            house.process.send_signal(signal.SIGCONT)
        process = ask(house, ["status"])
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "PAUSED" not in out
        assert "1 quarantined" in out  # what was asked meanwhile is not done later
        house.stop()
        process = ask(house, ["pause"])  # and where there is none, the ledger's
        assert process.communicate(timeout=60) == ("paused: all inboxes\n", "")
        assert process.returncode == 0

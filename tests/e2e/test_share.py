"""Control in the share: `_nobgd.txt`, `_PAUSE` and `_RETRY` with a real daemon."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ON = {"share_control": True}


def test_pause_and_status_file(daemon: Callable[..., Any], photo: Path) -> None:
    """`_PAUSE` holds photos back until it is removed; everybody who asks is told why."""
    d = daemon(inbox=ON)
    (d.inbox / "_PAUSE").touch()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.start()
    status = d.outbox / "_nobgd.txt"
    d.until(lambda: "paused by the file _PAUSE" in d.verb("why", str(d.inbox / "a.jpg")).stdout)
    d.until(lambda: status.exists() and "1 waiting" in status.read_text())
    assert status.read_text().startswith("nobgd status at ")
    assert "paused by the file _PAUSE in the inbox; remove it to go on" in status.read_text()
    assert "PAUSED by the file _PAUSE" in d.verb("status").stdout
    answer = json.loads(d.verb("status", "--json").stdout)
    assert answer["inboxes"][0]["paused_by"] == "_PAUSE"
    assert not d.events("photo.done")
    (d.inbox / "_PAUSE").unlink()
    d.await_done(1)
    assert [e["event"] for e in d.events() if e["event"].startswith("inbox.")][-1] == (
        "inbox.resumed"
    )
    assert d.stop() == 0
    assert "nobgd is not running" in status.read_text()
    assert "1 done" in status.read_text()
    assert str(d.root) not in status.read_text()


def test_retry_and_a_hostile_name(daemon: Callable[..., Any], photo: Path) -> None:
    """`_RETRY` frees what is quarantined and goes; a name that is no UTF-8 is shown escaped."""
    d = daemon(inbox=ON).start()
    name = os.fsencode(d.inbox) + b"/caf\xe9\n.jpg"
    with open(name, "wb") as stream:
        stream.write(b"no picture")
    d.until(lambda: len(d.events("photo.quarantined")) == 1)
    (d.inbox / "_RETRY").touch()
    d.until(lambda: not (d.inbox / "_RETRY").exists())
    d.until(lambda: len(d.events("photo.quarantined")) == 2)
    assert d.events("inbox.retried")[0]["photos"] == 1
    os.replace(photo_copy(photo, d.root), name)
    d.await_done(1)
    (d.inbox / "b.jpg").write_text("no picture")
    d.until(lambda: len(d.events("photo.quarantined")) == 3)
    assert d.stop() == 0
    text = (d.outbox / "_nobgd.txt").read_text()
    assert "1 failed" in text
    assert "    b.jpg: " in text
    assert text.count("b.jpg") == 1


def photo_copy(photo: Path, root: Path) -> Path:
    return Path(shutil.copy(photo, root / "copy.jpg"))


def test_a_foreign_status_file_is_kept(daemon: Callable[..., Any], photo: Path) -> None:
    """It is said once, and photos are done all the same."""
    d = daemon(inbox=ON)
    d.outbox.mkdir()
    (d.outbox / "_nobgd.txt").write_text("my own notes")
    d.start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    d.until(lambda: d.events("share.refused"))
    assert d.stop() == 0
    assert (d.outbox / "_nobgd.txt").read_text() == "my own notes"
    assert len(d.events("share.refused")) == 1
    assert "rename it" in d.events("share.refused")[0]["why"]


def test_without_share_control_nothing_is_obeyed(daemon: Callable[..., Any], photo: Path) -> None:
    """It is off by default: `_PAUSE` pauses nothing, nothing is written."""
    d = daemon()
    (d.inbox / "_PAUSE").touch()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.start()
    d.await_done(1)
    assert d.stop() == 0
    assert [each.name for each in d.outbox.iterdir()] == ["a_nobg.png"]

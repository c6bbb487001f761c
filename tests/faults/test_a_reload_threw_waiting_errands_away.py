"""After a reload an outbox was never probed again, so that its photos waited for a restart.

The reload took every request off the old lanes and asked the new ones for the photos alone; what
was to follow from the other answers never did.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

from faults.house import House, children, until
from faults.pictures import valid


def test_a_probe_that_waits_during_a_reload_is_made_by_the_new_lanes(tmp_path: Path) -> None:
    """Its outbox is there again, and its photos are done."""
    inboxes = [{"path": f"in-{name}", "outbox": f"out-{name}"} for name in "ab"]
    root = tmp_path / "house"
    for each in inboxes:
        (root / each["path"]).mkdir(parents=True)
    house = House(
        root, tmp_path / "cache", workers={"count": 1, "deadline_s": 200}, inboxes=inboxes
    )
    source = str(root / "in-b/b.jpg")
    with house:
        assert house.process is not None
        shutil.rmtree(root / "out-b")
        Path(source).write_bytes(valid(1))
        until(lambda: house.listen().events["outbox.lost"], 60, "the outbox is lost")
        (lane,) = children(house.process.pid)
        os.kill(lane, signal.SIGSTOP)  # one request is in the lane, the others wait
        try:
            (root / "in-a/a.jpg").write_bytes(valid(2))
            (root / "out-b").mkdir()
            house.await_ends(["none.jpg"], 20)  # until it is to be probed again
            values = json.loads(house.config.read_text())
            values["workers"]["deadline_s"] = 201
            house.config.write_text(json.dumps(values))
            house.process.send_signal(signal.SIGHUP)
            until(lambda: house.listen().events["service.reloaded"], 120, "it is reloaded")
        finally:
            with contextlib.suppress(ProcessLookupError):  # where it held an errand for too long
                os.kill(lane, signal.SIGCONT)
        ends = house.ends
        until(lambda: house.listen() and source in ends, 90, "the photo is done")
        assert ends[source] == "photo.done"
        until(lambda: house.listen() and str(root / "in-a/a.jpg") in ends, 60, "the other one, too")

"""One wrong word of a lane ended the daemon, or was booked for another photo.

Outcomes were built without a look at their types, so a field that was missing raised in the loop;
and the name that came up was believed.  Here code within the lanes' own processes exchanges what
they say, as a captured lane would.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from faults.house import House
from faults.pictures import valid

_LIES = (
    "missing", "list", "deep", "attempt", "width", "output", "ask", "relpath", "nan", "silent",
    "chatter",
)  # fmt: skip
_CAPTURE = r"""
import sys
if any(word in ("nobgd.lane.process", "nobgd.pool.child") for word in sys.orig_argv):
    import json, struct, time
    from multiprocessing.connection import Connection
    recv, send = Connection.recv, Connection.send_bytes
    now = [""]

    def heard(line):
        request = recv(line)
        name = getattr(request, "relpath", "")
        now[0] = name[5:-4] if name.startswith("evil-") else ""
        return request

    def said(line, data, *rest):
        lie = now[0]
        if lie == "ask" and data.startswith(b'{"ask"'):
            data = b'{"ask": "much"}'
        if not lie or data[:7] not in (b'{"done"', b'{"faile'):
            return send(line, data, *rest)
        now[0] = ""
        message = json.loads(data)
        body = next(iter(message.values()))
        if lie == "missing":
            data = b'{"done": {}}'
        elif lie == "list":
            data = b'{"done": [1, 2]}'
        elif lie == "deep":
            data = b"[" * 200_000
        elif lie == "silent":
            import os
            os.write(line.fileno(), struct.pack("!i", 50)[:2])
            time.sleep(1000)
        elif lie == "chatter":
            while True:
                send(line, b'{"stage": "infer"}')
        else:
            value = {"attempt": "two", "width": "x", "output": "", "relpath": "victim.jpg",
                     "nan": float("nan")}.get(lie)
            body["subject_confidence" if lie == "nan" else lie] = value
            data = json.dumps(message).encode()
        return send(line, data, *rest)

    Connection.recv, Connection.send_bytes = heard, said
"""


def test_a_lie_costs_its_own_photo_an_attempt_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon lives, the photo whose name was forged is as it was, good ones are done."""
    root = tmp_path / "house"
    root.mkdir()
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(_CAPTURE)
    house = House(root, tmp_path / "cache", workers={"count": 2, "attempts": 1, "deadline_s": 15})
    path = os.pathsep.join([str(tmp_path / "hook"), *filter(None, sys.path)])
    monkeypatch.setenv("PYTHONPATH", path)
    with house:
        (house.inbox / "victim.jpg").write_bytes(valid(1))
        assert house.await_ends(["victim.jpg"], 60) == []
        for number, lie in enumerate(_LIES):
            (house.inbox / f"evil-{lie}.jpg").write_bytes(valid(10 + number))
        assert house.await_ends([f"evil-{lie}.jpg" for lie in _LIES], 240) == []
        (house.inbox / "good.jpg").write_bytes(valid(2))
        assert house.await_ends(["good.jpg"], 60) == []
        assert not house.dead()
        assert house.unparsable == []
        assert (house.done[house.path("victim.jpg")], house.done[house.path("good.jpg")]) == (1, 1)
        for lie in _LIES:
            assert house.ends[house.path(f"evil-{lie}.jpg")] == "photo.quarantined", lie
        assert house.codes["photo.quarantined crashed"] == len(_LIES)
        with (house.log).open() as log:
            assert all("NaN" not in line and json.loads(line) for line in log)

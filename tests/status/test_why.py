"""Why nothing happens to a photo that its owner sees."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.status import glance
from nobgd.status.glance import Glance
from nobgd.status.why import why

_NOBODY = 65534


def test_a_photo_in_a_closed_folder_is_not_called_missing() -> None:
    """Its owner sees it; the daemon does not, and says how to let it in."""
    settings = {"inboxes": [{"path": "/in", "outbox": "/out"}]}
    config = Config.model_validate(settings, context={"base": "/"})
    ledger = Ledger(":memory:", time.time)
    said = why(config, ledger, None, "/in/private/a.jpg", Glance({"/in": "/in"}, "closed"))
    assert "may not enter /in/private" in said
    assert "setfacl" in said
    gone = why(config, ledger, None, "/in/private/a.jpg", Glance({"/in": "/in"}, "missing"))
    assert "is not there" in gone


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else needs root")
def test_what_may_not_be_entered_is_told_from_what_is_not_there() -> None:
    """By whoever looks."""
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        (home / "private").mkdir(mode=0o700)
        (home / "private/a.jpg").touch()
        home.chmod(0o755)
        paths = [home / "private/a.jpg", home / "b.jpg"]
        seen, told = os.pipe()
        if (child := os.fork()) == 0:
            os.setuid(_NOBODY)
            os.write(told, " ".join(glance._kind(str(path)) for path in paths).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(seen, 100) == b"closed missing"

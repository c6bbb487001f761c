"""An unmounted outbox was taken for ready by the probe after the first failure.

The bare mount point below it can be written to, so the photos went there, onto the root disk,
out of sight as soon as the share was back.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobgd.fs.mounts import sighted
from nobgd.jobs.places import Place
from nobgd.lane.errands import prepare
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Prepare


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, mounted on a folder."""
    folder = tmp_path / "share"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "nobgd-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield folder
    while os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_probe_tells_a_bare_mount_point(share: Path) -> None:
    """It says what is missing, and leaves no trace; the share on top again is good."""
    outbox = Place(str(share))
    outbox.found(sighted(prepare(Prepare(outbox.path))))
    subprocess.run(["umount", str(share)], check=True)
    before = share.stat().st_mtime_ns
    with pytest.raises(NobgdError, match="no longer mounted") as caught:
        prepare(Prepare(outbox.path, sweep=True, before=outbox.mount))
    assert caught.value.code is Code.GONE_AWAY
    assert share.stat().st_mtime_ns == before
    subprocess.run(["mount", "-t", "tmpfs", "nobgd-test", str(share)], check=True)
    outbox.found(sighted(prepare(Prepare(outbox.path, sweep=True, before=outbox.mount))))
    assert outbox.device == share.stat().st_dev


def test_a_share_that_is_mounted_later_is_good(share: Path) -> None:
    """The daemon began on the folder above; what is mounted in it since is meant."""
    outbox = Place(str(share))
    subprocess.run(["umount", str(share)], check=True)
    outbox.found(sighted(prepare(Prepare(outbox.path))))
    subprocess.run(["mount", "-t", "tmpfs", "nobgd-test", str(share)], check=True)
    outbox.found(sighted(prepare(Prepare(outbox.path, before=outbox.mount))))
    assert outbox.device == share.stat().st_dev

"""One pass over the inboxes: what it ends with, and what it says of folders that fail it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ONCE = [sys.executable, "-m", "nobgd", "once"]


def photos(folder: Path, count: int) -> None:
    """That many small photos, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


def settings(root: Path, *inboxes: str) -> list[str]:
    """The -c option, for inboxes given as ``path: …, outbox: …``."""
    (root / "nobgd.yaml").write_text(
        "state_dir: state\ncache_dir: cache\nmodel: {name: u2netp}\nwatch: {settle_s: 0}\n"
        "inboxes:\n" + "".join(f"  - {{{each}}}\n" for each in inboxes)
    )
    return ["-c", str(root / "nobgd.yaml")]


def once(*arguments: str) -> tuple[int, str]:
    """Exit code, and what was said on stderr with single spaces."""
    done = subprocess.run([*ONCE, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, re.sub(r"[ ]+", " ", done.stderr)


def test_a_missing_inbox_is_exit_3_and_the_others_are_done(tmp_path: Path) -> None:
    """A cron job whose folder is misspelt does not stay green."""
    photos(tmp_path / "in", 1)
    code, said = once(*settings(tmp_path, "path: in, outbox: out", "path: ni, outbox: other"))
    assert code == 3
    assert f"inbox {tmp_path}/ni: there is no such folder; check its name" in said
    assert (tmp_path / "out/0_nobg.png").is_file()
    assert f"photos done 1\nmegapixels 0.0\ncut-outs in {tmp_path}/other, {tmp_path}/out" in said


def test_an_outbox_that_cannot_be_used_is_exit_3_and_named(tmp_path: Path) -> None:
    """With the reason, and the photos that are left."""
    photos(tmp_path / "in", 2)
    (tmp_path / "out").write_text("a file")
    code, said = once(*settings(tmp_path, "path: in, outbox: out"))
    assert code == 3
    assert f"outbox {tmp_path}/out: " in said
    assert "left to do 2" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_exit_130_and_said(tmp_path: Path, number: signal.Signals) -> None:
    """With how many are left; the next run goes on from there."""
    photos(tmp_path / "in", 60)
    config = settings(tmp_path, "path: in, outbox: out")
    with subprocess.Popen([*ONCE, *config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        until = time.monotonic() + 60
        while process.poll() is None and not list(tmp_path.glob("out/*_nobg.png")):
            assert time.monotonic() < until, "no cut-out"
            time.sleep(0.01)
        process.send_signal(number)
        said = re.sub(r"[ ]+", " ", process.communicate()[1])
    assert process.returncode == 130, said
    done = len(list(tmp_path.glob("out/*_nobg.png")))
    assert f"photos done {done}\n" in said
    assert f"left to do {60 - done}\n" in said
    assert "Stopped before the end; run it again to go on." in said

"""`source: delete` took "the PNG is whole" for "the photo is in it", at once after the job.

Deleted were files that were still arriving, the further pages of a scan, skies in which nothing was
found, and what had been saved in the last milliseconds; and what could not be deleted was tried
once.  Here all of them are dropped into one inbox, beside two that may go.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faults.house import House, sha256, until
from nobgd.fs.names import GOING

Y, X = np.mgrid[0:360, 0:480]
BALL = np.hypot(X - 240, Y - 180)[..., None] < 120


def photo(colour: tuple[int, int, int]) -> Image.Image:
    """A ball of this colour on grey."""
    return Image.fromarray(np.where(BALL, colour, (150, 152, 155)).astype("u1"))


def jpeg(colour: tuple[int, int, int], **more: Any) -> bytes:
    stream = io.BytesIO()
    photo(colour).save(stream, "JPEG", quality=95, **more)
    return stream.getvalue()


def sky() -> bytes:
    ramp = [np.tile(np.linspace(v, v + 40, 400)[:, None], 600) for v in (90, 140, 200)]
    stream = io.BytesIO()
    Image.fromarray(np.dstack(ramp).astype("u1")).save(stream, "JPEG")
    return stream.getvalue()


def status(house: House, *words: str) -> str:
    run = [sys.executable, "-m", "nobgd", *words, "-c", str(house.config)]
    return subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stdout


def test_only_what_its_cut_out_stands_for_goes(tmp_path: Path) -> None:
    """The others stay, said once, told by `why` and `status`; over a kill and a restart, too."""
    house = House(
        tmp_path / "house", tmp_path / "cache", inbox={"source": "delete"}, review={"below": 1.0}
    )
    red, green, blue = (230, 40, 30), (20, 200, 20), (30, 40, 220)
    (house.inbox / "good.jpg").write_bytes(jpeg(red))
    pages = [photo(green), photo(blue)]
    pages[0].save(house.inbox / "scan.tif", save_all=True, append_images=pages[1:])
    (house.inbox / "sky.jpg").write_bytes(sky())
    film = b"\0\0\0\x18ftypmp42" + os.urandom(20_000)
    (house.inbox / "moves.jpg").write_bytes(jpeg(blue) + film)
    raw = np.asarray(photo(red).resize((1440, 1080)))
    stream = io.BytesIO()
    Image.fromarray(raw).save(stream, "TIFF")
    late, third = stream.getvalue(), len(stream.getvalue()) // 3 & ~4095
    stay = {"scan.tif": "more_pictures", "sky.jpg": "nothing_found", "moves.jpg": "more_data"}
    before = {name: sha256(house.inbox / name) for name in stay}
    with house, (house.inbox / "late.tif").open("wb", buffering=0) as writer:
        writer.truncate(len(late))  # its size first, then its beginning and its end
        writer.write(late[:third])
        os.pwrite(writer.fileno(), late[2 * third :], 2 * third)
        until(lambda: not (house.inbox / "good.jpg").exists(), 60, "what may go goes")
        assert house.await_ends(stay, 90) == []
        time.sleep(3.0)  # another process: what is to go at once goes
        assert {name for name in stay if (house.inbox / name).exists()} == set(stay)
        os.pwrite(writer.fileno(), late[third : 2 * third], third)
        writer.close()
        assert (house.inbox / "late.tif").read_bytes() == late
        until(lambda: house.listen().codes["source.kept nothing_found"], 60, "the sky is kept")
        assert all(house.codes[f"source.kept {code}"] == 1 for code in stay.values())
        seen = json.loads(status(house, "status", "--json"))
        assert seen["inboxes"][0]["kept"] >= 3
        assert "further pages" in status(house, "why", str(house.inbox / "scan.tif"))
        house.kill()
        house.start()
        until(lambda: not (house.inbox / "late.tif").exists(), 90, "the late one goes when it may")
        until(lambda: sorted(os.listdir(house.inbox)) == sorted(stay), 60, "nothing else is left")
        assert all(house.listen().codes[f"source.kept {code}"] == 1 for code in stay.values())
    assert {name: sha256(house.inbox / name) for name in stay} == before
    with Image.open(house.outputs[house.path("late.tif")]) as cut:
        pixels = np.asarray(cut)
    assert (pixels[480:520, 700:740, :3] == raw[480:520, 700:740]).all()  # of the last part


@pytest.mark.parametrize("lost", [False, True], ids=["ledger kept", "ledger lost"])
def test_a_kill_on_the_way_costs_no_original(tmp_path: Path, lost: bool) -> None:
    """What is in the hidden folder is put back, whoever finds it; then it goes as it should."""
    house = House(
        tmp_path / "house", tmp_path / "cache", inbox={"source": "archive", "archive": "archive"}
    )
    with house:
        (house.inbox / "sub").mkdir()
        (house.inbox / "sub/a.jpg").write_bytes(jpeg((230, 40, 30)))
        assert house.await_ends(["sub/a.jpg"], 60) == []
        assert house.process is not None
        house.process.send_signal(signal.SIGKILL)
        house.process.wait(30)
        (house.inbox / "sub" / GOING).mkdir(exist_ok=True)
        os.rename(house.inbox / "sub/a.jpg", house.inbox / "sub" / GOING / "a.jpg")
        if lost:
            for each in house.state.glob("ledger.sqlite*"):
                each.unlink()
        house.start()
        until(lambda: (house.root / "archive/sub/a.jpg").exists(), 60, "it is archived")
        until(lambda: os.listdir(house.inbox / "sub") == [], 60, "nothing is left")
        house.stop()
    assert os.listdir(house.root / "archive/sub") == ["a.jpg"]
    assert os.listdir(house.outbox / "sub") == ["a_nobg.png"]


def test_an_output_that_was_taken_away_is_said_and_waited_for(tmp_path: Path) -> None:
    """A script that moves results out at once: the original stays, and goes when it is back."""
    with House(tmp_path / "house", tmp_path / "cache", inbox={"source": "delete"}) as house:
        (house.inbox / "a.jpg").write_bytes(jpeg((230, 40, 30)))
        until(lambda: (house.outbox / "a_nobg.png").exists(), 60, "it is cut out")
        os.rename(house.outbox / "a_nobg.png", house.root / "outside/a_nobg.png")
        assert (house.inbox / "a.jpg").exists()
        until(lambda: house.listen().codes["source.kept output_gone"], 60, "that is said")
        assert (house.inbox / "a.jpg").exists()
        os.rename(house.root / "outside/a_nobg.png", house.outbox / "a_nobg.png")
        until(lambda: house.listen().events["source.gone"], 60, "it goes")
        assert house.codes["source.kept output_gone"] == 1
        until(lambda: os.listdir(house.inbox) == [], 60, "nothing is left")

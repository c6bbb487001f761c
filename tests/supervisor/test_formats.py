"""HEIC, AVIF, GIF, BMP and raw photos through a real daemon, in lanes that are confined."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from faults.house import House, until
from nobgd.picture import nclx
from picture.negatives import ball, dng, jpeg
from picture.test_formats import saved

BALL = ball()


def test_every_format_comes_back_cut_out(tmp_path: Path) -> None:
    """Whole, with its colours; damage is set aside; an original that holds more stays."""
    icc, _ = nclx.meaning(12, 13)
    other = Image.fromarray(BALL[::-1].copy())
    photos = {
        "IMG_1.HEIC": saved("HEIF", icc_profile=icc), "b.avif": saved("AVIF"),
        "c.gif": saved("GIF"), "d.bmp": saved("BMP"), "e.NEF": dng(BALL, jpeg(BALL), digital=False),
        "f.dng": dng(BALL), "heic.jpg": saved("HEIF", BALL[:, ::-1].copy()),
        "burst.heic": saved("HEIF", BALL[::2].copy(), save_all=True, append_images=[other]),
    }  # fmt: skip
    bad = {"cut.heic": photos["IMG_1.HEIC"][:-3000], "cut.avif": photos["b.avif"][:-300]}
    rules = {"source": "delete"}
    with House(tmp_path / "house", tmp_path / "cache", inbox=rules) as house:
        for name, data in {**photos, **bad}.items():
            (house.inbox / name).write_bytes(data)
            os.utime(house.inbox / name, (1.6e9, 1.6e9))
        assert house.await_ends([*photos, *bad], 120) == []
        until(lambda: not (house.inbox / "IMG_1.HEIC").exists(), 60, "its original goes")
        lines = [json.loads(line) for line in house.log.read_text().splitlines()]
        confined = next(line for line in lines if line["event"] == "lane.confined")
        assert "seccomp" in confined["holds"]
        aside = {e["source"]: e["code"] for e in lines if e["event"] == "photo.quarantined"}
        assert aside == {house.path(name): "truncated" for name in bad}
        for name in ("burst.heic", "e.NEF", "f.dng"):
            assert (house.inbox / name).exists()
        for name in photos:
            assert house.ends[house.path(name)] == "photo.done"
            with Image.open(house.outputs[house.path(name)]) as image:
                rgba = np.asarray(image)
                assert rgba.shape[1::-1] == (480, 180 if name == "burst.heic" else 360)
                middle = rgba[rgba.shape[0] // 2, 240]
                assert middle[3] > 200, name
                assert middle[0] > 200 > 60 > middle[1], name
                assert (image.info.get("icc_profile") == icc) is (name == "IMG_1.HEIC")
        done = {line["source"]: line for line in lines if line["event"] == "photo.done"}
        assert done[house.path("f.dng")]["notes"] == ["raw_developed"]
        assert "notes" not in done[house.path("e.NEF")]

"""`output:` with a real daemon and its walls: each format, and what a change of it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def restarted(d: Any, **inbox: Any) -> None:
    """Start again with this ``output`` of the inbox."""
    assert d.stop() == 0
    values = json.loads(d.config.read_text())
    values["inboxes"][0]["output"] = inbox
    d.config.write_text(json.dumps(values))
    d.start()


def test_another_output_is_made_from_the_cut_out(daemon: Callable[..., Any], photo: Path) -> None:
    """No inference for a shop's JPEG, a WebP with its mask, a ground; and nothing twice."""
    d = daemon().start()
    (d.inbox / "a.jpg").write_bytes(photo.read_bytes())
    plain = d.await_done(1)[0]
    assert (plain["how"], plain["format"]) == ("computed", "png")

    restarted(d, preset="amazon")
    shop = d.await_done(2)[1]
    assert (shop["how"], shop["infer_ms"], shop["format"]) == ("rendered", 0, "jpeg")
    assert (shop["width"], shop["height"]) == (plain["width"], plain["height"])
    assert shop["subject_confidence"] == plain["subject_confidence"]
    assert sorted(each.name for each in d.outbox.iterdir()) == ["a_nobg.jpg", "a_nobg.png"]
    with Image.open(shop["output"]) as picture:
        assert picture.format == "JPEG"
        assert picture.width == picture.height
        assert (np.asarray(picture)[0] == 255).all()
    why = d.verb("why", str(d.inbox / "a.jpg")).stdout
    assert f"done from its cut-out as {shop['output']}" in why

    restarted(d, format="webp", crop="subject", mask=True)
    webp = d.await_done(3)[2]
    assert (webp["how"], webp["format"]) == ("rendered", "webp")
    assert (d.outbox / "a_nobg.jpg").exists()
    with Image.open(webp["output"]) as picture, Image.open(d.outbox / "a_mask.png") as mask:
        assert picture.mode == "RGBA"
        assert (mask.mode, mask.size) == ("L", picture.size)

    restarted(d, background="#204060")
    ground = d.await_done(4)[3]
    assert (ground["how"], ground["output"]) == ("rendered", plain["output"])
    with Image.open(ground["output"]) as picture:
        assert picture.mode == "RGB"
    restarted(d, background="#204060", quality=80)  # which a PNG has no use for
    (d.inbox / "b.jpg").write_bytes(photo.read_bytes())
    last = d.await_done(5)[4]
    assert (last["how"], Path(last["output"]).name) == ("copied", "b_nobg.png")
    assert not d.events("photo.quarantined")
    assert d.stop() == 0

"""One photo as each output that may be asked for, with the real small model, in this process."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from PIL import Image

from nobgd.jobs import plan
from nobgd.lane import cost, worker
from nobgd.picture import provenance
from nobgd.picture.header import Header
from nobgd.picture.segment import Segmenter
from nobgd.values import Code, Done, Failed, Job, Outcome, Recipe, Rendering, Twin

WHITE = Rendering("jpeg", background="#ffffff")
RENDERINGS = [
    Rendering("webp"), WHITE, Rendering(background="#ff00ff"), Rendering(crop=True, margin=9),
    Rendering("jpeg", 92, "#ffffff", True, 0.07, True, (1, 1), True, 200, "none"),
    Rendering("webp", canvas=(400, 300), mask=True),
]  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A real photo in an inbox, settled for a minute; a plain cut-out is asked for."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    with Image.open(Path(skimage.__file__).parent / "data/chelsea.png") as picture:
        picture.save(tmp_path / "in/a.jpg", quality=90)
    seen = os.stat(tmp_path / "in/a.jpg")
    plain = Job(
        str(tmp_path / "in"), "a.jpg", seen.st_size, seen.st_mtime_ns, str(tmp_path / "out"),
        ("", "", ""), frozenset(), frozenset(), "key", Recipe("u2netp", "0", "fp32"), quiet_s=60.0,
    )  # fmt: skip
    return asking(plain, Rendering())


def asking(job: Job, rendering: Rendering) -> Job:
    """The same photo for another output, as `jobs.dispatch` makes it."""
    tail = rendering.tail
    return replace(
        job, rendering=rendering, recipe=replace(job.recipe, rendering=rendering.key),
        outputs=plan.outputs(job.relpath, "_nobg", tail),
        spare=plan.spare(job.relpath, "_nobg", tail),
        cut_outs=plan.cut_outs(job.relpath, "_nobg", rendering),
    )  # fmt: skip


def work(job: Job, segmenter: Segmenter) -> Outcome:
    return worker.process(job, segmenter, lambda _: 1, lambda _: None)


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def note(path: str) -> provenance.Note:
    with open(path, "rb") as stream:
        said = provenance.find(stream.read(provenance.HEAD_BYTES))
        stream.seek(0)
        assert provenance.whole(stream)
    assert said is not None
    return said


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda each: each.key)
def test_an_output_is_found_again_whatever_it_is(
    job: Job, segmenter: Segmenter, rendering: Rendering
) -> None:
    """It says whose it is, so nothing is done twice; its size may be another than the photo's."""
    wanted = asking(job, rendering)
    first = done(work(wanted, segmenter))
    assert (first.how, first.output) == ("computed", f"{job.outbox}/a_nobg{rendering.tail}")
    said = note(first.output)
    assert (said.source, said.sha256, said.recipe) == ("a.jpg", first.sha256, wanted.recipe.key)
    with Image.open(first.output) as picture:
        if rendering.canvas == (400, 300):
            assert picture.size == (400, 300)
        assert picture.format == {"jpeg": "JPEG"}.get(rendering.format, rendering.format.upper())
    stamp = os.stat(first.output).st_ino
    second = done(work(wanted, segmenter))
    assert (second.how, second.timing.infer_ms) == ("found", 0.0)
    assert (second.width, second.height) == (first.width, first.height) == (451, 300)
    assert os.stat(first.output).st_ino == stamp


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda each: each.key)
def test_from_a_cut_out_comes_what_comes_from_the_photo(
    job: Job, segmenter: Segmenter, rendering: Rendering, tmp_path: Path
) -> None:
    """Without an inference, byte for byte; the cut-out of another name stays where it is."""
    plain = done(work(job, segmenter))
    again = done(work(asking(job, rendering), segmenter))
    assert (again.how, again.timing.infer_ms) == ("rendered", 0.0)
    assert again.subject_confidence == plain.subject_confidence
    assert again.keep == plain.keep
    assert Path(plain.output).exists()
    (tmp_path / "fresh").mkdir()
    elsewhere = asking(replace(job, outbox=str(tmp_path / "fresh")), rendering)
    computed = done(work(elsewhere, segmenter))
    assert computed.how == "computed"
    assert Path(again.output).read_bytes() == Path(computed.output).read_bytes()


def test_a_cut_out_that_is_another_photos_or_torn_is_left_alone(
    job: Job, segmenter: Segmenter
) -> None:
    """So is one by another recipe, and one on a ground: there is no way back from it."""
    first = done(work(job, segmenter))
    other = replace(job, recipe=replace(job.recipe, edges="fine"))
    assert done(work(asking(other, WHITE), segmenter)).how == "computed"
    torn = bytearray(Path(first.output).read_bytes())
    torn[len(torn) // 2] ^= 1
    Path(first.output).write_bytes(torn)
    os.unlink(f"{job.outbox}/a_nobg.jpg")
    assert done(work(asking(job, WHITE), segmenter)).how == "computed"
    grounded = asking(job, Rendering(background="#ffffff"))
    assert done(work(grounded, segmenter)).how == "computed"
    assert done(work(asking(job, Rendering(background="#000000")), segmenter)).how == "computed"


def test_a_twin_in_another_format_has_a_note_of_its_own(job: Job, segmenter: Segmenter) -> None:
    """Its pixels are the twin's."""
    wanted = asking(job, WHITE)
    first = done(work(wanted, segmenter))
    (Path(job.inbox) / "b.jpg").write_bytes((Path(job.inbox) / "a.jpg").read_bytes())
    seen = os.stat(Path(job.inbox) / "b.jpg")
    other = asking(replace(wanted, relpath="b.jpg", mtime_ns=seen.st_mtime_ns), WHITE)
    copy = done(work(replace(other, twins=(Twin(first.sha256, first.output),)), segmenter))
    assert (copy.how, Path(copy.output).name) == ("copied", "b_nobg.jpg")
    assert note(copy.output).source == "b.jpg"
    with Image.open(copy.output) as one, Image.open(first.output) as two:
        assert one.tobytes() == two.tobytes()


def test_the_mask_comes_with_its_output(job: Job, segmenter: Segmenter) -> None:
    """It is made again when it is gone, and is not written over a stranger's file."""
    wanted = asking(job, Rendering("jpeg", background="#ffffff", mask=True))
    done(work(job, segmenter))
    made = done(work(wanted, segmenter))
    mask = Path(job.outbox) / "a_mask.png"
    with Image.open(mask) as picture, Image.open(f"{job.outbox}/a_nobg.png") as cut:
        assert picture.mode == "L"
        assert picture.tobytes() == cut.getchannel("A").tobytes()
    assert note(str(mask)) == note(made.output)
    assert done(work(wanted, segmenter)).how == "found"
    mask.unlink()
    assert done(work(wanted, segmenter)).how == "rendered"
    assert mask.exists()
    mask.write_bytes(b"mine")
    failed = work(wanted, segmenter)
    assert isinstance(failed, Failed)
    assert failed.code is Code.NAME_TAKEN
    assert "a_mask.png is in the outbox and not its mask; move it away" in failed.reason
    assert mask.read_bytes() == b"mine"


def test_of_two_machines_at_one_photo_one_output_stays(job: Job, segmenter: Segmenter) -> None:
    """The one of the name that goes first, whoever it was that looked before the other was done."""
    first, second = job.outputs[:2]
    other = replace(job, reserved=frozenset({first}))
    assert os.path.basename(done(work(other, segmenter)).output) == second
    made = Path(job.outbox, second).read_bytes()
    Path(job.outbox, second).unlink()

    def meanwhile(stage: str) -> None:
        if stage == "confirm":  # right before it gets its name
            Path(job.outbox, first).write_bytes(made)

    came = done(worker.process(other, segmenter, lambda _: 1, meanwhile))
    assert os.path.basename(came.output) == first
    assert os.listdir(job.outbox) == [first]


def test_who_has_the_better_name_looks_for_the_other_last(job: Job, segmenter: Segmenter) -> None:
    """The one with the later name has looked by then, and saw nothing."""
    first, second = job.outputs[:2]
    made = Path(done(work(job, segmenter)).output).read_bytes()
    Path(job.outbox, first).unlink()

    def meanwhile(stage: str) -> None:
        if stage == "confirm":
            Path(job.outbox, second).write_bytes(made)

    came = done(worker.process(job, segmenter, lambda _: 1, meanwhile))
    assert os.path.basename(came.output) == second
    assert os.listdir(job.outbox) == [second]


def test_an_output_given_again(job: Job, segmenter: Segmenter) -> None:
    """A WebP's alpha is the answer, as a PNG's is; a JPEG on white is a photo like another."""
    for rendering, own in ((Rendering("webp"), True), (WHITE, False)):
        made = done(work(asking(job, rendering), segmenter))
        name = f"again{rendering.tail}"
        data = Path(made.output).read_bytes()
        (Path(job.inbox) / name).write_bytes(data)
        seen = os.stat(Path(job.inbox) / name)
        back = replace(job, relpath=name, size=seen.st_size, mtime_ns=seen.st_mtime_ns)
        assert ("own_alpha_kept" in done(work(asking(back, Rendering()), segmenter)).notes) == own


def test_a_page_that_is_larger_than_the_photo_is_reckoned() -> None:
    """Whichever way up the photo is; what is not larger takes nothing besides."""
    photo = Header("JPEG", 4000, 3000)
    assert cost.page(photo, Rendering("webp")) == 0
    assert cost.page(photo, Rendering(canvas=(8000, 5000))) == 20
    assert cost.page(photo, Rendering(canvas=(2, 1), shape=True)) == pytest.approx(16)
    assert cost.page(photo, Rendering(canvas=(2, 1), shape=True, longest_side=2000)) == 1


def test_outputs_of_sixteen_bits_are_deep_where_the_format_is(
    job: Job, segmenter: Segmenter
) -> None:
    """A PNG on a ground has 16 bits a sample, also when it is made from the cut-out."""
    deep = np.zeros((300, 400, 3), np.uint16)
    with Image.open(Path(job.inbox) / "a.jpg") as picture:
        deep[:] = np.asarray(picture.resize((400, 300))).astype(np.uint16) * 257 + 3
    path = Path(job.inbox) / "b.tif"
    tifffile.imwrite(path, deep, photometric="rgb")
    seen = os.stat(path)
    base = replace(job, relpath="b.tif", size=seen.st_size, mtime_ns=seen.st_mtime_ns)
    plain = done(work(asking(base, Rendering()), segmenter))
    assert Path(plain.output).read_bytes()[24:26] == b"\x10\x06"
    white = done(work(asking(base, Rendering(background="#ffffff")), segmenter))
    assert white.how == "rendered"
    assert Path(white.output).read_bytes()[24:26] == b"\x10\x02"


def test_what_a_lane_that_ended_has_left_is_swept(job: Job, segmenter: Segmenter) -> None:
    """By the next job for that folder that is told so; what a live lane writes is locked."""
    left, live = (Path(job.outbox, f".nobgd-{name}.tmp") for name in ("left", "live"))
    left.touch()
    done(work(replace(job, relpath="a.jpg"), segmenter))
    assert left.exists()
    with live.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        again = done(work(replace(job, tidy=True), segmenter))
        assert again.how == "found"
        assert not left.exists()
        assert live.exists()

"""One job in this process, with the real small model."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import skimage
from PIL import Image

from nobgd.fs import mounts, publish
from nobgd.lane import worker
from nobgd.picture import provenance, source
from nobgd.picture.segment import Segmenter
from nobgd.values import Code, Done, Failed, Job, Outcome, Recipe, Twin
from picture.negatives import ball, dng, jpeg


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A real photo in an inbox, settled for a minute."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    with Image.open(Path(skimage.__file__).parent / "data/chelsea.png") as picture:
        picture.save(tmp_path / "in/a.jpg", quality=90)
    seen = os.stat(tmp_path / "in/a.jpg")
    names = ("a_nobg.png", "a.jpg_nobg.png")
    return Job(
        str(tmp_path / "in"), "a.jpg", seen.st_size, seen.st_mtime_ns, str(tmp_path / "out"),
        names, frozenset(), frozenset(), "key", Recipe("u2netp", "0", "fp32"),
        quiet_s=60.0, spare=("a.jpg-", "_nobg.png"),
    )  # fmt: skip


def work(job: Job, segmenter: Segmenter) -> Outcome:
    return worker.process(job, segmenter, lambda _: 1, lambda _: None)


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def test_a_photo_becomes_a_cut_out(job: Job, segmenter: Segmenter) -> None:
    """Straight alpha: opaque pixels are the photo's, transparent ones are empty."""
    outcome = done(work(job, segmenter))
    assert outcome.how == "computed"
    assert outcome.timing.infer_ms > 0
    with Image.open(outcome.output) as cut, Image.open(Path(job.inbox) / "a.jpg") as photo:
        ours, theirs = cut.tobytes(), photo.convert("RGB").tobytes()
    for number in range(0, len(ours) // 4, 97):
        red, green, blue, alpha = ours[number * 4 : number * 4 + 4]
        if alpha == 255:
            assert bytes((red, green, blue)) == theirs[number * 3 : number * 3 + 3]
        if alpha == 0:
            assert (red, green, blue) == (0, 0, 0)


def test_the_file_is_not_kept_beside_its_pixels(job: Job, segmenter: Segmenter) -> None:
    """A TIFF is as large as they are: once they are there it is let go."""
    with Image.open(Path(job.inbox) / "a.jpg") as photo:
        photo.save(Path(job.inbox) / "a.tif")
    seen = os.stat(Path(job.inbox) / "a.tif")
    tiff = replace(job, relpath="a.tif", size=seen.st_size, mtime_ns=seen.st_mtime_ns)
    kept: dict[str, int] = {}

    def looked(stage: str) -> None:
        of_reading = tracemalloc.Filter(inclusive=True, filename_pattern=source.__file__)
        found = tracemalloc.take_snapshot().filter_traces([of_reading]).statistics("filename")
        kept[stage] = sum(each.size for each in found)

    tracemalloc.start()
    try:
        done(worker.process(tiff, segmenter, lambda _: 1, looked))
    finally:
        tracemalloc.stop()
    assert kept["decode"] >= seen.st_size
    assert kept["infer"] < seen.st_size / 10


def test_the_second_time_it_is_found(job: Job, segmenter: Segmenter) -> None:
    """Nothing is written again."""
    first = done(work(job, segmenter))
    stamp = os.stat(first.output).st_ino
    second = done(work(job, segmenter))
    assert (second.how, second.timing.infer_ms) == ("found", 0.0)
    assert (second.width, second.height) == (first.width, first.height)
    assert second.subject_confidence == first.subject_confidence
    assert os.stat(first.output).st_ino == stamp


def test_another_recipe_is_computed_anew_into_the_same_name(job: Job, segmenter: Segmenter) -> None:
    """A changed model is recognised, and its output replaces the old one."""
    first = done(work(job, segmenter))
    other = replace(job, recipe=Recipe("u2netp", "1", "fp32"))
    second = done(work(other, segmenter))
    assert (second.how, second.output) == ("computed", first.output)


def test_a_torn_output_of_ours_is_replaced(job: Job, segmenter: Segmenter) -> None:
    """What another program cut short is made again."""
    first = done(work(job, segmenter))
    whole = Path(first.output).read_bytes()
    Path(first.output).write_bytes(whole[:-10])
    again = done(work(job, segmenter))
    assert again.how == "computed"
    assert Path(first.output).read_bytes() == whole


def another(job: Job) -> Job:
    """The same name with another photo behind it."""
    path = Path(job.inbox) / "a.jpg"
    with Image.open(Path(skimage.__file__).parent / "data/coffee.png") as picture:
        picture.save(path, quality=90)
    seen = path.stat()
    return replace(job, size=seen.st_size, mtime_ns=seen.st_mtime_ns)


@pytest.mark.parametrize("key", ["key", "other"])
def test_another_photos_output_is_not_ours(job: Job, segmenter: Segmenter, key: str) -> None:
    """The same name, here or in another inbox, is no reason to write over its cut-out."""
    first = done(work(replace(job, inbox_key=key), segmenter))
    before = Path(first.output).read_bytes()
    second = done(work(another(job), segmenter))
    assert first.output.endswith("/a_nobg.png")
    assert second.output.endswith("/a.jpg_nobg.png")
    assert Path(first.output).read_bytes() == before


def test_a_photo_that_changed_where_it_stands_replaces_its_own(
    job: Job, segmenter: Segmenter
) -> None:
    """As the ledger says of which bytes the cut-out is, and that they were the photo's."""
    first = done(work(job, segmenter))
    changed = replace(another(job), own="a_nobg.png", replaces=first.sha256)
    second = done(work(changed, segmenter))
    assert (second.output, second.how) == (first.output, "computed")


def test_a_neighbours_equal_output_is_copied_not_taken(job: Job, segmenter: Segmenter) -> None:
    """Another inbox's or machine's that is the very same stays as it is; ours is beside it."""
    first = done(work(replace(job, inbox_key="other"), segmenter))
    second = done(work(job, segmenter))
    assert (second.how, Path(second.output).name) == ("copied", "a.jpg_nobg.png")
    with open(first.output, "rb") as stream:
        said = provenance.find(stream.read())
    assert said is not None
    assert said.inbox == "other"
    assert done(work(job, segmenter)).how == "found"


def test_the_work_of_an_inbox_that_moved_is_adopted(job: Job, segmenter: Segmenter) -> None:
    """The note names the new place from then on; nothing is made twice."""
    first = done(work(replace(job, inbox_key="before"), segmenter))
    moved = replace(job, moved=frozenset({"before"}))
    second = done(work(moved, segmenter))
    assert (second.how, second.output) == ("found", first.output)
    with open(first.output, "rb") as stream:
        said = provenance.find(stream.read(provenance.HEAD_BYTES))
        stream.seek(0)
        assert provenance.whole(stream)
    assert said is not None
    assert said.inbox == "key"
    assert os.listdir(job.outbox) == ["a_nobg.png"]


def test_a_twin_is_copied(job: Job, segmenter: Segmenter, tmp_path: Path) -> None:
    """The finished output of the same bytes, with a note of its own."""
    first = done(work(job, segmenter))
    twin = Twin(first.sha256, first.output)
    other = replace(job, outputs=("b_nobg.png",), twins=(twin,))
    os.rename(Path(job.inbox) / "a.jpg", Path(job.inbox) / "b.jpg")
    second = done(work(replace(other, relpath="b.jpg"), segmenter))
    assert second.how == "copied"
    assert second.sha256 == hashlib.sha256((tmp_path / "in/b.jpg").read_bytes()).hexdigest()


@pytest.mark.parametrize("first", [False, True])
def test_a_raw_photos_preview_is_no_twin_of_what_is_developed(
    job: Job, segmenter: Segmenter, first: bool
) -> None:
    """Two inboxes, `raw: preview` and `develop`: each gets its own; a JPEG's is copied as ever."""
    pixels = ball()
    (Path(job.inbox) / "a.dng").write_bytes(dng(pixels, jpeg(pixels)))
    made = {}

    def cut(name: str, output: str, develop: bool, *like: Done) -> Done:
        info = (Path(job.inbox) / name).stat()
        asked = replace(
            job, relpath=name, size=info.st_size, mtime_ns=info.st_mtime_ns, develop=develop,
            outputs=(output,), twins=tuple(Twin(each.sha256, each.output) for each in like),
            inode=None, ctime_ns=None,
        )  # fmt: skip
        made[output] = done(work(asked, segmenter))
        return made[output]

    one = cut("a.dng", "one.png", first)
    other = cut("a.dng", "other.png", not first, one)
    assert (one.how, other.how) == ("computed", "computed")
    assert cut("a.dng", "third.png", not first, other).how == "copied"
    assert cut("a.dng", "fourth.png", not first, made["third.png"]).how == "copied"
    assert cut("a.dng", "one.png", not first).how == "found"  # what is done is not done again
    plain = cut("a.jpg", "plain.png", first)
    assert cut("a.jpg", "beside.png", not first, plain).how == "copied"


def test_a_twin_that_was_altered_is_not_copied(job: Job, segmenter: Segmenter) -> None:
    """Its note and its checksums must be right, else the photo is computed."""
    first = done(work(job, segmenter))
    Path(first.output).write_bytes(Path(first.output).read_bytes()[:-1])
    other = replace(job, outputs=("b_nobg.png",), twins=(Twin(first.sha256, first.output),))
    assert done(work(other, segmenter)).how == "computed"


@pytest.mark.parametrize(
    ("content", "quiet_s", "code"),
    [
        (b"", 60.0, Code.EMPTY),
        (b"", 3.0, Code.INCOMPLETE),
        (b"plain text, no picture at all" * 9, 60.0, Code.NOT_A_PICTURE),
    ],
)
def test_bad_bytes_end_in_their_code(
    job: Job, segmenter: Segmenter, content: bytes, quiet_s: float, code: Code
) -> None:
    """The sentence names the file; an unfinished file is given its time."""
    path = Path(job.inbox) / "a.jpg"
    path.write_bytes(content)
    seen = path.stat()
    bad = replace(job, size=seen.st_size, mtime_ns=seen.st_mtime_ns, quiet_s=quiet_s)
    outcome = work(bad, segmenter)
    assert isinstance(outcome, Failed)
    assert outcome.code is code
    assert "a.jpg" in outcome.reason


def test_a_cut_photo_waits_then_is_truncated(job: Job, segmenter: Segmenter) -> None:
    """Half a JPEG is incomplete while it is young and truncated when it is not."""
    path = Path(job.inbox) / "a.jpg"
    path.write_bytes(path.read_bytes()[:9000])
    seen = path.stat()
    cut = replace(job, size=seen.st_size, mtime_ns=seen.st_mtime_ns)
    codes = [work(replace(cut, quiet_s=quiet), segmenter) for quiet in (3.0, 60.0)]
    assert [o.code for o in codes if isinstance(o, Failed)] == [Code.INCOMPLETE, Code.TRUNCATED]


def test_too_many_megapixels_are_refused(job: Job, segmenter: Segmenter) -> None:
    """From the header, with the way out."""
    outcome = work(replace(job, max_megapixels=0.01), segmenter)
    assert isinstance(outcome, Failed)
    assert outcome.code is Code.TOO_LARGE
    assert "max_megapixels" in outcome.reason


def test_a_photo_that_changed_or_left_is_nobodys_fault(job: Job, segmenter: Segmenter) -> None:
    """CHANGED and VANISHED are looked at again, not failed."""
    changed = work(replace(job, size=job.size + 1), segmenter)
    os.unlink(Path(job.inbox) / "a.jpg")
    vanished = work(job, segmenter)
    assert [o.code for o in (changed, vanished) if isinstance(o, Failed)] == [
        Code.CHANGED,
        Code.VANISHED,
    ]


def sleeper(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Between the last byte of an output and its name, this happens: the lane was asleep."""
    real = publish.Temporary.publish

    def slept(temp: publish.Temporary, *args: Any, **more: Any) -> None:
        meanwhile()
        real(temp, *args, **more)

    monkeypatch.setattr(publish.Temporary, "publish", slept)


def exchanged(path: Path) -> None:
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path.with_suffix(".new"), "JPEG")
    path.with_suffix(".new").rename(path)


def edited(path: Path) -> None:
    """One byte, with size and mtime as they were."""
    seen = path.stat()
    with path.open("r+b") as stream:
        stream.seek(seen.st_size // 2)
        byte = stream.read(1)
        stream.seek(seen.st_size // 2)
        stream.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


@pytest.mark.parametrize(("what", "code"), [
    (exchanged, Code.CHANGED), (edited, Code.CHANGED), (Path.unlink, Code.VANISHED),
    (lambda path: path.write_bytes(b""), Code.CHANGED),
])  # fmt: skip
def test_a_lane_that_slept_publishes_no_photo_that_has_changed_since(
    job: Job, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch,
    what: Callable[[Path], object], code: Code,
) -> None:  # fmt: skip
    """What was cut out meanwhile is never written over, and nothing stale appears beside it."""
    photo = Path(job.inbox) / "a.jpg"
    sleeper(monkeypatch, lambda: what(photo))
    outcome = work(job, segmenter)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.side) == (code, "source")
    assert os.listdir(job.outbox) == []


@pytest.mark.parametrize(("what", "left"), [
    (exchanged, []), (edited, []), (Path.unlink, ["a_nobg.png"]),
    (lambda path: path.chmod(0o600), ["a_nobg.png"]),
])  # fmt: skip
def test_a_change_in_the_moment_of_the_rename_takes_the_output_away_again(
    job: Job, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch,
    what: Callable[[Path], object], left: list[str],
) -> None:  # fmt: skip
    """Not so where the photo left: whoever waited for the output may have taken it away."""
    real = publish._rename

    def slept(*args: Any, **more: Any) -> None:
        real(*args, **more)
        what(Path(job.inbox) / "a.jpg")

    monkeypatch.setattr(publish, "_rename", slept)
    outcome = work(job, segmenter)
    assert isinstance(outcome, Done) is bool(left)
    assert os.listdir(job.outbox) == left


def test_a_copy_of_a_twin_is_looked_after_likewise(
    job: Job, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no time to speak of, which says nothing of a lane that sleeps."""
    first = done(work(job, segmenter))
    photo = Path(job.inbox) / "b.jpg"
    photo.write_bytes((Path(job.inbox) / "a.jpg").read_bytes())
    twin = replace(
        job, relpath="b.jpg", outputs=("b_nobg.png",), mtime_ns=photo.stat().st_mtime_ns,
        twins=(Twin(first.sha256, first.output),),
    )  # fmt: skip
    sleeper(monkeypatch, lambda: exchanged(photo))
    outcome = work(twin, segmenter)
    assert isinstance(outcome, Failed)
    assert outcome.code is Code.CHANGED
    assert os.listdir(job.outbox) == ["a_nobg.png"]


@pytest.mark.parametrize("what", [
    lambda path: path.chmod(0o600), lambda path: os.utime(path),
    lambda path: (path.with_suffix(".new").write_bytes(path.read_bytes()),
                  path.with_suffix(".new").rename(path)),
])  # fmt: skip
def test_a_photo_that_was_only_touched_is_published(
    job: Job, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch,
    what: Callable[[Path], object],
) -> None:  # fmt: skip
    """Another time, mode or inode is no other picture: it is read again, and is the same."""
    sleeper(monkeypatch, lambda: what(Path(job.inbox) / "a.jpg"))
    assert done(work(job, segmenter)).how == "computed"


def test_an_outbox_on_another_mount_is_not_written_to(job: Job, segmenter: Segmenter) -> None:
    """The place is gone away; the photo is not to blame."""
    mount = replace(mounts.identify(job.outbox), mountpoint="/gone", mount_id=0)
    outcome = work(replace(job, outbox_mount=mount), segmenter)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.side) == (Code.GONE_AWAY, "output")
    assert os.listdir(job.outbox) == []


def test_when_every_name_is_taken_there_is_another(job: Job, segmenter: Segmenter) -> None:
    """Foreign files under all names stay as they are; the content gives one more, and found."""
    for name in job.outputs:
        (Path(job.outbox) / name).write_bytes(b"theirs")
    first = done(work(job, segmenter))
    assert Path(first.output).name == f"a.jpg-{first.sha256[:16]}_nobg.png"
    assert all((Path(job.outbox) / name).read_bytes() == b"theirs" for name in job.outputs)
    assert done(work(job, segmenter)).how == "found"
    Path(first.output).write_bytes(b"theirs")
    assert done(work(job, segmenter)).output.endswith(f"a.jpg-{first.sha256[:16]}-2_nobg.png")

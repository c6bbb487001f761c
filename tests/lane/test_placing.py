"""A doubtful cut-out waits in `_review/` and goes to its place whole, whatever comes between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lane.test_output import asking, done, job, work
from nobgd.fs import publish
from nobgd.lane import placing
from nobgd.picture import provenance
from nobgd.picture.segment import Segmenter
from nobgd.values import Code, Done, Job, NobgdError, Rendering, Twin, waiting
from nobgd.values.errands import Place

assert job  # the fixture
MASKED = Rendering(mask=True)


def doubted(job: Job, rendering: Rendering = MASKED) -> Job:
    """Whatever the model says of it, it is to wait."""
    return replace(asking(job, rendering), doubtful_apart=True, review_above=-1.0)


def errand(job: Job, made: Done, **other: Any) -> Place:
    """To put it where it belongs."""
    output = made.output.removeprefix(f"{job.outbox}/")
    names = tuple(dict.fromkeys((waiting.placed(output), *job.outputs)))
    asked = Place(job.outbox, output, names, frozenset(), job.relpath, job.inbox_key, made.sha256,
                  job.spare[1])  # fmt: skip
    return replace(asked, **other)


def there(job: Job) -> list[str]:
    found = (p for p in Path(job.outbox).rglob("*") if p.is_file())
    return sorted(str(p.relative_to(job.outbox)) for p in found)


@pytest.fixture
def made(job: Job, segmenter: Segmenter) -> Done:
    return done(work(doubted(job), segmenter))


def test_it_waits_apart_and_is_found_there(job: Job, made: Done, segmenter: Segmenter) -> None:
    """With its mask; nothing is in its place."""
    assert made.review
    assert there(job) == ["_review/a_mask.png", "_review/a_nobg.png"]
    again = done(work(doubted(job), segmenter))
    assert (again.how, again.output) == ("found", made.output)


def test_a_sure_one_goes_to_its_place_at_once(job: Job, segmenter: Segmenter) -> None:
    """And no folder is made for others."""
    outcome = done(work(replace(doubted(job), review_above=1.0), segmenter))
    assert outcome.output == f"{job.outbox}/a_nobg.png"
    assert not (Path(job.outbox) / waiting.FOLDER).exists()


def test_an_accepted_one_is_placed_and_the_empty_folder_leaves(job: Job, made: Done) -> None:
    """Its bytes are the same; doing it again does nothing."""
    before = Path(made.output).read_bytes()
    for _ in range(2):
        assert placing.place(errand(job, made)) == 0
        assert (Path(job.outbox) / "a_nobg.png").read_bytes() == before
        assert not any(name.startswith("_review") for name in there(job))
    assert not (Path(job.outbox) / "_review").exists()


def test_nothing_is_written_over(job: Job, made: Done) -> None:
    """A stranger's file keeps its name, and so does what another photo owns."""
    stranger = Path(job.outbox) / "a_nobg.png"
    stranger.write_bytes(b"mine")
    asked = errand(job, made)
    assert asked.names[placing.place(asked)] == "a.jpg_nobg.png"
    assert stranger.read_bytes() == b"mine"


def test_a_name_that_another_photo_owns_is_left_to_it(job: Job, made: Done) -> None:
    """Although it is free on the disk."""
    asked = errand(job, made, taken=frozenset({"a_nobg.png"}))
    assert asked.names[placing.place(asked)] == "a.jpg_nobg.png"


def test_what_somebody_took_away_is_said(job: Job, made: Done) -> None:
    """It is not made up."""
    os.unlink(made.output)
    with pytest.raises(NobgdError) as error:
        placing.place(errand(job, made))
    assert error.value.code is Code.VANISHED


class _Killed(BaseException):
    """The lane is gone."""


def _deadly(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A kill before and after each thing that is done to the disk; [how many may be done]."""
    left = [0]
    for module, name in ((publish, "rename_noreplace"), (publish, "sync_folder")):
        real = getattr(module, name)

        def act(*words: object, real: Callable[..., object] = real) -> None:
            for late in (False, True):
                if left[0] == 0:
                    raise _Killed
                left[0] -= 1
                if not late:
                    real(*words)

        monkeypatch.setattr(module, name, act)
    yield left


def test_a_kill_at_any_step_leaves_it_whole_and_the_next_try_finishes(
    job: Job, made: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one place or the other, never in none or both."""
    kept = f"{job.outbox}-kept"
    shutil.copytree(job.outbox, kept)
    for steps in range(9):
        shutil.rmtree(job.outbox)
        shutil.copytree(kept, job.outbox)
        _killed_after(steps, job, made, monkeypatch)


def _killed_after(steps: int, job: Job, made: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path(made.output).read_bytes()
    with monkeypatch.context() as patched:
        for left in _deadly(patched):
            left[0] = steps
            try:
                placing.place(errand(job, made))
            except _Killed:
                pass
            else:
                assert steps >= 8  # there are no more than so many
    whole = [name for name in there(job) if name.endswith("a_nobg.png")]
    assert len(whole) == 1
    assert (Path(job.outbox) / whole[0]).read_bytes() == before
    assert placing.place(errand(job, made)) == 0
    assert (Path(job.outbox) / "a_nobg.png").read_bytes() == before
    assert len(there(job)) == 2
    assert not any(name.startswith("_review") for name in there(job))


def test_a_better_photo_takes_what_waited_away(job: Job, made: Done, segmenter: Segmenter) -> None:
    """It changed where it stands, and is sure now: its older cut-out waits for nobody any more."""
    source = Path(job.inbox) / job.relpath
    source.write_bytes(source.read_bytes() + b"\0")
    seen = source.stat()
    newer = replace(
        doubted(job), size=seen.st_size, mtime_ns=seen.st_mtime_ns, review_above=1.0,
        own=made.output.removeprefix(f"{job.outbox}/"), replaces=made.sha256,
    )  # fmt: skip
    outcome = done(work(newer, segmenter))
    assert outcome.output == f"{job.outbox}/a_nobg.png"
    assert not (Path(job.outbox) / waiting.FOLDER).exists()


def test_a_twin_of_a_doubtful_one_waits_like_it(job: Job, segmenter: Segmenter) -> None:
    """Copied, not computed, and into the same part."""
    first = done(work(doubted(job, Rendering()), segmenter))
    other = Path(job.inbox) / "b.jpg"
    other.write_bytes((Path(job.inbox) / job.relpath).read_bytes())
    twin = replace(
        asking(replace(job, relpath="b.jpg", mtime_ns=other.stat().st_mtime_ns), Rendering()),
        doubtful_apart=True, review_above=-1.0, twins=(Twin(first.sha256, first.output),),
    )  # fmt: skip
    outcome = done(work(twin, segmenter))
    assert outcome.how == "copied"
    assert outcome.output == f"{job.outbox}/_review/b_nobg.png"
    with open(outcome.output, "rb") as stream:
        note = provenance.find(stream.read(provenance.HEAD_BYTES))
    assert note is not None
    assert note.source == "b.jpg"


def test_a_photo_may_lie_in_a_folder_of_that_name() -> None:
    """Which part its cut-out is in is told by the depth."""
    assert not waiting.waits("_review/a_nobg.png", "_review/a.jpg")
    assert waiting.waits("_review/_review/a_nobg.png", "_review/a.jpg")
    assert waiting.waits("_review/a_nobg.png", "a.jpg")

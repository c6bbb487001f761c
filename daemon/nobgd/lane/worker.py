"""One job in one lane: read, decode, infer, compose, encode, publish, every stage timed.

`process` never raises: whatever happens becomes an `Outcome`.  The pictures are untrusted,
so this runs in a confined process of its own; the supervisor only sees the outcome.

Order of the cheap ways out, before any pixel is decoded: an output made from these very
bytes by this recipe is *found*; a finished output of the same bytes under another name is
*copied*; one that differs only in what was made of its cut-out is *rendered* from that, if it is
there; only then is it *computed*.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

from nobgd.fs.faults import code_of
from nobgd.lane import cost, evidence, pairing, placing, target
from nobgd.lane.peak import PEAK, peak_rss_mb
from nobgd.picture import admission, cutting, decode, extent, source, touch
from nobgd.picture.deep import Cut
from nobgd.picture.levels import Bytes
from nobgd.picture.rendering import files, render
from nobgd.picture.segment import Segmenter
from nobgd.values import Code, Done, Failed, Job, NobgdError, Outcome, Timing, waiting

Ask = Callable[[float], int]  # blocks until that many megapixels fit; the threads to use
Stage = Callable[[str], None]  # told which stage begins
_READ_LIMIT_PER_MEGAPIXEL = 16_000_000  # bytes: 16-bit RGBA uncompressed, twice
_READ_LIMIT_BESIDES = 128 << 20  # bytes that are no pixels, see `admission`
_MAY_MEND = (Code.EMPTY, Code.TRUNCATED, Code.BROKEN)  # while the file is still being written


class Clock:
    """Milliseconds per stage; a stage entered twice adds up."""

    def __init__(self, tell: Stage) -> None:
        self.began = perf_counter()
        self.spent: dict[str, float] = {}
        self._tell = tell

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body under ``name``."""
        self._tell(name)
        start = perf_counter()
        try:
            yield
        finally:
            took = (perf_counter() - start) * 1000
            self.spent[name] = self.spent.get(name, 0.0) + took

    def waited(self, seconds: float, stage: str = "") -> None:
        """Take time spent waiting, for memory or for others, out of the total and the stage."""
        self.began += seconds
        if stage:
            self.spent[stage] = max(0.0, self.spent[stage] - seconds * 1000)

    def timing(self) -> Timing:
        """All stages so far."""
        stages = {f"{name}_ms": value for name, value in self.spent.items()}
        return Timing(**stages, total_ms=(perf_counter() - self.began) * 1000)


def process(job: Job, segmenter: Segmenter, ask: Ask, stage: Stage) -> Outcome:
    """Turn one photo into one output.  Never raises."""
    clock = Clock(stage)
    PEAK.reset()
    side = "source"
    try:
        with clock.stage("read"), _patient(job):
            pairing.check(job)
            limit = int(job.max_megapixels * _READ_LIMIT_PER_MEGAPIXEL) + _READ_LIMIT_BESIDES
            photo = source.read(
                job.inbox, job.relpath, mount=job.inbox_mount,
                expect=(job.size, job.mtime_ns), grain_ns=job.grain_ns, max_bytes=limit,
                admit=lambda peek, size: admission.admit(peek, size, job.max_megapixels),
            )  # fmt: skip

        def fresh() -> None:
            """Right before an output appears: a lane may have slept since the photo was read."""
            nonlocal side
            side = "source"
            stage("confirm")
            source.confirm(job.inbox, job.relpath, photo, job.inbox_mount)
            side = "output"

        if job.develop:
            with clock.stage("decode"), _patient(job):
                job = replace(job, develop=decode.look(photo.data).format == "RAW")
        side = "output"
        done = Done(
            job.inbox, job.relpath, "", photo.sha256, job.recipe.key, 0, 0, len(photo.data), 0,
            model=job.recipe.model, precision=job.recipe.precision, engine=segmenter.engine,
            attempt=job.attempt,
        )  # fmt: skip
        with clock.stage("publish"):
            found = _already(job, done, fresh)
        found = found or _rendered(job, done, ask, clock, fresh)
        data, photo = [photo.data], replace(photo, data=b"")
        done = found or _compute(job, done, data, segmenter, ask, clock, fresh)
        if (left := waiting.leftover(job, done.output.removeprefix(f"{job.outbox}/"))) is not None:
            with clock.stage("publish"):
                placing.withdraw(job, left, done.sha256)
        review = (done.doubt or 0.0) > job.review_above and not job.accepted
        return replace(
            done, timing=clock.timing(), peak_rss_mb=round(peak_rss_mb(), 1), review=review
        )
    except NobgdError as error:
        named = job.relpath in error.reason or job.outbox in error.reason
        reason = error.reason if named else f"{job.relpath}: {error.reason}"
        return Failed(job.inbox, job.relpath, error.code, reason, job.attempt, side)
    except MemoryError:
        reason = f"{job.relpath}: not enough memory; lower workers.max_megapixels or workers.count"
        return Failed(job.inbox, job.relpath, Code.OUT_OF_MEMORY, reason, job.attempt, side)
    except OSError as error:
        reason = f"{error.filename or job.relpath}: {error.strerror or error}; see `nobgd doctor`"
        return Failed(job.inbox, job.relpath, code_of(error), reason, job.attempt, side)
    except Exception as error:  # noqa: BLE001 - the border of the process: nothing may leave it
        reason = f"{job.relpath}: {type(error).__name__}: {error}; please report it with the photo"
        return Failed(job.inbox, job.relpath, Code.INTERNAL, reason, job.attempt, side)


def _already(job: Job, done: Done, fresh: target.Fresh) -> Done | None:
    """What is there, in the one part of the outbox or the other."""
    found = (target.already(part, done, fresh) for part in _parts(job))
    return next((each for each in found if each is not None), None)


def _parts(job: Job) -> list[Job]:
    """See `waiting.parts`; the one in which nothing waits yet is left out, for it is not made."""
    there = os.path.join(job.outbox, waiting.FOLDER)
    return [part for part in waiting.parts(job) if not part.apart or os.path.isdir(there)]


def _compute(
    job: Job, done: Done, taken: list[bytes], segmenter: Segmenter, ask: Ask, clock: Clock,
    fresh: target.Fresh,
) -> Done:  # fmt: skip
    data = taken.pop()  # nobody else keeps the file beside its pixels
    with clock.stage("decode"), _patient(job):
        header = decode.look(data)
        if header.megapixels > job.max_megapixels:
            raise admission.too_many_pixels(header.megapixels, job.max_megapixels)
        if job.quiet_s < job.patience_s and not decode.finished(data, header):
            raise NobgdError(Code.INCOMPLETE, f"{job.relpath} has no end yet: still copied?")
    asked = perf_counter()
    threads = ask(cost.megapixels(header, data) + cost.page(header, job.rendering))
    clock.waited(perf_counter() - asked)
    with clock.stage("decode"), _patient(job):
        picture = decode.decode(data, header, threads, develop=job.develop)
        more = extent.more(data, header.format)
        del data, header
    with clock.stage("infer"):
        found = cutting.find(picture, segmenter, threads)
    if found.threads:  # the model was asked
        clock.waited(segmenter.waited_s, "infer")
    if job.recipe.edges != "plain":  # which takes no time, and says so
        with clock.stage("edges"):
            found = cutting.refine(picture, found, job.recipe.edges, threads)
    painted = _painted(job, picture.rgbx)
    with clock.stage("compose"):
        rgba = cutting.finish(picture, found, threads)
    if found.edge is not None:
        with clock.stage("edges"):
            cutting.finish_edge(rgba, found, threads)
    with clock.stage("compose"):
        beside = files.Beside(picture.icc, picture.dpi, picture.exif, picture.spoken)
        complaints = picture.complaints
        if painted is not None:
            painted.finish(rgba)
            found = replace(found, doubt=0.0)  # somebody has looked
        notes = (*picture.assumed, *found.notes, *([touch.NOTE] if painted is not None else []))
        seen = evidence.visible(rgba[..., 3])
        whole = cutting.deepened(picture, rgba)
        del picture, rgba
        keep = evidence.keep(complaints, more, found.confidence, visible=seen)
    done = replace(
        done, subject_confidence=round(found.confidence, 4), threads=found.threads,
        engine=segmenter.engine,
        complaints=complaints, notes=notes, keep=keep, doubt=found.doubt,
    )  # fmt: skip
    return _published(job, done, whole, beside, clock, fresh, threads)


def _painted(job: Job, rgbx: Bytes) -> touch.Touch | None:
    """What somebody painted over this cut-out, over the photo's pixels."""
    if job.touch is None or job.touches is None:
        return None
    try:
        data = source.read(job.touches, job.touch).data
    except (NobgdError, OSError) as error:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"{job.relpath}: what was painted over its cut-out is not there any more; `nobgd retry`"
            " makes it without",
        ) from error
    made = touch.Touch(touch.read(data), *rgbx.shape[:2])
    made.remember(rgbx)
    return made


def _rendered(job: Job, done: Done, ask: Ask, clock: Clock, fresh: target.Fresh) -> Done | None:
    """The output from a plain cut-out that is there, which costs no inference; or None."""
    with clock.stage("publish"):
        every = (target.cut_out(part, done.sha256) for part in _parts(job))
        found = next((each for each in every if each is not None), None)
    if found is None:
        return None
    data, said = found
    try:
        with clock.stage("decode"):
            header = decode.look(data)
        asked = perf_counter()
        threads = ask(cost.megapixels(header, data) + cost.page(header, job.rendering))
        clock.waited(perf_counter() - asked)
        with clock.stage("decode"):
            picture = decode.decode(data, header, threads)
    except NobgdError:
        return None  # whatever it is now, it is made anew
    del data, found
    with clock.stage("compose"):
        beside = files.Beside(picture.icc, picture.dpi, picture.exif, picture.spoken)
        whole = cutting.again(picture)
        del picture
    done = replace(
        done, subject_confidence=said.confidence, keep=said.keep, doubt=said.doubt, how="rendered"
    )
    job = replace(job, develop=bool(said.developed))  # as the cut-out was
    return _published(job, done, whole, beside, clock, fresh, threads)


def _published(
    job: Job, done: Done, cut: Cut, beside: files.Beside, clock: Clock, fresh: target.Fresh,
    threads: int,
) -> Done:  # fmt: skip
    """Render a cut-out, write it and put it into the outbox."""
    job = waiting.part_for(job, done.doubt)
    height, width = cut.shape[:2]
    wanted = job.rendering
    with clock.stage("compose"):
        page = render(cut, wanted, beside.icc)
        del cut
    if files.unsaid(beside, wanted):
        done = replace(done, notes=(*done.notes, files.UNSAID))
    with clock.stage("encode"):
        photo = f"{width}x{height}" if wanted.reframes else None
        note = target.note(job, done.sha256, done.subject_confidence, done.keep, done.doubt, photo)
        how = files.How(job.compression, threads)
        parts = files.write(page, wanted, note, beside, how)
        mask = files.mask(page, note, how) if wanted.mask else None
        del page
    with clock.stage("publish"):
        output, count = target.put(job, done.sha256, parts, fresh, mask)
    return replace(done, output=output, width=width, height=height, bytes_out=count)


@contextlib.contextmanager
def _patient(job: Job) -> Iterator[None]:
    """Damage of a file that was seen to change just now may be a part that has not come yet."""
    try:
        yield
    except NobgdError as error:
        if error.code in _MAY_MEND and job.quiet_s < job.patience_s:
            reason = f"{job.relpath}: {error.reason.partition(';')[0]}: still copied?"
            raise NobgdError(Code.INCOMPLETE, reason) from error
        raise

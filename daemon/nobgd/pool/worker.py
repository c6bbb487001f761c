"""One job in one lane: read, decode, infer, compose, encode, publish, every stage timed.

`process` never raises: whatever happens becomes an `Outcome`.  The pictures are untrusted,
so this runs in a confined process of its own; the supervisor only sees the outcome.

Order of the cheap ways out, before any pixel is decoded: an output made from these very
bytes by this recipe is *found*; a finished output of the same bytes under another name is
*copied*; only then is it *computed*.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

from nobgd import __version__, note, publish
from nobgd.oserrors import code_of
from nobgd.picture import compose, decode, encode, source
from nobgd.picture.segment import Segmenter
from nobgd.values import Code, Done, Failed, Job, NobgdError, Outcome, Timing

Ask = Callable[[float], int]  # blocks until that many megapixels fit; the threads to use
Stage = Callable[[str], None]  # told which stage begins
_READ_LIMIT_PER_MEGAPIXEL = 24_000_000  # bytes: 16-bit RGBA TIFF, uncompressed, thrice over
_READ_LIMIT_FLOOR = 64_000_000


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

    def waited(self, seconds: float) -> None:
        """Take time spent waiting for memory out of the total."""
        self.began += seconds

    def timing(self) -> Timing:
        """All stages so far."""
        stages = {f"{name}_ms": value for name, value in self.spent.items()}
        return Timing(**stages, total_ms=(perf_counter() - self.began) * 1000)


@dataclass(slots=True)
class _Target:
    """Where this photo's output goes, or already is."""

    name: str
    mine: bool  # made from this very source, so it may be replaced
    same: bool  # and from these bytes by this recipe: nothing to do


def process(job: Job, segmenter: Segmenter, ask: Ask, stage: Stage) -> Outcome:
    """Turn one photo into one output.  Never raises."""
    clock = Clock(stage)
    PEAK.reset()
    side = "source"
    try:
        with clock.stage("read"):
            limit = max(int(job.max_megapixels * _READ_LIMIT_PER_MEGAPIXEL), _READ_LIMIT_FLOOR)
            photo = source.read(
                job.inbox, job.relpath, device=job.inbox_device,
                expect=(job.size, job.mtime_ns), max_bytes=limit,
            )  # fmt: skip
        side = "output"
        done = Done(
            job.inbox, job.relpath, "", photo.sha256, job.recipe.key, 0, 0, len(photo.data), 0,
            model=job.recipe.model, precision=job.recipe.precision, attempt=job.attempt,
        )  # fmt: skip
        done = _already(job, done, clock) or _compute(job, done, photo.data, segmenter, ask, clock)
        return replace(done, timing=clock.timing(), peak_rss_mb=round(peak_rss_mb(), 1))
    except NobgdError as error:
        side = "source" if side == "source" else "output"
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


def _already(job: Job, done: Done, clock: Clock) -> Done | None:
    """The outcome if these bytes were cut out before, here or under another name."""
    with clock.stage("publish"), _out_folder(job) as folder:
        target = _target(folder, job, done.sha256)
        if target.same:
            return _described(folder, target.name, job, done, how="found")
        twin = next((t for t in job.twins if t.sha256 == done.sha256), None)
        parts = _twin_parts(twin.output, job, done.sha256) if twin else None
        if parts is None:
            return None
        name, _ = _publish(folder, job, done.sha256, parts)
        return _described(folder, name, job, done, how="copied")


def _compute(
    job: Job, done: Done, data: bytes, segmenter: Segmenter, ask: Ask, clock: Clock
) -> Done:
    with clock.stage("decode"):
        header = _look(job, data)
        if header.megapixels > job.max_megapixels:
            raise NobgdError(
                Code.TOO_LARGE,
                f"{job.relpath} has {header.megapixels:.0f} megapixels, more than the"
                f" {job.max_megapixels:g} allowed; raise workers.max_megapixels to take it",
            )
        if not decode.finished(data, header):
            if job.quiet_s < job.patience_s:
                raise NobgdError(Code.INCOMPLETE, f"{job.relpath} has no end yet: still copied?")
            raise NobgdError(
                Code.TRUNCATED, f"{job.relpath} ends too early: copy the original again"
            )
    asked = perf_counter()
    threads = ask(header.megapixels)
    clock.waited(perf_counter() - asked)
    with clock.stage("decode"):
        picture = decode.decode(data, header)
        del data
    with clock.stage("infer"):
        mask, confidence = segmenter.mask(picture.pixels, threads)
    with clock.stage("compose"):
        rgba = compose.compose(picture.rgbx, mask, picture.alpha, threads)
        icc, dpi, exif = picture.icc, picture.dpi, picture.exif
        del picture
    with clock.stage("encode"):
        parts = encode.encode(
            rgba, icc=icc, dpi=dpi, exif=exif, compression=job.compression,
            extra=(note.chunk(_note(job, done.sha256, confidence)),), threads=threads,
        )  # fmt: skip
        height, width = rgba.shape[:2]
        del rgba
    with clock.stage("publish"), _out_folder(job) as folder:
        name, count = _publish(folder, job, done.sha256, parts)
    return replace(
        done, output=os.path.join(job.outbox, name), width=width, height=height,
        bytes_out=count, subject_confidence=round(confidence, 4), threads=threads,
    )  # fmt: skip


def _look(job: Job, data: bytes) -> decode.Header:
    """The header; a file without one is given time before it is called empty or cut."""
    try:
        return decode.look(data)
    except NobgdError as error:
        if error.code in (Code.EMPTY, Code.TRUNCATED) and job.quiet_s < job.patience_s:
            raise NobgdError(Code.INCOMPLETE, f"{job.relpath}: still copied?") from error
        raise


def _note(job: Job, sha256: str, confidence: float) -> note.Note:
    return note.Note(
        job.relpath, job.inbox_key, sha256, job.recipe.key, __version__, round(confidence, 4)
    )


@contextlib.contextmanager
def _out_folder(job: Job) -> Iterator[int]:
    parts = [part for part in os.path.dirname(job.outputs[0]).split("/") if part]
    with publish.folder(job.outbox, parts, job.outbox_device) as descriptor:
        yield descriptor


def _target(folder: int, job: Job, sha256: str) -> _Target:
    """Pick the name: one that is ours already, else the first free one.

    A file that nobgd did not make from this very source is never a target.
    """
    free: _Target | None = None
    mine: _Target | None = None
    for output in job.outputs:
        name = os.path.basename(output)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            if free is None and output not in job.reserved:
                free = _Target(output, mine=False, same=False)
            continue
        except OSError:  # a link, a folder, a socket: somebody else's
            continue
        with os.fdopen(file, "rb") as stream:
            said = note.find(stream.read(note.HEAD_BYTES))
            if said is None or said.source != job.relpath or said.inbox in job.siblings:
                continue
            if said.sha256 == sha256 and said.recipe == job.recipe.key:
                stream.seek(0)
                if note.whole(stream):
                    return _Target(output, mine=True, same=True)
            mine = mine or _Target(output, mine=True, same=False)
    target = mine or free
    if target is None:
        raise NobgdError(
            Code.NAME_TAKEN,
            f"{job.outputs[0]} and its alternatives exist in {job.outbox} and were not made"
            f" from {job.relpath}; move them away and run `nobgd retry`",
        )
    return target


def _publish(
    folder: int, job: Job, sha256: str, parts: list[bytes | memoryview]
) -> tuple[str, int]:
    for _ in range(len(job.outputs) + 1):  # each loss of a race takes one name away
        target = _target(folder, job, sha256)
        if target.same:
            return target.name, sum(len(part) for part in parts)
        with contextlib.suppress(publish.Taken):
            name = os.path.basename(target.name)
            return target.name, publish.write(folder, name, parts, replace=target.mine)
    raise NobgdError(Code.NAME_TAKEN, f"{job.outputs[0]} keeps being taken by another program")


def _twin_parts(path: str, job: Job, sha256: str) -> list[bytes | memoryview] | None:
    """The twin's output with its note exchanged for ours, or None if it is not what it was."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        said = note.find(stream.read(note.HEAD_BYTES))
        if said is None or (said.sha256, said.recipe) != (sha256, job.recipe.key):
            return None
        stream.seek(0)
        if not note.whole(stream):
            return None
        stream.seek(0)
        data = stream.read()
        old, new = note.chunk(said), note.chunk(_note(job, sha256, said.confidence))
        at = data.find(old, 0, note.HEAD_BYTES * 2)
        if at < 0:
            return None
        view = memoryview(data)
        return [view[:at], new, view[at + len(old) :]]
    return None


def _described(folder: int, name: str, job: Job, done: Done, *, how: str) -> Done:
    """Fill in the size of an output that was not computed now, from its own header."""
    with open(os.open(os.path.basename(name), os.O_RDONLY, dir_fd=folder), "rb") as stream:
        head = stream.read(note.HEAD_BYTES)
        said = note.find(head)
        count = os.fstat(stream.fileno()).st_size
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return replace(
        done, output=os.path.join(job.outbox, name), width=width, height=height,
        bytes_out=count, how=how, subject_confidence=said.confidence if said else 0.0,
    )  # fmt: skip


class Peak:
    """The peak of resident memory, started anew for each photo (proc(5), clear_refs).

    The file is opened before the lane is confined; afterwards /proc is not writable.
    """

    def __init__(self) -> None:
        self._refs: int | None = None

    def open(self) -> None:
        """Open the file, while that is allowed."""
        with contextlib.suppress(OSError):
            self._refs = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """Let the peak be what is resident now."""
        if self._refs is not None:
            with contextlib.suppress(OSError):
                os.write(self._refs, b"5")


PEAK = Peak()


def peak_rss_mb() -> float:
    """Peak resident memory since `Peak.reset`, in MB of 10^6 bytes (VmHWM)."""
    with contextlib.suppress(OSError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0

"""What a lane's answer means for the request that it was asked, and whether it can be that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from nobgd.fs import mounts, spelling
from nobgd.pool.reply import MOST, Broken, Cut, Lost, Number
from nobgd.values import Done, Failed, Job, Timing, waiting
from nobgd.values.errands import (
    COPIED,
    FORMATS,
    NOT_COPIED,
    STATES,
    Check,
    Digest,
    Dispose,
    Errand,
    Look,
    Mark,
    Peek,
    Place,
    Prepare,
    Preview,
    PutBack,
    Release,
    Render,
    Sample,
    SetAside,
    Sweep,
    Unlink,
    Write,
)
from nobgd.values.mount import Mount
from nobgd.values.photos import ADAPTIVE

_SPARES = 1000  # names that the photo's hash gives, of which one is taken as a rule


def of_job(reply: Cut | Lost, job: Job, *, again: bool = False) -> Done | Failed:
    """What a reply to this job means; ``again``: a closer mask was asked for.

    Raises `Broken` for an output that is none of the job's.
    """
    if isinstance(reply, Lost):
        return Failed(
            job.inbox, job.relpath, reply.code, reply.reason, job.attempt, reply.side, reply.final
        )
    if not _may_be(reply.output, job, reply.sha256):
        raise Broken("done: output: none of the job's")
    recipe, times = job.recipe, reply.timing
    if reply.recipe not in (recipe.key, *job.counts):
        raise Broken("done: recipe: none of the job's")
    precision = recipe.precision
    if precision == ADAPTIVE and reply.threads:
        precision = "fp32" if again else "int8"
    timing = Timing(
        times.read_ms, times.decode_ms, times.infer_ms, times.compose_ms, times.encode_ms,
        times.publish_ms, times.total_ms, times.edges_ms,
    )  # fmt: skip
    return Done(
        job.inbox, job.relpath, os.path.join(job.outbox, reply.output), reply.sha256, reply.recipe,
        reply.width, reply.height, reply.bytes_in, reply.bytes_out, timing, reply.peak_rss_mb,
        recipe.model, precision, reply.engine, reply.subject_confidence, job.attempt,
        reply.threads, reply.notes, reply.how, reply.complaints, reply.keep,
        reply.doubt, reply.review,
    )  # fmt: skip


def of_errand(reply: Number, errand: Errand | Check) -> int | Mount:
    """What a reply to this errand means.  Raises `Broken` for what it cannot come to."""
    number = reply.errand
    match errand:
        case Prepare():
            fits = 0 <= number < 1 << 96
        case SetAside():
            fits = 0 <= number < MOST and number % STATES in (COPIED, *NOT_COPIED)
        case Digest() | Sample():
            fits = number >= 0
        case Look():
            fits = 0 <= number < 1 << 256
        case Dispose():
            fits = 0 <= number < MOST
        case Peek():
            fits = number < len(FORMATS)
        case Place():
            fits = 0 <= number < len(errand.names)
        case Mark() | Sweep():
            fits = 0 <= number < MOST
        case PutBack() | Release() | Write() | Unlink() | Render() | Preview():
            fits = number < MOST
    if not fits:
        raise Broken(f"errand: none of the answers of {type(errand).__name__}")
    return mounts.sighted(number) if isinstance(errand, Prepare) else number


def _may_be(output: str, job: Job, sha256: str) -> bool:
    """Whether the job may give its output this name, in one of the spellings that a disk wants."""
    return any(_may_be_in(output, part, sha256) for part in waiting.parts(job))


def _may_be_in(output: str, job: Job, sha256: str) -> bool:
    folder, name = os.path.split(output)
    wanted = [part for part in os.path.dirname(job.outputs[0]).split("/") if part]
    parts = folder.split("/") if folder else []
    if len(parts) != len(wanted) or not all(map(_spelt, parts, wanted)):
        return False
    tail = job.spare[1]
    return any(_spelt(name, os.path.basename(each), tail) for each in _names(job, sha256))


def _names(job: Job, sha256: str) -> Iterator[str]:
    if job.own is not None:
        yield job.own
    yield from job.outputs
    yield from islice(job.spares(sha256), _SPARES)


def _spelt(found: str, name: str, tail: str = "") -> bool:
    return found == name or found in spelling.variants(name, tail)

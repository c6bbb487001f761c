"""The part of an outbox in which doubtful cut-outs wait: ``_review/``, with the same sub-folders.

Which part an output lies in is told by its depth, as photos may lie in a folder of that name.
"""

from __future__ import annotations

from dataclasses import replace

from nobgd.values.photos import Job

FOLDER = "_review"


def apart(output: str) -> str:
    """Where a cut-out waits that will be called ``output``; relative to the outbox."""
    return f"{FOLDER}/{output}"


def placed(output: str) -> str:
    """What one that waits will be called."""
    return output.removeprefix(f"{FOLDER}/")


def waits(output: str | None, relpath: str) -> bool:
    """Whether this output of that photo lies there."""
    if output is None or not output.startswith(f"{FOLDER}/"):
        return False
    return output.count("/") > relpath.count("/")


def parts(job: Job) -> tuple[Job, ...]:
    """The job for each part of the outbox that its output may lie in.

    What is its own in the other part is no name for this one, see `leftover`.
    """
    plain = replace(job, own=None if waits(job.own, job.relpath) else job.own)
    return (plain, _apart(job)) if job.doubtful_apart else (plain,)


def part_for(job: Job, doubt: float | None) -> Job:
    """The one for a cut-out of this doubt."""
    return next(part for part in parts(job) if takes(part, doubt))


def takes(part: Job, doubt: float | None) -> bool:
    """Whether a cut-out of this doubt belongs into this part."""
    return not part.doubtful_apart or part.apart == ((doubt or 0.0) > part.review_above)


def leftover(job: Job, output: str) -> str | None:
    """What the photo has in the other part than its ``output``, by the ledger."""
    own = job.own
    if own is None or waits(own, job.relpath) == waits(output, job.relpath):
        return None
    return own


def _apart(job: Job) -> Job:
    head, tail = job.spare
    return replace(
        job, apart=True, outputs=tuple(map(apart, job.outputs)), spare=(apart(head), tail),
        own=job.own if waits(job.own, job.relpath) else None,
        cut_outs=tuple(map(apart, job.cut_outs)),
    )  # fmt: skip

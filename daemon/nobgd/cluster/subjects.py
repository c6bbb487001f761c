"""What is said under which name: the broker's subjects and streams, and who may use them.

The number in each is the protocol's: another number never meets this one.  A worker's rights
follow from here, so that the broker itself refuses what a worker has no business with: it can
neither ask questions nor read others' answers, and it answers under no other name than its own.
"""

from __future__ import annotations

import hashlib

from nobgd import __version__
from nobgd.values import wire

PROTOCOL = 1
_ROOT = f"nobgd.{PROTOCOL}"
MAX_PAYLOAD = 8 << 20  # bytes of a message that the broker has to take: 1024 x 1024 x 3 and more
MAX_STORED = 256 << 20  # bytes of questions that the broker keeps; it refuses more

THINK = f"nobgd{PROTOCOL}-think"  # the stream of questions, in the broker's memory
QUESTIONS = f"{_ROOT}.think.>"
WORK = f"nobgd{PROTOCOL}-work"  # the stream of whole jobs, in the broker's memory
JOBS = f"{_ROOT}.job.>"
GROUP = "machines"  # of a consumer: machines that pull by priority
_ARITHMETIC = 1  # grows when what is made of a picture before or after the model changes


def recipe8(weights: wire.Weights) -> str:
    """A short name for all that decides a mask: machines with another one never meet.

    What runs the model is not part of it: masks of the engines differ by less than the admission
    test allows (see `probe`).
    """
    said = [weights.name, weights.precision, weights.sha256, weights.input_size,
            *weights.mean, *weights.std, *(["logits"] if weights.logits else []),
            _ARITHMETIC]  # fmt: skip
    return hashlib.sha256("|".join(map(str, said)).encode()).hexdigest()[:8]


def question(recipe: str) -> str:
    """Tensors to be thought about; of the stream `THINK`."""
    return f"{_ROOT}.think.{recipe}"


def consumer(recipe: str) -> str:
    """The durable consumer of a recipe's questions."""
    return f"t{recipe}"


def job_recipe(*recipes: str) -> str:
    """What decides a whole cut-out: the mask's recipe, and the very same nobgd around it.

    Of an adaptive model both recipes: that of its first mask, and of the closer one.
    """
    return hashlib.sha256("|".join([*recipes, __version__]).encode()).hexdigest()[:8]


def photo20(inbox: str, relpath: str) -> str:
    """A photo's name here: one subject each, so that the broker keeps one job for each."""
    said = b"\0".join(each.encode(errors="surrogateescape") for each in (inbox, relpath))
    return hashlib.sha256(said).hexdigest()[:20]


def job(recipe: str, photo: str) -> str:
    """A whole job; of the stream `WORK`.  ``recipe`` as `job_recipe` has it."""
    return f"{_ROOT}.job.{recipe}.any.{photo}"


def jobs_of(recipe: str) -> str:
    """All jobs of a recipe."""
    return f"{_ROOT}.job.{recipe}.any.*"


def job_consumer(recipe: str) -> str:
    """The durable consumer of a recipe's jobs."""
    return f"j{recipe}"


def next_question(recipe: str) -> str:
    """Where a worker asks for the next question."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{THINK}.{consumer(recipe)}"


def next_job(recipe: str) -> str:
    """Where it asks for the next job."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{WORK}.{job_consumer(recipe)}"


def answer(home: str, host: str) -> str:
    """What ``host`` answers to one run of a home, which takes it by `answers`."""
    return f"{_ROOT}.done.{home}.{host}"


def answers(home: str) -> str:
    """All answers to one run of a home."""
    return f"{_ROOT}.done.{home}.*"


def hello(host: str) -> str:
    """What a worker says of itself, every few seconds."""
    return f"{_ROOT}.hello.{host}"


HELLOS = hello("*")


def cast(host: str) -> str:
    """What a home, or the command line there, tells a worker."""
    return f"{_ROOT}.cast.{host}"


def inbox(user: str) -> str:
    """The prefix of what is answered to a user's requests: each has one of its own."""
    return f"_INBOX_{user}"


def worker_publishes(host: str) -> tuple[str, ...]:
    """All that a worker may publish: pulls, acknowledgements, answers, what it says of itself."""
    return (
        f"$JS.API.CONSUMER.MSG.NEXT.{THINK}.*", f"$JS.ACK.{THINK}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{WORK}.*", f"$JS.ACK.{WORK}.>", answer("*", host),
        hello(host),
    )  # fmt: skip


def worker_subscribes(host: str, user: str) -> tuple[str, ...]:
    """All that a worker may listen to."""
    return (f"{inbox(user)}.>", cast(host))

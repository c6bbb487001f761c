"""The broker's streams and consumers, as JetStream's API has them; pure."""

from __future__ import annotations

from typing import Any

from nobgd.cluster import subjects

_MOST_WAITING = 100_000  # pulls of all machines together; JetStream lets 512 wait else
_HOUR_NS = 3600 * 10**9


def think() -> dict[str, Any]:
    """Questions: they may be dropped, as home answers itself what nobody does."""
    return _stream(subjects.THINK, subjects.QUESTIONS) | {"discard": "old", "max_msgs": 100_000}


def work() -> dict[str, Any]:
    """Jobs: of each photo one at a time, a second is refused until the first is done."""
    return _stream(subjects.WORK, subjects.JOBS) | {
        "discard": "new", "max_msgs": 10_000, "max_msgs_per_subject": 1,
        "discard_new_per_subject": True,
    }  # fmt: skip


def _stream(name: str, said: str) -> dict[str, Any]:
    return {
        "name": name, "subjects": [said], "storage": "memory", "retention": "workqueue",
        "max_bytes": -1, "max_age": _HOUR_NS, "max_consumers": -1, "num_replicas": 1,
        "allow_msg_ttl": True,  # what a home says goes when that home waits for it no more
    }  # fmt: skip


def questions(recipe: str, lease_s: float) -> dict[str, Any]:
    """The consumer of a recipe's questions."""
    return _consumer(subjects.consumer(recipe), subjects.question(recipe), lease_s)


def jobs(recipe: str, lease_s: float) -> dict[str, Any]:
    """The consumer of a recipe's jobs."""
    return _consumer(subjects.job_consumer(recipe), subjects.jobs_of(recipe), lease_s)


def _consumer(name: str, said: str, lease_s: float) -> dict[str, Any]:
    return {
        "durable_name": name, "ack_policy": "explicit", "ack_wait": int(lease_s * 1e9),
        "max_deliver": -1, "max_ack_pending": 10_000, "deliver_policy": "all",
        "replay_policy": "instant", "filter_subject": said,
        "priority_groups": [subjects.GROUP], "priority_policy": "prioritized",
        "max_waiting": _MOST_WAITING,
    }  # fmt: skip

"""A link process or a worker that is killed at one point of a question's way.

Points are each message and each word that it says or hears, before and after, and a mask's
making.  $POINTS names a file with the point to be killed at, read at each point, so that a
process that runs can be told: "answer said 2" is the second time that it begins to say an answer.
It is emptied before the kill, so that the next process lives.  $PASSED is a file that points are
added to.  ``python -m faults.pointed FD`` is `nobgd.machines.process`, with other words ``nobgd``,
whose model process sleeps.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from nobgd.cluster import frames
from nobgd.cluster.link import Heard, Link
from nobgd.cluster.words import LARGEST, Answer
from nobgd.machines import home, line, process, thinking

_ROLE = "link" if sys.argv[1].isdigit() else "worker"
_LONGEST = 100  # characters of a point
_point = os.open(os.environ["POINTS"], os.O_RDWR)  # no file can be opened later
_passed = os.open(os.environ["PASSED"], os.O_WRONLY | os.O_APPEND)
_counts: Counter[str] = Counter()
_armed = ""


def passes(name: str) -> None:
    """It has come to a point; when that is the one, it goes no further."""
    global _armed
    wanted = os.pread(_point, _LONGEST, 0).decode().strip()
    if wanted != _armed:
        _armed = wanted
        _counts.clear()
    if not wanted:
        return
    _counts[name] += 1
    os.write(_passed, f"{_ROLE} {name} {_counts[name]}\n".encode())
    if f"{_ROLE} {name} {_counts[name]}" == wanted:
        os.ftruncate(_point, 0)
        os.kill(os.getpid(), signal.SIGKILL)


def _kind(subject: str, data: bytes) -> str:
    """What a message is, in a word."""
    if "STREAM.MSG.DELETE" in subject:
        return "withdrawal"
    if subject.startswith("$JS.API.CONSUMER.MSG.NEXT"):
        return "pull"
    if subject.startswith("$JS.API"):
        return "setting"
    if subject.startswith("$JS.ACK"):
        return {b"+ACK": "ack", b"+WPI": "renewal"}.get(data, "nak")
    if ".done." in subject:
        return "sign" if frames.unpack(Answer, data, LARGEST)[0].began else "answer"
    if ".think." in subject:
        return "question"
    return next((each for each in ("hello", "cast") if f".{each}." in subject), "receipt")


def _around(what: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
    """A coroutine function with a point on either side."""

    @functools.wraps(what)
    async def wrapped(*words: Any, **more: Any) -> Any:
        said = name(*words)
        passes(f"{said} begun")
        found = await what(*words, **more)
        passes(f"{said} over")
        return found

    return wrapped


def _link() -> None:
    listen, pull = Link.listen, Link.pull
    Link.publish = _around(  # type: ignore[method-assign]
        Link.publish, lambda _, subject, data=b"", *__: f"{_kind(subject, data)} said"
    )
    Link.ask = _around(  # type: ignore[method-assign]
        Link.ask, lambda _, subject, data, *__: f"{_kind(subject, data)} asked"
    )

    async def listening(link: Link, subject: str, heard: Any) -> None:
        def name(message: Heard) -> str:
            return f"{_kind(message.subject, message.data)} heard"

        await listen(link, subject, _around(heard, name))

    async def pulling(link: Link, *words: Any) -> Any:
        found = await pull(link, *words)
        if found is not None:
            passes("question pulled")
        return found

    Link.listen = listening  # type: ignore[method-assign,assignment]
    Link.pull = pulling  # type: ignore[method-assign,assignment]


def _line() -> None:
    say, take, mask = line.Line.say, home.Home.hear, thinking.Models.mask

    def saying(self: Any, words: dict[str, Any], memory: int | None = None) -> None:
        name = f"{next(iter(words))} to the supervisor"
        passes(f"{name} begun")
        say(self, words, memory)
        passes(f"{name} over")

    def hearing(self: Any, said: dict[str, Any], memory: int) -> None:
        name = f"{next(iter(said))} of the supervisor"
        passes(f"{name} begun")
        take(self, said, memory)
        passes(f"{name} over")

    def making(self: Any, *words: Any) -> Any:
        passes("mask begun")
        found = mask(self, *words)
        passes("mask over")
        return found

    line.Line.say, home.Home.hear = saying, hearing  # type: ignore[method-assign]
    thinking.Models.mask = making  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    _link()
    _line()
    if _ROLE == "link":
        os._exit(process.main(int(sys.argv[1])))
    from nobgd import cli
    from nobgd.pool import model_process

    model_process.PROCESS = "cluster.sleeper"
    sys.exit(cli.main(sys.argv[1:]))

"""A message with bytes: one line of JSON, then the bytes; read with a limit to each.

What comes over the wire is checked here and by the models of `words`: by length, type and range.
Nothing of it is ever evaluated.
"""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

MOST_WORDS = 16_384  # bytes of the line
Words = TypeVar("Words", bound=BaseModel)


class Broken(ValueError):  # noqa: N818 - a state
    """Nothing that is said here."""


def pack(words: BaseModel, body: bytes = b"") -> bytes:
    """One message."""
    line = {type(words).__name__.lower(): words.model_dump(mode="json")}
    return json.dumps(line).encode() + b"\n" + body


def unpack(kind: type[Words], data: bytes, most: int = 0) -> tuple[Words, bytes]:
    """The words of a message and at most so many bytes.  Raises `Broken`."""
    end = data.find(b"\n", 0, MOST_WORDS)
    if end < 0 or len(data) - end - 1 > most:
        raise Broken("too long, or no line")
    name = kind.__name__.lower()
    try:
        return kind.model_validate(json.loads(data[:end])[name]), data[end + 1 :]
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError):
        raise Broken(f"no {name}") from None


def is_kind(kind: type[BaseModel], data: bytes) -> bool:
    """Whether a message says that it is one of these."""
    return data.startswith(b'{"%s":' % kind.__name__.lower().encode())

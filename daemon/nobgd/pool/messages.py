"""What a process of ours says of itself: JSON of a known kind, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

_Message = TypeVar("_Message", bound=BaseModel)


def read(data: bytes, kinds: Mapping[str, type[_Message]]) -> _Message | None:
    """The message of the first of these ``kinds`` that is a key of it; None: it is none of them."""
    try:
        message = json.loads(data)
        kind = next((each for each in kinds if each in message), None)
        return None if kind is None else kinds[kind].model_validate(message)
    except (ValueError, TypeError, RecursionError, ValidationError):
        return None

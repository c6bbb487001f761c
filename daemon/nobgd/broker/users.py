"""Who may come in: a name, a role and the secret's hash for each machine.

The secret itself is in the machine's join file and nowhere else.  It has 256 random bits, which
nobody guesses however cheap a guess is; so bcrypt, the only hash that NATS reads, has its lowest
cost, and a thousand machines that come back at once cost the broker a second and not two minutes.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import bcrypt

from nobgd.cluster import join

Role = Literal["home", "worker"]
_COST = 4  # 2^4 rounds, bcrypt's least
_MOST = 10_000


class UserError(Exception):
    """There is no such machine, or one already, or it may not be called so; one sentence."""


@dataclass(frozen=True, slots=True)
class User:
    """One machine."""

    name: str
    role: Role
    hashed: str  # bcrypt, as NATS reads it
    made_at: float  # seconds since the epoch


def make(name: str, role: Role, now: float) -> tuple[User, str]:
    """A machine and its secret, which is kept nowhere.  Raises `UserError`."""
    if not join.is_name(name):
        raise UserError(
            f"{name!r} is no name for a machine: use a-z, 0-9 and -, as in desk-3, 63 at most"
        )
    secret = secrets.token_urlsafe(32)
    hashed = bcrypt.hashpw(secret.encode(), bcrypt.gensalt(_COST)).decode()
    return User(name, role, hashed, now), secret


def fits(user: User, secret: str) -> bool:
    """Whether this is the machine's secret."""
    try:
        return bcrypt.checkpw(secret.encode("utf-8", "surrogateescape"), user.hashed.encode())
    except ValueError:
        return False


def changed(there: Iterable[User], user: User) -> tuple[User, ...]:
    """All of them with this one, which replaces the one of its name."""
    return (*(each for each in there if each.name != user.name), replace(user))


def text(users: Iterable[User]) -> str:
    """As a file."""
    return json.dumps([asdict(each) for each in users], indent=1) + "\n"


def parse(text: str) -> tuple[User, ...]:
    """What `text` wrote; nothing of it goes into the broker's configuration unchecked.

    Raises ValueError.
    """
    rows = json.loads(text)
    if not isinstance(rows, list) or len(rows) > _MOST:
        raise ValueError("it is no list of machines")
    found = tuple(map(_user, rows))
    if len({each.name for each in found}) < len(found):
        raise ValueError("a machine is there twice")
    return found


def _user(row: Any) -> User:
    good = (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and join.is_name(row["name"])
        and row.get("role") in get_args(Role)
        and isinstance(row.get("hashed"), str)
        and _is_hash(row["hashed"])
        and isinstance(row.get("made_at"), int | float)
    )
    if not good:
        raise ValueError("a machine in it is none")
    return User(row["name"], row["role"], row["hashed"], float(row["made_at"]))


def _is_hash(value: str) -> bool:
    rest = value.removeprefix("$2b$")
    return len(value) == 60 and rest != value and rest.replace("$", "a").replace(
        ".", "a").replace("/", "a").isalnum() and rest.isascii()  # fmt: skip

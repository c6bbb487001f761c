"""The broker's configuration as NATS reads it: TLS, limits, and for each machine what it may do.

The format is https://docs.nats.io/running-a-nats-service/configuration; a list of subjects that
are allowed refuses all others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nobgd.broker.users import User
from nobgd.cluster import subjects

OWN = "own.conf"  # beside it, for what somebody wants besides
_ROOT = f"nobgd.{subjects.PROTOCOL}.>"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration depends on besides the machines; absolute paths."""

    host: str  # listened on
    port: int
    certificate: str
    key: str
    store: str  # a folder for JetStream; questions are in memory, so that it stays all but empty
    pid_file: str


def text(settings: Settings, users: Iterable[User]) -> str:
    """The whole file."""
    lines = [
        "# Made by `nobgd cluster`; a change here is lost with its next run.",
        'server_name: "nobgd"',
        f"host: {_quoted(settings.host)}",
        f"port: {settings.port}",
        f"pid_file: {_quoted(settings.pid_file)}",
        f"max_payload: {subjects.MAX_PAYLOAD}",
        f"max_pending: {8 * subjects.MAX_PAYLOAD}",
        "max_subscriptions: 1000",
        "max_closed_clients: 100",  # remembered for its monitor, which is off; 10,000 by itself
        'ping_interval: "5s"',
        "ping_max: 2",
        'write_deadline: "5s"',
        f"include {_quoted(OWN)}",
        "tls {",
        f"  cert_file: {_quoted(settings.certificate)}",
        f"  key_file: {_quoted(settings.key)}",
        '  min_version: "1.3"',
        "  timeout: 5",
        "}",
        "jetstream {",
        f"  store_dir: {_quoted(settings.store)}",
        f"  max_memory_store: {subjects.MAX_STORED >> 20}MB",
        "  max_file_store: 64MB",
        "}",
        "authorization {",
        "  timeout: 5",
        "  users: [",
        *(line for each in users for line in _user(each)),
        "  ]",
        "}",
    ]
    return "\n".join(lines) + "\n"


def may_publish(user: User) -> tuple[str, ...]:
    """The subjects under which a machine may say something."""
    if user.role == "home":
        return (_ROOT, "$JS.API.>", f"$JS.ACK.{subjects.THINK}.>")
    return subjects.worker_publishes(user.name)


def may_subscribe(user: User) -> tuple[str, ...]:
    """The subjects that a machine may listen to."""
    if user.role == "home":
        return (_ROOT, f"{subjects.inbox(user.name)}.>")
    return subjects.worker_subscribes(user.name, user.name)


def _user(user: User) -> list[str]:
    # home says to whoever hands over an answer that it has arrived
    receipts = ["      allow_responses: true"] if user.role == "home" else []
    return [
        f"    {{ user: {_quoted(user.name)}, password: {_quoted(user.hashed)}, permissions: {{",
        f"      publish: {{ allow: {_listed(may_publish(user))} }}",
        f"      subscribe: {{ allow: {_listed(may_subscribe(user))} }}",
        *receipts,
        "    } }",
    ]


def _listed(subjects: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, subjects))}]"


def _quoted(value: str) -> str:
    """A string of NATS's configuration; what it cannot hold is refused with ValueError."""
    if not value.isprintable():
        raise ValueError(f"{value!r} cannot stand in the broker's configuration; rename the folder")
    return json.dumps(value, ensure_ascii=False)

"""What all routes share: the configuration, the daemon, the drop folder, ids and who may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from nobgd.config import Config, InboxConfig, webbing
from nobgd.web import ids
from nobgd.web.daemon import Daemon
from nobgd.web.drop import Drop
from nobgd.web.ids import Ids
from nobgd.web.queueing import Queue
from nobgd.web.tokens import Tokens
from nobgd.web.who import Doorman, Who

_UPLOADS = 8  # received at a time; the others wait


@dataclass(frozen=True, slots=True)
class Site:
    """One running page."""

    config: Config
    daemon: Daemon
    drop: Drop
    ids: Ids
    doorman: Doorman
    inboxes: dict[str, InboxConfig]  # by key
    own: str  # the key of the drop folder
    queue: Queue
    receiving: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_UPLOADS))


def site(config: Config) -> Site:
    """Raises OSError where the folders of the page cannot be used."""
    assert config.web is not None  # noqa: S101 - without it there is no page
    tokens = Tokens(webbing.tokens(config))
    daemon, drop = Daemon(config), webbing.drop(config)
    return Site(
        config, daemon, Drop(drop, config.web.quota),
        Ids(ids.key_in(webbing.sessions(config))), Doorman(tokens, webbing.sessions(config)),
        {ids.inbox_key(str(each.path)): each for each in config.inboxes},
        ids.inbox_key(str(drop)), Queue(daemon, str(drop)),
    )  # fmt: skip


def of(request: Request) -> Site:
    """The site that a request came to."""
    return cast(Site, request.scope["state"]["site"])


def who(request: Request) -> Who:
    """Who asks; the gate has found it out."""
    return cast(Who, request.scope["state"]["who"])

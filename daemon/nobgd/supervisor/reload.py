"""A reload: apply a new configuration without dropping work, or keep the old one and say why.

In two steps, so that the loop goes on turning: where models or folders change, new lanes are
opened, and a thread waits for them (which may take a minute); only when they stand is anything
replaced, in the loop.  Old lanes finish what they have, in the background.

What goes wrong: a file with errors, a model that is missing or altered, lanes that do not
start; the old configuration goes on, STATUS and the log say why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from nobgd.config import Config, ConfigError
from nobgd.jobs.ledger import Ledger
from nobgd.models import ModelError
from nobgd.pool.engine import Engine
from nobgd.pool.mishaps import Unfit
from nobgd.supervisor import folders
from nobgd.supervisor.audience import Audience
from nobgd.supervisor.health import Vigil
from nobgd.supervisor.in_force import InForce
from nobgd.supervisor.mailbox import LanesReady, LanesUnfit, Message
from nobgd.supervisor.scanners import Scanners
from nobgd.supervisor.signals import Stop
from nobgd.systemd import notify, unit

_ENGINE = ("model", "workers", "inboxes", "cache_dir", "cluster")  # what lanes are made from


class Reloaded(Protocol):
    """What gets another configuration."""

    say: Any
    ledger: Ledger
    mailbox: SimpleQueue[Message]
    in_force: InForce
    scanners: Scanners
    audience: Audience
    vigil: Vigil

    @property
    def stopping(self) -> Stop | None: ...  # noqa: D102


class Reloading:
    """The service's reloads, one at a time.  Only accessed from the main loop."""

    def __init__(self, service: Reloaded, read: Callable[[], Config] | None) -> None:
        self._service = service
        self._read = read
        self._under_way = False
        self._once_more = False
        self._first: Config | None = None  # of the start, as the unit is: once there was another

    def ask(self) -> None:
        """Read the configuration again; what is asked for meanwhile is done afterwards."""
        if self._read is None:
            return
        if self._under_way:
            self._once_more = True
            return
        service = self._service
        notify.reloading()
        self._under_way = True
        try:
            fresh = self._read()
        except (ConfigError, OSError) as error:
            self.end(str(error))
            return
        old = service.in_force.config
        if not any(getattr(old, name) != getattr(fresh, name) for name in _ENGINE):
            self.ready(fresh, None)
            return
        folders.make_missing(fresh, service.ledger)
        try:
            engine = service.in_force.build(fresh)
            engine.lanes.spawn()
        except (ModelError, OSError) as error:
            self.end(str(error))
            return
        wait = threading.Thread(target=self._wait, args=(fresh, engine), name="new lanes")
        wait.daemon = True
        wait.start()

    def _wait(self, fresh: Config, engine: Engine) -> None:
        """In a thread of its own: wait for the lanes of a new configuration."""
        put = self._service.mailbox.put
        try:
            engine.lanes.await_ready()
        except Unfit as error:
            engine.lanes.shutdown(wait=False)
            put(LanesUnfit(str(error)))
        else:
            put(LanesReady(fresh, engine))

    def ready(self, fresh: Config, engine: Engine | None) -> None:
        """Change what differs; work in lanes is finished by the old ones."""
        service = self._service
        if service.stopping is not None:
            if engine is not None:
                engine.lanes.shutdown(wait=False)
            return
        old = service.in_force.config
        changed = sorted(
            name for name in type(fresh).model_fields if getattr(old, name) != getattr(fresh, name)
        )
        before = {str(each.path): each for each in old.inboxes}
        now = {str(each.path): each for each in fresh.inboxes}
        for path in before:
            if now.get(path) != before[path]:
                service.scanners.close(path)
        service.in_force.use(fresh, engine)
        service.scanners.watch()
        service.audience.configure(fresh)
        restart: list[str] = [name for name in ("state_dir", "cache_dir") if name in changed]
        self._first = self._first or old
        if notify.managed() and unit.outgrown(self._first, fresh):
            restart.append("unit")
        service.say.info(
            "service.reloaded", changed=changed, needs_restart=restart,
            inboxes=[str(inbox.path) for inbox in fresh.inboxes],
        )  # fmt: skip
        self.end(None)

    def end(self, why: str | None) -> None:
        """Say how it went; ``why`` it was refused, or None."""
        service = self._service
        service.in_force.trouble = ""
        if why is not None:
            service.in_force.trouble = f"reload refused: {why.splitlines()[0]}"
            service.say.error("service.reload_refused", reason=why)
        service.vigil.renew()
        notify.ready()
        self._under_way = False
        if self._once_more:
            self._once_more = False
            self.ask()

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
from typing import TYPE_CHECKING

from nobgd.config import Config, ConfigError
from nobgd.jobs.events import Call
from nobgd.models import ModelError
from nobgd.pool import engine as engines
from nobgd.pool.lane import Unfit
from nobgd.pool.memory import held_mb
from nobgd.record.drift import Drift
from nobgd.systemd import notify
from nobgd.values import Job

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_ENGINE = ("model", "workers", "inboxes", "cache_dir")  # what lanes are made from


class Reloading:
    """The service's reloads, one at a time.  Only accessed from the main loop."""

    def __init__(self, service: Service, read: Callable[[], Config] | None) -> None:
        self._service = service
        self._read = read
        self._under_way = False
        self._once_more = False

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
            self._end(str(error))
            return
        if not any(getattr(service.config, name) != getattr(fresh, name) for name in _ENGINE):
            self._apply(fresh, None)
            return
        service.make_folders(fresh)
        try:
            held = held_mb(service.engine.lanes.all_pids()) if service.engine is not None else 0.0
            engine = engines.build(fresh, service.opened, service.told, held)
            engine.lanes.spawn()
        except (ModelError, OSError) as error:
            self._end(str(error))
            return
        wait = threading.Thread(target=self._wait, args=(fresh, engine), name="new lanes")
        wait.daemon = True
        wait.start()

    def _wait(self, fresh: Config, engine: engines.Engine) -> None:
        """In a thread of its own: wait for the lanes of a new configuration."""
        put = self._service.mailbox.put
        try:
            engine.lanes.await_ready()
        except Unfit as error:
            why = str(error)
            engine.lanes.shutdown(wait=False)
            put(Call(lambda: self._end(why)))
        else:
            put(Call(lambda: self._apply(fresh, engine)))

    def _apply(self, fresh: Config, engine: engines.Engine | None) -> None:
        """Change what differs; work in lanes is finished by the old ones."""
        service = self._service
        if service.stopping is not None:
            if engine is not None:
                engine.lanes.shutdown(wait=False)
            return
        old, service.config = service.config, fresh
        changed = sorted(
            name for name in type(fresh).model_fields if getattr(old, name) != getattr(fresh, name)
        )
        before = {str(each.path): each for each in old.inboxes}
        now = {str(each.path): each for each in fresh.inboxes}
        for path in before:
            if now.get(path) != before[path]:
                service.close_inbox(path)
                service.backlog.drop_inbox(path)
                service.looking.drop_inbox(path)
        if engine is not None:
            self._change_engine(engine)
            service.recipes.apply(fresh, engine.recipes)
        service.watch(fresh)
        service.metrics.configure(fresh.metrics)
        if "drift_percent" in changed:
            service.drift = Drift(fresh.drift_percent)
        service.say.info(
            "service.reloaded", changed=changed,
            needs_restart=[name for name in ("state_dir", "cache_dir") if name in changed],
            inboxes=[str(inbox.path) for inbox in fresh.inboxes],
        )  # fmt: skip
        self._end(None)

    def _change_engine(self, engine: engines.Engine) -> None:
        service = self._service
        old, service.engine = service.engine, engine
        assert old is not None  # noqa: S101 - start() ran
        for request in old.lanes.put_back():
            if isinstance(request, Job):
                service.ledger.put_back(request.inbox, request.relpath)
                service.in_flight.pop((request.inbox, request.relpath), None)
                service.desk.requeue(request)
            else:
                service.errand_again(request)
        threading.Thread(target=old.lanes.shutdown, name="old-lanes", daemon=True).start()

    def _end(self, why: str | None) -> None:
        """Say how it went; ``why`` it was refused, or None."""
        service = self._service
        service.trouble = ""
        if why is not None:
            service.trouble = f"reload refused: {why.splitlines()[0]}"
            service.say.error("service.reload_refused", reason=why)
        service.vigil.renew()
        notify.ready()
        self._under_way = False
        if self._once_more:
            self._once_more = False
            self.ask()

"""A reload: apply a new configuration without dropping work, or keep the old one and say why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from nobgd import notify
from nobgd.config import Config, ConfigError
from nobgd.pool import engine as engines
from nobgd.values import Job

if TYPE_CHECKING:
    from nobgd.service import Service


def reread(service: Service, read: Callable[[], Config]) -> None:
    """Apply a new configuration whole, or keep the old one and say why."""
    notify.reloading()
    try:
        fresh = read()
        _apply(service, fresh)
        service.trouble = ""
    except (ConfigError, OSError) as error:
        service.trouble = f"reload refused: {str(error).splitlines()[0]}"
        service.say.error("service.reload_refused", reason=str(error))
    notify.ready()


def _apply(service: Service, fresh: Config) -> None:
    """Change what differs; work in lanes is finished by the old ones."""
    old, service.config = service.config, fresh
    changed = sorted(
        name for name in type(fresh).model_fields if getattr(old, name) != getattr(fresh, name)
    )
    fixed = [name for name in ("state_dir", "cache_dir") if name in changed]
    before = {str(each.path): each for each in old.inboxes}
    now = {str(each.path): each for each in fresh.inboxes}
    for path in before:
        if now.get(path) != before[path]:
            service.inboxes.pop(path).stop(0.5)
            service.scanned.pop(path, None)
            service.lost.pop(path, None)
            service.share.forget(path)
            service.backlog.drop_inbox(path)
    service.watch(fresh)
    service.metrics.configure(fresh.metrics)
    if {"model", "workers", "inboxes"} & set(changed):
        _change_engine(service)
    service.say.info(
        "service.reloaded", changed=changed, needs_restart=fixed,
        inboxes=[str(inbox.path) for inbox in fresh.inboxes],
    )  # fmt: skip


def _change_engine(service: Service) -> None:
    """New lanes; the old ones finish what they have, in the background."""
    assert service.engine is not None  # noqa: S101 - start() ran
    old = service.engine
    service.make_folders(service.config)
    engine = engines.build(service.config, service.opened)
    engine.lanes.start()
    for request in old.lanes.put_back():
        if isinstance(request, Job):
            service.ledger.put_back(request.inbox, request.relpath)
            service.in_flight.pop((request.inbox, request.relpath), None)
            service.desk.requeue(request)
    service.engine = engine
    threading.Thread(target=old.lanes.shutdown, name="old-lanes", daemon=True).start()

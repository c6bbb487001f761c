"""``nobgd once``: what is in the inboxes now, with progress, then exit."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nobgd.cli import common
from nobgd.cli.tally import Tally

if TYPE_CHECKING:
    from nobgd.config import Config
    from nobgd.supervisor.service import Service

_SIGNALS = ("SIGINT", "SIGTERM")


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "once",
        short="what is in the inboxes now, then exit",
        says="Work through what is in the inboxes now, show progress, print a closing table and "
        "exit. What was done before is not done again. The log goes to stdout when that is "
        "not a terminal.",
        examples=[
            ("nobgd once -c photos.yaml", "one pass over the inboxes"),
            ("nobgd once > once.log", "the same, with the log in a file"),
            ("nobgd once || nobgd status", "and what failed, if anything did"),
        ],
        exits="0  everything is done\n"
        "1  something failed, waits for its next try or is quarantined\n"
        "2  the configuration is wrong\n"
        "3  an inbox or outbox cannot be used, another nobgd uses the state folder, it cannot be\n"
        "   written, or the model is missing or altered\n"
        "130  it was stopped; the next run goes on from there",
    )  # fmt: skip
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        return work(common.load(args), mute=sys.stdout.isatty())
    except common.Quit as end:
        return end.code


def work(config: Config, *, mute: bool, tally: Tally | None = None) -> int:
    """One pass over the inboxes of ``config``; the exit code.  Raises `common.Quit`.

    ``mute`` keeps the log from stdout: a person wants to see the bar and the table.
    """
    from nobgd.record.log import Log
    from nobgd.supervisor.service import Service
    from nobgd.supervisor.state_folder import StateLost

    state = common.claim(config)
    tally = tally if tally is not None else Tally()
    log = Log(config.log.level, str(config.log.file) if config.log.file else None, mute=mute)
    service = Service(config, state.ledger, log, once=True, observe=tally.take)
    try:
        with tally.bar(service):
            code = common.serve(service)
    except StateLost as lost:
        common.complain(f"{lost} What is finished is recognised the next time.")
        return common.ENVIRONMENT
    finally:
        state.close()
        log.close()
    if code == common.ENVIRONMENT:
        return code
    stopped = service.stopping is not None and service.stopping.why in _SIGNALS
    aside = max(0, service.left_over - len(service.backlog))
    waiting = max(len(service.backlog), tally.seen - tally.ended() if stopped else 0)
    tally.table(
        waiting=waiting, aside=aside, stopped=stopped, outboxes=sorted(service.outboxes)
    )
    troubles = list(_troubles(service))
    for each in troubles:
        common.complain(each)
    if stopped:
        return common.INTERRUPTED
    return common.ENVIRONMENT if troubles else code


def _troubles(service: Service) -> Iterator[str]:
    """A sentence for each folder that could not be used."""
    for path, why in service.lost.items():
        missing = not os.path.lexists(path)
        said = "there is no such folder; check its name, or mount its share" if missing else why
        yield f"inbox {path}: {said}"
    for path, box in service.outboxes.items():
        if box.failures and not box.ready:
            yield f"outbox {path}: {box.why}"

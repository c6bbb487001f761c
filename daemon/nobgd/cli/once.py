"""``nobgd once``: what is in the inboxes now, with progress, then exit."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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
        "not a terminal.\n\n"
        "With IN and OUT it works through the folder IN, sub-folders too, into OUT, without any "
        "configuration; what failed the last time is tried again.",
        examples=[
            ("nobgd once -c photos.yaml", "one pass over the inboxes"),
            ("nobgd once ~/photos ~/cut-outs", "one folder, without a configuration"),
            ("nobgd once > once.log", "the same, with the log in a file"),
            ("nobgd once || nobgd status", "and what failed, if anything did"),
        ],
        exits="0  everything is done\n"
        "1  something failed, waits for its next try or is quarantined\n"
        "2  the configuration or the folders are wrong\n"
        "3  an inbox or outbox cannot be used, another nobgd uses the state folder, it cannot be\n"
        "   written, or the model is missing or altered\n"
        "130  it was stopped; the next run goes on from there",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("inbox", metavar="IN", nargs="?", help="a folder of photos")
    parser.add_argument("outbox", metavar="OUT", nargs="?", help="the folder for their cut-outs")
    common.add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        config = _given(args) if args.inbox is not None else common.load(args)
        tally = Tally()
        end = one_pass(config, tally, mute=sys.stdout.isatty(), anew=args.inbox is not None)
    except common.Quit as quits:
        return quits.code
    return _close(end, tally)


def _given(args: argparse.Namespace) -> Config:
    """The configuration of IN and OUT.  Raises `common.Quit`."""
    from nobgd.config import folders, given

    if args.config is not None or args.outbox is None:
        common.complain("give IN and OUT, or a configuration by -c FILE")
        raise common.Quit(common.USAGE)
    inbox, outbox = (Path(os.path.abspath(each)) for each in (args.inbox, args.outbox))
    try:
        config = given.folder(inbox, outbox, common.model_at_hand(args.model))
    except given.HomelessError as error:
        common.complain(str(error))
        raise common.Quit(common.ENVIRONMENT) from None
    wrong = [sentence for _, sentence in folders.clashes(config)]
    for sentence in wrong:
        common.complain(sentence)
    if wrong:
        raise common.Quit(common.USAGE)
    return config


@dataclass(frozen=True, slots=True)
class End:
    """How a pass ended."""

    service: Service
    code: int
    stopped: bool
    troubles: tuple[str, ...]  # a sentence for each folder that could not be used


def one_pass(
    config: Config,
    tally: Tally,
    *,
    mute: bool,
    anew: bool,
    before: Callable[[Service], None] = lambda _: None,
) -> End:
    """Work through what is in the inboxes of ``config``.  Raises `common.Quit`.

    ``mute`` keeps the log from stdout: a person wants to see the bar and the table.  ``anew``
    tries those again that failed in an earlier pass.
    """
    from nobgd.jobs.policy import ONCE
    from nobgd.record.log import Log
    from nobgd.supervisor.service import Service
    from nobgd.supervisor.state_folder import StateLost

    state = common.claim(config)
    if anew:
        for row in state.ledger.in_state("quarantined") + state.ledger.in_state("retry"):
            state.ledger.forget(row.inbox, row.relpath)
        state.ledger.commit()
    log = Log(config.log.level, str(config.log.file) if config.log.file else None, mute=mute)
    service = Service(config, state.ledger, log, policy=ONCE, observe=tally.take)
    before(service)
    try:
        with tally.bar(service):
            code = common.serve(service)
    except StateLost as lost:
        common.complain(f"{lost} What is finished is recognised the next time.")
        code = common.ENVIRONMENT
    finally:
        state.close()
        log.close()
    if code == common.ENVIRONMENT:
        raise common.Quit(code)
    stopped = service.stopping is not None and service.stopping.why in _SIGNALS
    return End(service, code, stopped, tuple(_troubles(service)))


def _close(end: End, tally: Tally) -> int:
    """Show the closing table; the exit code."""
    state = end.service.state
    waiting = len(state.backlog)
    aside = max(0, end.service.left_over - waiting)
    if end.stopped:
        waiting = max(waiting, tally.seen - tally.ended())
    tally.table(
        waiting=waiting,
        aside=aside,
        stopped=end.stopped,
        outboxes=sorted(state.outboxes),
        quarantines=sorted(state.quarantines) if state.config.quarantine_limit != 0 else (),
    )
    for each in end.troubles:
        common.complain(each)
    if end.stopped:
        return common.INTERRUPTED
    return common.ENVIRONMENT if end.troubles else end.code


def _troubles(service: Service) -> Iterator[str]:
    """A sentence for each folder that could not be used."""
    for path, why in service.state.lost.items():
        missing = not os.path.lexists(path)
        said = "there is no such folder; check its name, or mount its share" if missing else why
        yield f"inbox {path}: {said}"
    for path, box in service.state.outboxes.items():
        if box.failures and not box.ready:
            yield f"outbox {path}: {box.why}"

"""``nobgd run``: the daemon, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import sys

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = verbs.add_parser(
        "run",
        help="the daemon, in the foreground, until SIGTERM or Ctrl-C",
        description="Watch the inboxes and put cut-outs into the outboxes, until SIGTERM or"
        " Ctrl-C; photos being worked on are finished first. Each event is one line of JSON"
        " on stdout (easier to read on a terminal). SIGHUP reads the configuration again.",
    )
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.log import Log
    from nobgd.service import Service

    try:
        config = common.load(args)
        state = common.claim(config)
    except common.Quit as end:
        return end.code
    file = str(config.log.file) if config.log.file else None
    log = Log(config.log.level, file, pretty=sys.stdout.isatty())
    try:
        return common.serve(Service(config, state.ledger, log, reload=lambda: common.reread(args)))
    finally:
        state.close()
        log.close()

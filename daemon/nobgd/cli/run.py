"""``nobgd run``: the daemon, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from nobgd.cli import common, screen

if TYPE_CHECKING:
    from nobgd.record.sinks import Show

if TYPE_CHECKING:
    from nobgd.config import Config
    from nobgd.web.keeping import Keeper
    from nobgd.web.minding import Minder


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "run",
        short="the daemon, in the foreground, until SIGTERM or Ctrl-C",
        says="Watch the inboxes and put cut-outs into the outboxes, until SIGTERM or Ctrl-C. "
        "Photos being worked on are finished first; those that wait are found again at the "
        "next start.\n\n"
        "On a terminal there is a line for each photo, and what is wrong in words; -v shows every "
        "event. Else each event is one line of JSON on stdout, and in log.file if that is set. "
        "SIGHUP reads the configuration again: the whole new file is validated first, and a "
        "wrong one changes nothing. Under systemd it reports readiness, status and liveness. If "
        "the disk of the state folder fills up or fails, it waits and goes on by itself when it "
        "is mended.",
        examples=[
            ("nobgd run", "with /etc/nobgd/nobgd.yaml"),
            ("nobgd run -c config/nobgd.yaml", "with a configuration of your own"),
            ("nobgd run | jq -r .event", "only the names of what happens"),
        ],
        exits="0  it was asked to stop, and did\n"
        "2  the configuration is wrong; every error is printed\n"
        "3  another nobgd uses the state folder, or the model is missing or altered",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="on a terminal: every event with its fields"
    )
    parser.set_defaults(run=run)


def _show(args: argparse.Namespace) -> Show | None:
    """How a person sees events; None where a program reads them."""
    if not sys.stdout.isatty():
        return None
    from nobgd.record import human, sinks

    if args.verbose:
        return sinks.in_full()
    return human.Teller(os.getcwd(), colours=screen.colours()).line


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.supervisor import signals

    signals.keep()
    from nobgd.record.log import Log
    from nobgd.supervisor.recovery import endure
    from nobgd.supervisor.service import Service

    try:
        config = common.load(args)
        state = common.claim(config)
    except common.Quit as end:
        return end.code
    page = _page(config, args)
    file = str(config.log.file) if config.log.file else None
    log = Log(config.log.level, file, show=_show(args))
    try:
        return endure(
            state, config.state_dir, log,
            lambda: common.serve(
                Service(config, state.ledger, log, reload=lambda: common.reread(args))
            ),
        )  # fmt: skip
    finally:
        for each in page:
            each.stop()
        state.close()
        log.close()


def _page(config: Config, args: argparse.Namespace) -> tuple[Minder, Keeper] | tuple[()]:
    """The page beside the daemon, if there is one."""
    if config.web is None:
        return ()
    from nobgd.config import address, webbing
    from nobgd.web import minding
    from nobgd.web.keeping import Keeper

    with contextlib.suppress(OSError):  # the service says what is wrong with its folders
        webbing.make(config)
        if sys.stderr.isatty() and not minding.missing():
            link = minding.link(config, address.url(config.web.listen))
            common.complain(f"The page, for a browser on this machine: {link}")
    started = minding.Minder(config, common.config_path(args), common.complain), Keeper(config)
    for each in started:
        each.start()
    return started

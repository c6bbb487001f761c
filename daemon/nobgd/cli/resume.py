"""``nobgd resume [INBOX]``: go on after a pause."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = verbs.add_parser(
        "resume",
        help="go on after a pause, in one inbox or all",
        description="Go on with INBOX, or with all inboxes, after `nobgd pause`.",
    )
    common.add_config(parser)
    parser.add_argument("inbox", metavar="INBOX", nargs="?", help="default: all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    return common.switch(args, "resume", "resumed")

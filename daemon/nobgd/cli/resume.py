"""``nobgd resume [INBOX]``: go on after a pause."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "resume",
        short="go on after a pause, in one inbox or all",
        says="Go on with INBOX, or with all inboxes, after `nobgd pause`.\n\n"
        "A folder that is written to must lie on the share that it lay on, also after a restart: "
        "else photos would land below the mount point of a share that is away. Where you have "
        "moved it, --moved takes outbox, archive and quarantine as they lie now.",
        examples=[
            ("nobgd resume", "all inboxes"),
            ("nobgd resume /srv/nobgd/in", "this one"),
            ("nobgd resume --moved /srv/nobgd/in", "its outbox is no share any more"),
        ],
        exits="0  it goes on\n"
        "1  INBOX is none of the configuration, or the daemon refuses\n"
        "2  the configuration is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "--moved", action="store_true", help="take the folders that are written to as they lie now"
    )
    parser.add_argument("inbox", metavar="INBOX", nargs="?", help="default: all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    return common.switch(args, "resume", "resumed", moved=args.moved)

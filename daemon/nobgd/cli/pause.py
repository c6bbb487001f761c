"""``nobgd pause [INBOX]``: start no more photos."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "pause",
        short="start no more photos, of one inbox or all",
        says="Start no more photos of INBOX, or of any. Photos being worked on are finished, and "
        "new ones are noticed and wait. A pause outlasts a restart; `nobgd resume` ends it.",
        examples=[
            ("nobgd pause", "all inboxes"),
            ("nobgd pause /srv/nobgd/in", "this one"),
        ],
        exits="0  paused\n"
        "1  INBOX is none of the configuration, or the daemon refuses\n"
        "2  the configuration is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("inbox", metavar="INBOX", nargs="?", help="default: all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    return common.switch(args, "pause", "paused")

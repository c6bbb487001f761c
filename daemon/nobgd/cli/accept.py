"""``nobgd accept PATH…``: somebody looked at these cut-outs, and they are good."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "accept",
        short="these cut-outs are good, however doubtful",
        says="Say that the cut-outs of these photos are good. They are doubtful no more, also when "
        "they are made again by the same model, and an original that waited for it may be "
        "archived or deleted, as `source` says. What waits in _review/ of the outbox goes to "
        "its place.",
        examples=[
            ("nobgd accept /srv/nobgd/in/glass.jpg", "one photo, as it lies in the inbox"),
            ("nobgd accept *.jpg", "those that lie here"),
            ("nobgd list --state doubtful", "which are to be looked at"),
        ],
        exits="0  booked\n"
        "1  one of the photos named is not done\n"
        "2  no photo is given, or the configuration is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("paths", metavar="PATH", nargs="+", help="photos, as they lie in the inbox")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    return common.judge(args, "accept", "accepted")

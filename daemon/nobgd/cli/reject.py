"""``nobgd reject PATH…``: somebody looked at these cut-outs, and they are not good."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "reject",
        short="these cut-outs are not good",
        says="Say that the cut-outs of these photos are not good. They stay where they are and are "
        "listed as rejected; their originals are neither archived nor deleted. Photos that are "
        "dropped again, or made anew by another model, are judged anew.",
        examples=[
            ("nobgd reject /srv/nobgd/in/glass.jpg", "one photo, as it lies in the inbox"),
            ("nobgd reject glass.jpg", "the same, from inside of the inbox"),
            ("nobgd list --state rejected --format csv", "which there are, for a spreadsheet"),
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
    return common.judge(args, "reject", "rejected")

"""``nobgd why PATH``: one sentence on what happened, or will happen, to a file."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "why",
        short="what happened, or will happen, to a file",
        says="Say in one sentence what happened, or will happen, to a file: waiting and what for, "
        "ignored by which rule, copy of an identical photo, done as what and when, retrying "
        "after which error and when next, quarantined for which reason, or in no inbox. There "
        "is an answer for any path, also of a file that is gone.",
        examples=[
            ("nobgd why /srv/nobgd/in/holiday.jpg", "one photo"),
            ("nobgd why holiday.jpg", "the same, from inside of the inbox"),
            ('for f in *; do nobgd why "$f"; done', "a whole folder"),
        ],
        exits="0  answered\n"
        "2  the configuration is wrong, or no path is given\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("path", metavar="PATH", help="a file, there or gone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        config = common.load(args)
        answer = common.ask(config, {"do": "why", "path": common.absolute(args.path)})
    except common.Quit as end:
        return end.code
    print(answer["why"])
    return common.GOOD

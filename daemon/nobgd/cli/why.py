"""``nobgd why PATH``: one sentence on what happened, or will happen, to a file."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = verbs.add_parser(
        "why",
        help="what happened, or will happen, to a file",
        description="Say in one sentence what happened, or will happen, to a file: waiting,"
        " ignored by a rule, done as, retrying, quarantined because, or in no inbox.",
    )
    common.add_config(parser)
    parser.add_argument("path", metavar="PATH")
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

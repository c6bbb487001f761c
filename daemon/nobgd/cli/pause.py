"""``nobgd pause [INBOX]``: start no more photos."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = verbs.add_parser(
        "pause",
        help="start no more photos, of one inbox or all",
        description="Start no more photos of INBOX, or of any. Photos being worked on are"
        " finished. A pause outlasts a restart; `nobgd resume` ends it.",
    )
    common.add_config(parser)
    parser.add_argument("inbox", metavar="INBOX", nargs="?", help="default: all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    return common.switch(args, "pause", "paused")

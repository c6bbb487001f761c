"""``nobgd retry PATH… | --all | --changed``: out of quarantine, attempts forgotten."""

from __future__ import annotations

import argparse
from typing import Any

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "retry",
        short="take photos out of quarantine and try them again",
        says="Take photos out of quarantine, forget their attempts and try them again. Photos that "
        "wait for their next try are tried now. Works on finished photos too: they are cut "
        "out anew if their output was deleted. With --changed everything is done again that an "
        "older model, default or version of nobgd made; `nobgd list --changed` lists it.",
        examples=[
            ("nobgd retry /srv/nobgd/in/holiday.jpg", "one photo, as it lies in the inbox"),
            ("nobgd retry --all", "everything quarantined or waiting for its next try"),
            ("nobgd retry --changed", "everything that an upgrade would make otherwise now"),
        ],
        exits="0  they will be tried again, or there was nothing to retry\n"
        "1  none of the photos named is known\n"
        "2  no photos, --all or --changed were given, or the configuration is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("paths", metavar="PATH", nargs="*", help="photos, as they lie in the inbox")
    parser.add_argument("--all", action="store_true", help="everything quarantined or waiting")
    parser.add_argument(
        "--changed", action="store_true",
        help="everything made by an older recipe that still counts",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    if bool(args.paths) + args.all + args.changed != 1:
        several = bool(args.paths) or args.all
        rest = ": one of them, not several" if several else ""
        common.complain(f"nobgd retry: name the photos, or say --all or --changed{rest}")
        return common.USAGE
    paths = [common.absolute(path) for path in args.paths]
    try:
        config = common.load(args)
        if args.changed:
            return _changed(common.ask(config, {"do": "retry", "changed": True}))
        answer = common.ask(config, {"do": "retry", "paths": paths})
    except common.Quit as end:
        return end.code
    standing = answer.get("standing", {})
    for source in answer["freed"]:
        if source in standing:
            print(
                f"{source}: stays as it is while {standing[source]} is there; delete it, then retry"
            )
        else:
            print(f"{source}: will be tried again")
    if not answer["freed"]:
        print("nothing to retry: none of these is known" if paths else "nothing to retry")
        return common.WORK_FAILED if paths else common.GOOD
    return common.GOOD


def _changed(answer: dict[str, Any]) -> int:
    for inbox in answer["inboxes"]:
        print(f"{inbox}: what an older recipe made is done again")
    if not answer["inboxes"]:
        print("nothing to do again: no older recipe counts")
    return common.GOOD

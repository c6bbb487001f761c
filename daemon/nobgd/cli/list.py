"""``nobgd list``: photos that the ledger knows, as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from nobgd.cli import common
from nobgd.status.states import STATES

_COLUMNS = ("source", "state", "review", "doubt", "output", "when", "code", "reason")


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "list",
        short="photos by state: done, doubtful, quarantined …",
        says="List the photos that nobgd knows of, by inbox and name: done, being worked on, "
        "waiting for their next try, quarantined or skipped. Photos that merely wait are counted "
        "by `nobgd status`. Doubtful ones have a cut-out that somebody should look at; `nobgd "
        "accept` and `nobgd reject` say what came of it.",
        examples=[
            ("nobgd list --state doubtful", "cut-outs to be looked at"),
            ("nobgd list --format csv > photos.csv", "everything, for a spreadsheet"),
            ("nobgd list --changed", "made by an older model or default"),
            ("nobgd list --format json | jq -r '.[].doubt'", "a figure of each, for a script"),
        ],
        exits="0  listed\n"
        "2  the configuration or an argument is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "--state", choices=STATES, metavar="STATE",
        help=f"only these: {', '.join(STATES)}; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--changed", action="store_true",
        help="only what an older recipe made: `nobgd retry --changed` would make it anew",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("table", "csv", "json"), default="table",
        help="csv and json for other programs; default: table",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        photos = _photos(args)
        if args.format == "csv":
            _csv(photos)
        elif args.format == "json":
            _json(photos)
        else:
            _table(photos, changed=args.changed)
    except common.Quit as end:
        return end.code
    return common.GOOD


def _photos(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    config = common.load(args)
    after: list[str] | None = ["", ""]
    while after is not None:
        request = {"do": "list", "state": args.state, "changed": args.changed, "after": after}
        answer = common.ask(config, request)
        yield from answer["photos"]
        after = answer["after"]


def _csv(photos: Iterator[dict[str, Any]]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(_COLUMNS)
    out.writerows([photo[name] for name in _COLUMNS] for photo in photos)


def _json(photos: Iterator[dict[str, Any]]) -> None:
    print("[", end="")
    for number, photo in enumerate(photos):
        print(",\n " if number else "\n ", json.dumps(photo), sep="", end="")
    print("\n]")


def _table(photos: Iterator[dict[str, Any]], *, changed: bool) -> None:
    count = 0
    for photo in photos:
        count += 1
        when = datetime.fromisoformat(photo["when"]).astimezone().isoformat(" ", "minutes")[:16]
        state = photo["review"] if photo["review"] and photo["state"] == "done" else photo["state"]
        doubt = "    " if photo["doubt"] is None else f"{photo['doubt']:.2f}"
        end = photo["output"] or photo["reason"] or ""
        print(f"{when}  {state:11}  {doubt}  {photo['source']}" + (f" → {end}" if end else ""))
    if changed:
        print(f"{count} made by an older recipe" if count else "none was made by an older recipe")
    elif not count:
        print("none")

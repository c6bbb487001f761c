"""``nobgd worker``: this machine works for another."""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from nobgd.cli import common
from nobgd.values import share

_SWITCH_S = 0.0005  # a mask passes three threads, each of which may wait so long for the next
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "worker",
        short="this machine makes masks for another",
        says="Make masks for the machine that has the photos. It dials the broker that the join "
        "file names, is sent the small picture that a model is shown, and answers with its mask: "
        "no photo, no folder, nothing to mount. What it has to have is the weights that are used "
        "there; it says which if they are missing. Home compares its mask of a test picture "
        "before it is asked anything.\n\n"
        "With --share it does whole photos, too, in folders of home's that are mounted here; home "
        "sees to it first that they are the same.\n\n"
        "SIGTERM: no more questions, those at hand are finished.",
        examples=[
            ("nobgd worker --join desk-3.join", "work, until stopped"),
            ("nobgd worker --join desk-3.join --share in=/mnt/in --share out=/mnt/out",
             "whole photos in these folders, too"),
            ("nobgd worker --join desk-3.join --check", "is everything there? Then end"),
            ("nobgd worker --join desk-3.join --for 4h --drain-at-end", "as a batch job"),
        ],
        exits="0  it was asked to stop, and did; with --check: it may work\n"
        "2  the join file is wrong, or the broker does not let it in\n"
        "3  a package is missing; with --check: the broker or home cannot be reached, or home\n"
        "   does not take its masks, or with --share no whole photos",
    )  # fmt: skip
    parser.add_argument(
        "--join", metavar="FILE", type=Path, required=True,
        help="what `nobgd cluster invite` made, or a file of keys that names it",
    )  # fmt: skip
    parser.add_argument(
        "--share", metavar="NAME=FOLDER", action="append", default=[], type=share_here,
        help="a folder that home calls NAME in its cluster.shares, where it is mounted here; whole"
        " photos are done in it; once for each",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="say whether it may work, and end")
    parser.add_argument(
        "--for", dest="span", metavar="TIME", type=_seconds, help="end after so long: 30m, 4h"
    )
    parser.add_argument(
        "--drain-at-end", action="store_true",
        help="after that time finish what is at hand, instead of leaving it to others",
    )  # fmt: skip
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 90s, 30m or 4h")
    return float(found[1]) * _UNITS[found[2] or "s"]


def share_here(text: str) -> tuple[str, Path]:
    """A share's name and its folder here, of NAME=FOLDER.  Raises ArgumentTypeError."""
    name, equals, folder = text.partition("=")
    if not equals or not folder or not share.is_name(name):
        raise argparse.ArgumentTypeError(f"{text!r} is not like in=/mnt/in; {share.SAYS}")
    return name, Path(folder).absolute()


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    if importlib.util.find_spec("nats") is None:
        common.complain(
            f"nats-py is not installed: run `{sys.executable} -m pip install 'nobgd[cluster]'`"
        )
        return common.ENVIRONMENT
    import asyncio

    from nobgd.cli import working
    from nobgd.cluster.join import JoinError
    from nobgd.cluster.link import Refused
    from nobgd.machines import settings
    from nobgd.machines.worker import Worker
    from nobgd.record.log import Log

    try:
        found, join = settings.read(args.join)
    except JoinError as error:
        common.complain(str(error))
        return common.USAGE
    found = found.model_copy(update={"shares": {**found.shares, **dict(args.share)}})
    say = Log("info", None).bound()

    def told(level: str, event: str, fields: dict[str, Any]) -> None:
        getattr(say, level)(event, **fields)

    sys.setswitchinterval(_SWITCH_S)

    async def work() -> int:
        worker = Worker(found, join, told, checking=args.check)
        if args.check:
            return await working.check(worker)
        return await working.work(worker, args.span, drain_at_end=args.drain_at_end)

    try:
        return asyncio.run(work())
    except Refused as error:
        common.complain(str(error))
        return common.USAGE

"""``nobgd doctor``: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import argparse
from pathlib import Path

from nobgd.cli import common, worker


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "doctor",
        short="check the installation: folders, mounts, model, limits, unit",
        says="Look at everything the daemon needs, as its user where that is possible: Python and "
        "ONNX Runtime, what the CPU can do, the model's checksum, what memory has room for, how "
        "many photos a minute that makes (an inference is timed), every folder (there, "
        "mounted, kind of file system, permissions, rename and sync, free space, case and "
        "accents in names), inotify's limit, clocks, and the systemd unit. One line for each: "
        "ok, or FIX and what to do.\n\n"
        "As root it looks with the eyes of the user nobgd, so use sudo where nobgd runs as a "
        "service. Nothing is changed: what it writes to try a folder it removes again.\n\n"
        "With `cluster:` the broker, its certificate, what it runs as, and the machines that were "
        "invited as well, and folders that others mount, too; --worker looks at a machine that "
        "works for another, and at how its folders are mounted.",
        examples=[
            ("sudo nobgd doctor", "the service"),
            ("nobgd doctor -c config/nobgd.yaml", "a configuration of your own"),
            ("sudo nobgd doctor | grep ^FIX", "only what there is to do"),
            ("sudo nobgd doctor --worker /etc/nobgd/worker.yaml", "a machine that only works"),
        ],
        exits="0  all is ok\n"
        "1  something is to be fixed\n"
        "2  the configuration is wrong",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "--worker", metavar="FILE", type=Path,
        help="the join file of a machine that works for another, or its worker.yaml",
    )  # fmt: skip
    parser.add_argument(
        "--share", metavar="NAME=FOLDER", action="append", default=[], type=worker.share_here,
        help="with --worker: a folder that `nobgd worker` is given in the same way; once for each",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.doctor import checks

    try:
        found = (
            checks.examine(common.load(args))
            if args.worker is None
            else checks.examine_worker(args.worker, dict(args.share))
        )
    except common.Quit as end:
        return end.code
    code = common.GOOD
    for finding in found:
        print(finding, flush=True)
        if not finding.good:
            code = common.WORK_FAILED
    return code

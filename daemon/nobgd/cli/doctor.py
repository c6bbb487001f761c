"""``nobgd doctor``: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import argparse

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = verbs.add_parser(
        "doctor",
        help="check the installation: folders, mounts, model, limits, unit",
        description="Look at everything the daemon needs, as its user where that is possible:"
        " Python and ONNX Runtime, the model's checksum, every folder (there, mounted, kind of"
        " file system, permissions, rename and sync, free space), inotify's limit, clocks, and"
        " the systemd unit. One line per check: ok, or FIX and what to do.",
        epilog="Exit code 0 when all is ok, 1 when something is to be fixed. As root it looks"
        " with the eyes of the user nobgd, so use sudo where nobgd runs as a service.",
    )
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.doctor import checks

    try:
        config = common.load(args)
    except common.Quit as end:
        return end.code
    code = common.GOOD
    for finding in checks.examine(config):
        print(str(finding).encode("utf-8", "backslashreplace").decode(), flush=True)
        if not finding.good:
            code = common.WORK_FAILED
    return code

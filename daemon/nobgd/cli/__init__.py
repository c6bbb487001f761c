"""The verbs; the only place that prints for people (see `screen`) and picks exit codes.

Exit codes: 0 good, 1 work failed, 2 usage or configuration, 3 environment (model missing
or altered, state folder or an inbox unusable), 130 interrupted.  Each verb is a module of its
own with ``add`` (its sub-parser and help) and ``run``; what a verb needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from nobgd import __version__
from nobgd.cli import common, screen

VERBS = (
    "run", "once", "cut", "check", "models", "status", "why", "list", "retry", "pause", "resume",
    "accept", "reject", "report", "notify", "doctor", "unit", "web", "tune", "worker", "cluster",
)  # fmt: skip
EPILOG = """\
The configuration is read from -c FILE, else $NOBGD_CONFIG, ./nobgd.yaml or
/etc/nobgd/nobgd.yaml.
Exit codes: 0 good, 1 work failed, 2 usage or configuration, 3 environment,
130 interrupted.
`nobgd VERB --help` explains each verb."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="nobgd",
        description="Drop a photo into a folder, get it back without its background.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"nobgd {__version__}")
    common.add_config(top, verb=False)
    verbs = top.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    for name in VERBS:
        importlib.import_module(f"nobgd.cli.{name}").add(verbs)
    return top


def _meant(words: list[str]) -> list[str]:
    """``help`` and ``help VERB`` are what people type for --help; a verb with a slip is named."""
    if words[:1] == ["help"]:
        return [*words[1:2], "--help"]
    if words and not words[0].startswith("-") and words[0] not in VERBS:
        near = difflib.get_close_matches(words[0], VERBS, 1)
        if near:
            common.complain(f"{screen.printable(words[0])} is no verb; did you mean {near[0]}?")
            raise SystemExit(common.USAGE)
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with screen.guarded():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    top = parser()
    chosen = top.parse_args(_meant([*(sys.argv[1:] if arguments is None else arguments)]))
    if chosen.verb is None:
        top.print_help()
        return common.USAGE
    try:
        code = int(chosen.run(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `nobgd report | head`
        code = common.GOOD
    except screen.UnsaidError as error:
        code = _unsaid(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _say_no_more()
    except screen.UnsaidError as error:
        code = code or _unsaid(error)
        _say_no_more()
    return code


def _unsaid(error: screen.UnsaidError) -> int:
    """`nobgd report > /full/disk.txt`."""
    common.complain(f"standard output: {error.strerror}; write it to another place")
    return common.ENVIRONMENT


def _say_no_more() -> None:
    """What stdout has not taken is not tried again when Python ends."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

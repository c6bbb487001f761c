"""``nobgd check``: validate the configuration and print it as understood."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nobgd.cli import common

if TYPE_CHECKING:
    from nobgd.config import Config


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "check",
        short="validate the configuration and print it as understood",
        says="Print the configuration as understood, with every default filled in and every path "
        "absolute; it is a valid configuration again. Errors are printed all at once, each "
        "with file, line and column. No folder is looked at: that is what `nobgd doctor` "
        "does.",
        examples=[
            ("nobgd check", "/etc/nobgd/nobgd.yaml"),
            ("nobgd check -c new.yaml", "a file that is not in use yet"),
            ("nobgd check --example > nobgd.yaml", "a file to begin with"),
            ("nobgd check > /dev/null && sudo systemctl reload nobgd", "reload only what is right"),
        ],
        exits="0  it is right\n"
        "2  it is not, or asks for what is not installed; stderr says so",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "--example", action="store_true", help="print an example that explains every key instead"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    import yaml

    from nobgd import config
    from nobgd.pool import engine

    if args.example:
        print(config.example(), end="")
        return common.GOOD
    try:
        found = common.load(args)
    except common.Quit as end:
        return int(end.code)
    unknown = list(_unknown_models(found))
    lacking = engine.lacking(found)
    for why in [*unknown, *([lacking] if lacking is not None and not unknown else [])]:
        print(f"{found.origin}: {why}", file=sys.stderr)
    if unknown or lacking is not None:
        return common.USAGE
    print(f"# {found.origin}, as understood")
    print(
        yaml.safe_dump(found.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end=""
    )
    return common.GOOD


def _unknown_models(config: Config) -> Iterator[str]:
    """A sentence for each model that is named and not known."""
    from nobgd import models

    for name in sorted({each.name for each in config.models()}):
        try:
            models.load_manifest()[name]
        except KeyError:
            known = sorted(models.load_manifest())
            guess = difflib.get_close_matches(name, known, 1, 0.6)
            hint = f"did you mean {guess[0]}?" if guess else f"there are {', '.join(known)}"
            yield f"model.name: there is no model {name}; {hint}"

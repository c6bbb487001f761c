"""``nobgd check``: validate the configuration and print it as understood."""

from __future__ import annotations

import argparse
import sys

from nobgd.cli import common


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
            ("nobgd check > /dev/null && sudo systemctl reload nobgd", "reload only what is right"),
        ],
        exits="0  it is right\n"
        "2  it is not, or asks for what is not installed; stderr says so",
    )  # fmt: skip
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    import yaml

    from nobgd.pool import engine

    try:
        config = common.load(args)
    except common.Quit as end:
        return int(end.code)
    if (why := engine.lacking(config)) is not None:
        print(f"{config.origin}: {why}", file=sys.stderr)
        return common.USAGE
    print(f"# {config.origin}, as understood")
    print(
        yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end=""
    )
    return common.GOOD

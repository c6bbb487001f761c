"""``nobgd cluster invite``: a join file for a machine that is let in."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nobgd.cli import common, screen

if TYPE_CHECKING:
    from nobgd.broker.users import Role
    from nobgd.cluster.join import Join
    from nobgd.config import Config


def invite(config: Config, args: argparse.Namespace) -> int:
    """Let a machine in, and write what it needs for that; an exit code, see `common`.

    ``config`` is the broker's, ``args`` are those of the verb.  Raises `common.Quit`,
    `BrokerError` and `UserError`, with a sentence.
    """
    from nobgd.broker import acts
    from nobgd.cluster import join

    file = None if args.output == "-" else Path(args.output or f"{args.name}.join")

    def hand(made: Join) -> None:
        try:
            if file is None:
                screen.data(_text(made))
                sys.stdout.flush()
            else:
                join.write(file, made, _owner())
        except OSError as error:  # where stdout's reader has ended, too
            said = f"{file or 'standard output'}: {error.strerror}; {made.name} is not invited"
            common.complain(f"{said}: name another file with -o")
            raise common.Quit(common.ENVIRONMENT) from None

    role: Role = "home" if args.home else "worker"
    made, told = acts.invite(config, args.name, role=role, again=args.again, hand=hand)
    if file is None:
        return common.GOOD
    print(f"{file}: lets {made.name} in at {made.url}; it holds a secret that is kept nowhere else")
    if not told:
        print("no broker runs here yet; it takes effect when it starts")
    verb = f"put `cluster: {{join: {file.name}}}` into its configuration" if args.home else (
        f"sudo systemd/install.sh --worker {file.name}, or: nobgd worker --join {file.name}"
    )  # fmt: skip
    print(f"next: bring it to {made.name} (scp), and there: {verb}")
    return common.GOOD


def _text(made: Join) -> str:
    import json
    from dataclasses import asdict

    return json.dumps(asdict(made), indent=1) + "\n"


def _owner() -> tuple[int, int] | None:
    """Whoever called sudo, who is to bring it to the other machine; else None."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ and "SUDO_GID" in os.environ:
        return int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    return None

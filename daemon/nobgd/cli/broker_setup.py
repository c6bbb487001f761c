"""``nobgd cluster init``: what the broker needs, made here, and what is to be done next."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from nobgd.cli import common, screen

if TYPE_CHECKING:
    from nobgd.broker.acts import SetUp
    from nobgd.config import Config


def set_up(config: Config, args: argparse.Namespace) -> int:
    """Make what the broker needs and say what is next; an exit code, see `common`.

    ``config`` is this machine's, ``args`` are those of the verb.  Raises `common.Quit`,
    `BrokerError` and `UserError`, with a sentence.
    """
    from nobgd.broker import acts, server

    if _unit_is_missing(config):
        common.complain(
            f"{server.UNIT} is not installed; run this version's systemd/install.sh, then try again"
        )
        return common.ENVIRONMENT
    config = _with_section(config, args)
    done = acts.set_up(config, args.address)
    print(f"{done.folder.path}: {_made(done)}")
    print(f"others reach it at {done.addresses[0]}; --address names another")
    wrong = server.wrong()
    if wrong is not None:
        print(f"FIX  {wrong}")
    if done.reloaded:
        print("the broker has read it")
    elif acts.port_taken(config):
        print(
            f"FIX  another program listens at {config.cluster.listen if config.cluster else ''}; if"
            " it is the distribution's own: sudo systemctl disable --now nats-server"
        )
    screen.data("\n".join(["next:", *(f"  {line}" for line in _next(done, args, config))]) + "\n")
    return common.GOOD


def _unit_is_missing(config: Config) -> bool:
    """Of the service that is installed here, by an older version."""
    from nobgd.systemd import unit
    from nobgd.systemd.machines import BROKER_UNIT

    if os.path.abspath(config.origin) != unit.USUAL_CONFIG:
        return False
    return unit.installed("nobgd.service") and not unit.installed(BROKER_UNIT)


def _made(done: SetUp) -> str:
    new = [
        what
        for what, made in (
            ("an authority", done.new_authority),
            ("the broker's certificate", done.new_certificate),
            ("this machine's own secret", done.new_home),
        )
        if made
    ]
    return f"made {', '.join(new)}" if new else "as it was already"


def _next(done: SetUp, args: argparse.Namespace, config: Config) -> list[str]:
    from nobgd.broker import server

    said = f" -c {args.config}" if args.config else ""
    if done.folder.gid is None:
        return [
            *([] if done.reloaded else [f"nats-server -c {done.folder.conf}"]),
            f"nobgd run -c {config.origin}",
            f"nobgd cluster invite NAME{said}      # for each machine that is to work",
        ]
    return [
        f"sudo nobgd unit --apply && sudo systemctl enable --now {server.UNIT}",
        "sudo systemctl restart nobgd",
        f"sudo nobgd cluster invite NAME{said}      # for each machine that is to work",
    ]


def _with_section(config: Config, args: argparse.Namespace) -> Config:
    """The configuration, with `cluster:` in it; written in where there is none."""
    from nobgd.config import appending

    if config.cluster is not None:
        return config
    path = common.config_path(args)
    section = f"cluster:\n  listen: {args.listen}\n"
    try:
        config = appending.append(path, section)
    except appending.NotAppended:
        wrong = f"{path}: cluster: cannot be added at its end; write it in, and try again:"
        common.complain(f"{wrong}\n{section}")
        raise common.Quit(common.USAGE) from None
    except OSError as error:
        common.complain(f"{path}: {error.strerror}; try with sudo")
        raise common.Quit(common.ENVIRONMENT) from None
    print(f"{path}: added cluster: with listen: {args.listen}")
    return config

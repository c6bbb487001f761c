"""``nobgd cluster``: a broker for several machines, and who may come in."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from nobgd.cli import broker_setup, common, invitation

if TYPE_CHECKING:
    from nobgd.config import Config

_PACKAGES = ("bcrypt", "cryptography", "nats")
_LISTEN = "tls://0.0.0.0:4222"
_EXAMPLES = """\
examples:
  sudo nobgd cluster init                    set the broker up, here
  sudo nobgd cluster init --address nas.lan  others reach it by this name or address
  sudo nobgd cluster invite desk-3           write desk-3.join, which lets that machine in
  sudo nobgd cluster invite desk-3 -o - | ssh desk-3 'umask 077; cat > desk-3.join'
  sudo nobgd cluster drain desk-3            it finishes what it has and gets no more
  sudo nobgd cluster revoke desk-3           from now on it is shut out

exit codes:
  0  done
  1  there is no such machine, or one of that name already
  2  the configuration is wrong, or the broker is elsewhere
  3  a package is missing, a file cannot be written, the broker cannot be reached"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its actions."""
    parser = verbs.add_parser(
        "cluster",
        help="a broker for several machines, and who may come in",
        description="Set up the broker (NATS) by which other machines work for this one, and say"
        " who may\ncome in. What it does to files is done again without harm. docs/cluster.md has"
        " the whole\nway.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    one = actions.add_parser(
        "init", help="certificates, the broker's configuration, and cluster: in this one"
    )
    one.add_argument(
        "--listen", metavar="URL", default=_LISTEN,
        help=f"what cluster.listen becomes where there is none yet (default: {_LISTEN})",
    )  # fmt: skip
    one.add_argument(
        "--address", metavar="HOST", action="append", default=[],
        help="a name or address by which others reach this machine; the first is what join files"
        " have (default: as before, else the address that this machine goes out by)",
    )  # fmt: skip
    common.add_action(one, _guarded(_init))
    one = actions.add_parser("invite", help="let a machine in: its join file, which has a secret")
    one.add_argument("name", metavar="NAME", help="a-z, 0-9 and -, as in desk-3")
    one.add_argument(
        "-o", "--output", metavar="FILE", help="(default: NAME.join; - for standard output)"
    )
    one.add_argument(
        "--again", action="store_true", help="a new secret for a machine that is invited already"
    )
    one.add_argument(
        "--home", action="store_true", help="it has photos of its own, and asks; not: it works"
    )
    common.add_action(one, _guarded(_invite))
    one = actions.add_parser(
        "drain", help="have a machine finish what it has, and give it no more until it starts anew"
    )
    one.add_argument("name", metavar="NAME", help="which")
    one.add_argument("--undo", action="store_true", help="let it work again")
    common.add_action(one, _guarded(_drain))
    one = actions.add_parser("revoke", help="shut a machine out, at once")
    one.add_argument("name", metavar="NAME", help="which")
    common.add_action(one, _guarded(_revoke))


def _guarded(act: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Packages that are missing are a sentence, and so is what keeps it from being done."""

    def run(args: argparse.Namespace) -> int:
        if lacking := _missing(*_PACKAGES):
            common.complain(lacking)
            return common.ENVIRONMENT
        from nobgd.broker.folder import BrokerError
        from nobgd.broker.users import UserError

        try:
            return act(args)
        except common.Quit as end:
            return end.code
        except UserError as error:
            common.complain(str(error))
            return common.WORK_FAILED
        except BrokerError as error:
            common.complain(str(error))
            return common.ENVIRONMENT

    return run


def _here(args: argparse.Namespace) -> Config:
    """The configuration, unless it says that the broker is elsewhere."""
    config = common.load(args)
    if config.cluster is not None and config.cluster.join is not None:
        common.complain(
            f"{config.origin}: its broker is elsewhere, as cluster.join says; do this there"
        )
        raise common.Quit(common.USAGE)
    return config


def _init(args: argparse.Namespace) -> int:
    return broker_setup.set_up(_here(args), args)


def _invite(args: argparse.Namespace) -> int:
    return invitation.invite(_here(args), args)


def _revoke(args: argparse.Namespace) -> int:
    from nobgd.broker import acts

    told = acts.revoke(_here(args), args.name)
    none = "no broker runs here; it is shut out from now on"
    when = "the broker ends its connection" if told else none
    print(f"revoked: {args.name}; {when}")
    print(
        f"next: on {args.name}, `sudo systemctl disable --now nobgd-worker`, and delete its join"
        " file, which opens nothing any more"
    )
    return common.GOOD


def _drain(args: argparse.Namespace) -> int:
    import asyncio

    from nobgd.broker import acts
    from nobgd.cluster import join
    from nobgd.cluster.link import Lost, Refused
    from nobgd.machines import draining

    config = common.load(args)
    cluster = config.cluster
    if cluster is None:
        common.complain(f"{config.origin}: it has no cluster:; `nobgd cluster init` sets one up")
        return common.USAGE
    if not join.is_name(args.name):
        what = f"{args.name!r} is no machine's name"
        common.complain(f"{what}; `nobgd status` has the machines that are there")
        return common.WORK_FAILED
    try:
        own = join.read(cluster.join or acts.home_join(config))
        left = asyncio.run(draining.order(own, args.name, drain=not args.undo))
    except (join.JoinError, Lost, Refused) as error:
        common.complain(str(error))
        return common.ENVIRONMENT
    except draining.Silent:
        common.complain(f"{args.name} says nothing; `nobgd status` has the machines that are there")
        return common.WORK_FAILED
    does = "works again" if args.undo else f"is draining, {left} to finish"
    print(f"{args.name} {does}")
    return common.GOOD


def _missing(*names: str) -> str | None:
    """A sentence on packages that are not installed; None when all are."""
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    way_out = f"run `{sys.executable} -m pip install 'nobgd[cluster]'`"
    return f"{', '.join(lacking)} not installed: {way_out}"

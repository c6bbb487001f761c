"""``nobgd web``: the page and the API; links and tokens for those who may use them."""

from __future__ import annotations

import argparse
import time

from nobgd.cli import common

_IDLE_S = 600.0  # then it ends, where systemd starts it again
_EXAMPLES = """\
examples:
  nobgd web                                  serve the page (`nobgd run` does it by itself)
  nobgd web open                             print a link for a browser on this machine
  nobgd web token add camera --scope submit  a token for a program; it is shown once
  nobgd web token list                       names and scopes
  nobgd web token revoke camera              from now on it opens nothing

exit codes:
  0  done
  1  there is no such token, or one of that name already
  2  the configuration is wrong, or has no web:
  3  it cannot be served: packages are missing, the address is taken, a token is needed first"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its actions."""
    parser = verbs.add_parser(
        "web",
        help="serve the page and the API; links and tokens for them",
        description="Serve the page and the HTTP API of `web:` in the configuration. In the"
        " foreground\n`nobgd run` starts this by itself. It decodes no picture, and reads only"
        " its\nown folders; docs/api.md has the routes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_config(parser)
    parser.add_argument("--minded", action="store_true", help="end when stdin does")
    parser.set_defaults(run=_serve)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    one = actions.add_parser("open", help="print a link for a browser on this machine, good once")
    common.add_action(one, _open)
    token = actions.add_parser("token", help="tokens of programs")
    tokens = token.add_subparsers(title="actions", metavar="ACTION", required=True)
    one = tokens.add_parser("add", help="make a token and print it; it is kept nowhere")
    one.add_argument("name", metavar="NAME", help="whose it is")
    one.add_argument(
        "--scope", default="submit", metavar="LIST",
        help="of submit, look, review, steer, with commas (default: submit)",
    )  # fmt: skip
    common.add_action(one, _add)
    one = tokens.add_parser("list", help="the names and scopes of all tokens")
    common.add_action(one, _list)
    one = tokens.add_parser("revoke", help="forget a token")
    one.add_argument("name", metavar="NAME", help="whose it was")
    common.add_action(one, _revoke)


def _serve(args: argparse.Namespace) -> int:
    from nobgd.config import address, webbing
    from nobgd.web import minding, tokens

    try:
        config = common.load_web(args)
    except common.Quit as end:
        return end.code
    if minding.missing():
        common.complain(minding.MISSING)
        return common.ENVIRONMENT
    from nobgd.web import serving

    assert config.web is not None  # noqa: S101 - load_web saw to it
    try:
        webbing.make(config)
        if not address.near(config.web.listen) and not tokens.read(webbing.tokens(config)):
            common.complain(
                f"web.listen: {config.web.listen} can be reached from elsewhere, so a token is"
                " needed first: `nobgd web token add NAME`"
            )
            return common.ENVIRONMENT
        line = serving.passed()
        idle_s = None if line is None else _IDLE_S
        line = line or serving.listening(config.web.listen)
        serving.serve(config, line, until_eof=args.minded, idle_s=idle_s)
    except serving.NotServed as error:
        common.complain(str(error))
        return common.ENVIRONMENT
    except (OSError, ValueError) as error:
        common.complain(f"{webbing.home(config)}: {error}; is it readable, and of this user?")
        return common.ENVIRONMENT
    return common.GOOD


def _open(args: argparse.Namespace) -> int:
    from nobgd.config import address, webbing
    from nobgd.web import minding

    try:
        config = common.load_web(args)
        with common.state_folders(config):
            webbing.make(config)
            assert config.web is not None  # noqa: S101 - load_web saw to it
            print(minding.link(config, address.url(config.web.listen)))
    except common.Quit as end:
        return end.code
    return common.GOOD


def _add(args: argparse.Namespace) -> int:
    from nobgd.config import webbing
    from nobgd.web import tokens

    try:
        config = common.load_web(args)
        with common.state_folders(config):
            webbing.make(config)
            scopes = tuple(part.strip() for part in args.scope.split(",") if part.strip())
            print(tokens.add(webbing.tokens(config), args.name, scopes))
    except common.Quit as end:
        return end.code
    return common.GOOD


def _list(args: argparse.Namespace) -> int:
    from nobgd.config import webbing
    from nobgd.web import tokens

    try:
        config = common.load_web(args)
        with common.state_folders(config):
            for each in tokens.read(webbing.tokens(config)):
                made = time.strftime("%Y-%m-%d", time.localtime(each.made_at))
                print(f"{each.name}  {','.join(each.scopes)}  since {made}")
    except common.Quit as end:
        return end.code
    return common.GOOD


def _revoke(args: argparse.Namespace) -> int:
    from nobgd.config import webbing
    from nobgd.web import tokens

    try:
        config = common.load_web(args)
        with common.state_folders(config):
            if not tokens.revoke(webbing.tokens(config), args.name):
                common.complain(f"there is no token {args.name}; `nobgd web token list` has all")
                return common.WORK_FAILED
    except common.Quit as end:
        return end.code
    print(f"revoked: {args.name}")
    return common.GOOD

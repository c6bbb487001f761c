"""``nobgd notify``: tell somebody who is not looking."""

from __future__ import annotations

import argparse
import sys

from nobgd.cli import common


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "notify",
        short="tell a webhook or a command when photos are set aside or a share is lost",
        says="Read the log from standard input and tell a webhook, or a command, what a person "
        "should know: a photo that was set aside, a share that is lost or back, a daemon that is "
        "not well. The first event is told at once, what comes within --every seconds of it "
        "together, as one notice. It is a program of its own, so that nobgd itself needs no "
        "network; with systemd, nobgd-notify.service runs it on the journal.\n\n"
        "A webhook gets JSON: text (which Slack, Mattermost, Rocket.Chat and others show), title, "
        "host, counts, events. A command gets the text on its input, and NOBGD_TITLE and "
        "NOBGD_EVENTS in its environment.",
        examples=[
            ("journalctl -u nobgd -o cat -fn0 | nobgd notify --webhook https://chat.example/hook",
             "a chat"),
            ("tail -Fn0 nobgd.log | nobgd notify -- mail -s nobgd anna@example.org",
             "a mail, where mail(1) is set up"),
            ("nobgd notify --event photo.quarantined --every 3600 -- ./tell.sh < nobgd.log",
             "one kind, once an hour at most"),
        ],
        exits="0  the input ended, all was told\n"
        "1  something could not be told\n"
        "2  the arguments are wrong",
    )  # fmt: skip
    parser.add_argument("--webhook", metavar="URL", help="POST notices there")
    parser.add_argument(
        "--event", metavar="NAME", action="append",
        help="of the log, as docs/reading-the-log.md names them; again for more"
        " (default: those that a person should know)",
    )  # fmt: skip
    parser.add_argument(
        "--every", metavar="SECONDS", type=float, default=60.0,
        help="no two notices within so many (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument("command", metavar="COMMAND", nargs="*", help="after --, with its words")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.notices import digest, follow, ways
    from nobgd.record import schema

    unknown = [name for name in args.event or () if name not in schema.EVENTS]
    if unknown:
        common.complain(f"--event {unknown[0]} is none of the log; docs/reading-the-log.md has all")
        return common.USAGE
    if bool(args.webhook) == bool(args.command):
        common.complain("name a webhook (--webhook URL) or a command (-- COMMAND), one of the two")
        return common.USAGE
    try:
        way = ways.webhook(args.webhook) if args.webhook else ways.command(args.command)
    except ValueError as error:
        common.complain(f"--webhook: {error}")
        return common.USAGE
    made = digest.Digest(args.event or digest.USUAL, args.every)
    unheard = follow.follow(sys.stdin.fileno(), made, way, common.complain)
    return common.WORK_FAILED if unheard else common.GOOD

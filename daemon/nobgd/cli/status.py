"""``nobgd status``: queue, lanes, watch strategy per inbox, rates, last failures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from nobgd.cli import common, screen
from nobgd.fs.names import about

_SICK = ("lost", "outbox", "silent")  # of the hindrances, those that nobody has asked for
_NOT_YET = "not looked at yet"


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "status",
        short="what waits, what is worked on, how fast, what failed last",
        says="Ask the running daemon what it is doing: photos waiting and in lanes, megapixels per "
        "minute, how each inbox is watched and why, what was done, is retried or quarantined, "
        "and the last failures. When no daemon is running the answer comes from its ledger, "
        "and says so.",
        examples=[
            ("nobgd status", "now"),
            ("nobgd status --watch", "again every 2 seconds, until Ctrl-C"),
            ("nobgd status --json | jq .waiting", "a figure for a script"),
            ("nobgd status --check || mail …", "for monitoring, and a container's health check"),
        ],
        exits="0  answered; with --check: the daemon runs and its folders can be used\n"
        "1  with --check: it does not, or one cannot be; a sentence says which\n"
        "2  the configuration is wrong\n"
        "3  the daemon is too busy to answer, or its socket or ledger may not be opened (ask as\n"
        "   its user, or with sudo)",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--watch", action="store_true", help="again every 2 seconds, until Ctrl-C")
    parser.add_argument("--check", action="store_true", help="say only what is wrong")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        config = common.load(args)
        while True:
            answer = common.ask(config, {"do": "status"})
            if args.check:
                return _check(answer)
            if args.watch and not args.json:
                screen.behind(sys.stdout).write("\x1b[H\x1b[2J")
            print(json.dumps(answer) if args.json else text(answer), flush=True)
            if not args.watch:
                return common.GOOD
            time.sleep(2)
    except common.Quit as end:
        return end.code


def _check(answer: dict[str, Any]) -> int:
    """Whether somebody has to look; each thing that is wrong is a sentence."""
    wrong = [] if answer["running"] else ["the daemon is not running"]
    wrong += [
        str(inbox["hindered"]) for inbox in answer["inboxes"]
        if inbox.get("hindrance") in _SICK and inbox.get("outbox_why") != _NOT_YET
    ]  # fmt: skip
    for each in wrong:
        common.complain(each)
    return common.WORK_FAILED if wrong else common.GOOD


def _left(answer: dict[str, Any]) -> str:
    """How long what waits may take at the pace of now; nothing where that is not known."""
    ahead = answer["waiting"] + answer["working"]
    if not answer["waiting"] or answer["photos_per_minute"] <= 0:
        return ""
    minutes = ahead / answer["photos_per_minute"]
    if minutes < 1:
        return " · less than a minute left"
    hours = f"{minutes / 60:.0f} hours" if minutes >= 120 else f"{minutes:.0f} min"
    return f" · about {hours} left"


def _machines(answer: dict[str, Any]) -> list[str]:
    """A line for each other machine, and what keeps them from helping."""
    if answer.get("broker"):
        return [f"no other machine helps: {answer['broker']}"]
    if not answer.get("machines", True):
        return ["no other machine is here; `nobgd doctor` has those that were invited"]
    lines = []
    for each in answer.get("machines", []):
        name, state = f"{each['host']:<12}", each["state"]
        if state == "refused":
            lines.append(f"{name} refused: {each['why']}")
        elif state in ("lost", "proving"):
            said = {"lost": "says nothing any more", "proving": "its test mask is awaited"}
            why = f" · {each['why']}" if state == "proving" and each["why"] else ""
            lines.append(f"{name} {state}: {said[state]}{why}")
        else:
            seats = "1 seat" if each["seats"] == 1 else f"{each['seats']} seats"
            masks = "1 mask" if each["answered"] == 1 else f"{each['answered']} masks"
            lines.append(
                f"{name} {state}: {seats}, busy {each['busy']}, {masks} ·"
                f" {each['engine']}, priority {each['priority']}"
                + (f" · {each['why']}" if each["why"] else "")
                + (f" · work: {each['mounted']}" if each.get("mounted") else "")
            )
    return lines


def text(answer: dict[str, Any]) -> str:
    """The answer for people."""
    lines = []
    if answer["running"]:
        lines.append(answer["line"] + _left(answer))
        lines += [
            f"  lane {lane['lane']}: {lane['source']} ({lane['stage']}, {lane['seconds']:.1f} s)"
            for lane in answer["lanes"]
        ]
        lines += [f"  {each}" for each in _machines(answer)]
        if answer.get("model_process") == "closed":
            lines.append("  at rest: model and lanes are let go until the next photo")
    else:
        lines.append("the daemon is not running; this is what its ledger says")
    for inbox in answer["inboxes"]:
        counts = [f"{inbox['done']} done"]
        names = ("waiting", "retrying", "quarantined", "skipped")
        counts += [f"{inbox[name]} {name}" for name in names if inbox.get(name)]
        if inbox.get("doubtful"):
            counts.append(f"{inbox['doubtful']} doubtful")
        if inbox.get("kept"):
            counts.append(f"{inbox['kept']} originals kept")
        if inbox["paused"]:
            by = inbox.get("paused_by", "command")
            counts.append("PAUSED" if by == "command" else f"PAUSED by the file {by}")
        lines.append(f"{inbox['inbox']} → {inbox['outbox']}: {', '.join(counts)}")
        if "strategy" in inbox:
            how = "; ".join(filter(None, [*inbox["watch"], inbox["why"]]))
            lines.append(f"  {inbox['state']}: {how}")
        if inbox.get("silent"):
            lines.append(f"  {inbox['silent']} does not answer: its photos wait for it")
        if inbox.get("hindrance") == "hours":
            lines.append(f"  {inbox['hindered']}")
        if not inbox.get("outbox_ready", True):
            lines.append(f"  outbox: {inbox['outbox_why']}")
    if answer["failures"]:
        lines.append("last failures:")
        lines += [f"  {about(each['source'], each['reason'] or '')}" for each in answer["failures"]]
    return "\n".join(lines)

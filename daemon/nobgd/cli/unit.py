"""``nobgd unit``: the systemd drop-in that fits the configuration."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess

from nobgd.cli import common, screen


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "unit",
        short="print the systemd drop-in that fits the configuration",
        says="Print the drop-in that lets the hardened service see and write the folders of the "
        "configuration, waits for their mounts, and limits memory and tasks to what the lanes "
        "need. Run it again after folders or workers changed; `nobgd doctor` says when that "
        "is due.\n\n"
        "With --apply it is written to /etc/systemd/system/nobgd.service.d/50-config.conf, as "
        "a whole and only if it differs. That takes root.",
        examples=[
            ("nobgd unit", "look at it"),
            ("sudo nobgd unit --apply", "install it"),
            ("sudo nobgd unit --apply && sudo systemctl restart nobgd", "and let it take effect"),
        ],
        exits="0  printed, or installed\n"
        "2  the configuration is wrong\n"
        "3  it cannot be written: run it with sudo",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument(
        "--apply", action="store_true", help="install it instead of printing it; as root"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.systemd import unit

    try:
        config = common.load(args)
    except common.Quit as end:
        return end.code
    text = unit.text(config, unit.machine(config))
    if not args.apply:
        screen.data(text)
        return common.GOOD
    try:
        changed = _write(unit.PLACE, text)
    except OSError as error:
        common.complain(f"{unit.PLACE}: {error.strerror}; run `sudo nobgd unit --apply`")
        return common.ENVIRONMENT
    if changed and shutil.which("systemctl") and os.path.isdir("/run/systemd/system"):
        subprocess.run(["systemctl", "daemon-reload"], check=False)
    then = "it takes effect with `systemctl restart nobgd`" if changed else "as it was already"
    print(f"{unit.PLACE}: {then}")
    return common.GOOD


def _write(path: str, text: str) -> bool:
    """Replace a file as a whole, when it differs."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as old:
        if old.read() == text:
            return False
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return True

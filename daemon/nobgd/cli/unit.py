"""``nobgd unit``: the systemd drop-in that fits the configuration."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
from pathlib import Path

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
        "a whole and only if it differs. That takes root. With `web:` in the configuration the "
        "page's units get drop-ins as well: where the socket listens, what its process sees; with "
        "`cluster:` the broker's unit gets its port, and the daemon's may reach the broker and "
        "nothing else.\n\n"
        "With --worker the unit of a machine that works for another may reach the broker that the "
        "join file names.",
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
    parser.add_argument(
        "--worker", metavar="FILE", type=Path, help="the join file of a machine that only works"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        wanted = _wanted(args)
    except common.Quit as end:
        return end.code
    if not args.apply:
        texts = [text for text in wanted.values() if text]
        shown = [f"# {place}\n{text}" for place, text in wanted.items() if text]
        screen.data("\n".join(shown) if len(shown) > 1 else texts[0])
        return common.GOOD
    changed = []
    for place, text in wanted.items():
        try:
            if _write(place, text) if text else _remove(place):
                changed.append(place)
        except OSError as error:
            common.complain(f"{place}: {error.strerror}; run `sudo nobgd unit --apply`")
            return common.ENVIRONMENT
    if changed and shutil.which("systemctl") and os.path.isdir("/run/systemd/system"):
        subprocess.run(["systemctl", "daemon-reload"], check=False)
    for place, text in wanted.items():
        if place in changed or text:
            print(f"{place}: {_then(place, text, place in changed)}")
    return common.GOOD


def _wanted(args: argparse.Namespace) -> dict[str, str]:
    """Where each drop-in goes, and what it says; empty: there is to be none.  Raises `Quit`."""
    from nobgd.cluster.join import JoinError
    from nobgd.machines import settings
    from nobgd.systemd import machines, page, unit

    if args.worker is None:
        config = common.load(args)
        own = {unit.PLACE: unit.text(config, unit.machine(config))}
        return {**own, **page.texts(config), **machines.texts(config)}
    try:
        keys, found = settings.read(args.worker)
    except JoinError as error:
        common.complain(str(error))
        raise common.Quit(common.USAGE) from None
    return {machines.WORKER: machines.worker_text(args.worker, found, keys.shares.values())}


def _then(place: str, text: str, changed: bool) -> str:
    if not changed:
        return "as it was already"
    if not text:
        section = "web" if "web" in place else "cluster"
        return f"removed; there is no {section}: in the configuration"
    name = place.split("/")[-2].removesuffix(".d").removesuffix(".service")
    return f"it takes effect with `systemctl restart {name}`"


def _remove(path: str) -> bool:
    """Whether it was there; its folder goes when nothing else is in it."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))
    return True


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

"""What several verbs share: the -c option, reading the configuration, sentences on stderr."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobgd.fs import reach

if TYPE_CHECKING:
    from nobgd.config import Config
    from nobgd.supervisor.service import Service
    from nobgd.supervisor.state_folder import State

_LOOK_S = 1.5  # a share that hangs must not hang a verb
GOOD, WORK_FAILED, USAGE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
DEFAULT = "/etc/nobgd/nobgd.yaml"
HERE = "nobgd.yaml"
_BEST, _SMALL = "u2net", "u2netp"  # the small one comes along
_WIDEST_EXAMPLE = 56  # what a longer example does stands below it


class Quit(Exception):  # noqa: N818 - carries an exit code, not an error
    """End with this exit code; the sentence has been printed."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, *,
    short: str, says: str, examples: Sequence[tuple[str, str]], exits: str,
) -> argparse.ArgumentParser:  # fmt: skip
    """A verb's sub-parser with help in the order of a manual page.

    ``says`` is wrapped, paragraph by paragraph; ``examples`` are (command, what it does);
    ``exits`` says when each exit code is given, one a line.
    """
    wide = min(max(len(command) for command, _ in examples), _WIDEST_EXAMPLE) + 2
    shown = [
        f"  {command:{wide}}{does}" if len(command) < wide else f"  {command}\n{' ' * 6}{does}"
        for command, does in examples
    ]
    codes = [f"  {line}" for line in exits.splitlines()]
    return verbs.add_parser(
        name, help=short, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="\n\n".join(textwrap.fill(each, 88) for each in says.split("\n\n")),
        epilog="\n".join(["examples:", *shown, "", "exit codes:", *codes]),
    )  # fmt: skip


def add_config(parser: argparse.ArgumentParser, *, verb: bool = True) -> None:
    """The -c option: of a verb, or of the whole command line, before the verb."""
    parser.add_argument(
        "-c", "--config", metavar="FILE", type=Path,
        default=argparse.SUPPRESS if verb else None,  # a verb's own does not undo the one before it
        help=f"the configuration (default: $NOBGD_CONFIG, else ./{HERE}, else {DEFAULT})",
    )  # fmt: skip


def add_action(parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace], int]) -> None:
    """What ends the parser of a verb's action: a -c of its own, and what is run for it."""
    add_config(parser)
    parser.set_defaults(run=act)


def config_path(args: argparse.Namespace) -> Path:
    """Which configuration is meant."""
    named = args.config or os.environ.get("NOBGD_CONFIG")
    return Path(named or (HERE if os.path.lexists(HERE) else DEFAULT))


def add_model(parser: argparse.ArgumentParser) -> None:
    """The -m option of verbs that do without a configuration."""
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="without a configuration: u2net (default) or another"
    )


def model_at_hand(named: str | None) -> str:
    """The model for work without a configuration: what was named, else the best that is here.

    Raises `Quit`.
    """
    from nobgd import models

    try:
        return models.find(named or _BEST).spec.name
    except models.ModelError as error:
        if named is not None:
            complain(str(error))
            usage = isinstance(error, models.UnknownModelError)
            raise Quit(USAGE if usage else ENVIRONMENT) from None
    complain(f"{_BEST} is not here, so {_SMALL} is used; `nobgd models fetch {_BEST}` gets it")
    return _SMALL


def load(args: argparse.Namespace) -> Config:
    """The configuration; on errors all of them are printed and `Quit` carries code 2."""
    from nobgd import config

    try:
        return config.load(config_path(args))
    except config.ConfigError as error:
        complain(str(error))
        raise Quit(USAGE) from None


def load_web(args: argparse.Namespace) -> Config:
    """The same, with `web:` in it."""
    config = load(args)
    if config.web is None:
        complain(f"{config.origin}: it has no web:, so there is no page; add the line `web: {{}}`")
        raise Quit(USAGE)
    return config


@contextlib.contextmanager
def state_folders(config: Config) -> Iterator[None]:
    """As the owner of the state folder; what fails there is said, with `Quit`."""
    try:
        config.state_dir.mkdir(parents=True, exist_ok=True)
        _be_its_owner(config.state_dir)
        yield
    except OSError as error:
        complain(f"{config.state_dir}: {error.strerror}; try as the daemon's user, or with sudo")
        raise Quit(ENVIRONMENT) from None
    except ValueError as error:
        complain(str(error))
        raise Quit(WORK_FAILED) from None


def complain(text: str) -> None:
    """Text for a person, on stderr."""
    print(text, file=sys.stderr)


def reread(args: argparse.Namespace) -> Config:
    """The configuration, for a reload.  Raises `ConfigError`."""
    from nobgd import config

    return config.load(config_path(args))


def claim(config: Config) -> State:
    """The state folder, locked; on failure a sentence and `Quit` with code 3."""
    from nobgd.supervisor import state_folder

    try:
        return state_folder.claim(config.state_dir, config.cache_dir)
    except state_folder.StateError as error:
        complain(str(error))
        raise Quit(ENVIRONMENT) from None


def serve(service: Service) -> int:
    """Start a service and work; what keeps it from starting is said in a sentence, code 3.

    Raises `state_folder.StateLost` when the ledger fails.
    """
    import sqlite3

    from nobgd.models import ModelError
    from nobgd.pool.mishaps import Unfit
    from nobgd.supervisor.state_folder import MOVE_AWAY, StateLost

    try:
        try:
            service.start()
        except BaseException:
            service.end()
            raise
        return service.run()
    except (ModelError, Unfit) as error:
        complain(str(error))
        return ENVIRONMENT
    except sqlite3.DatabaseError as error:
        ledger = service.config.state_dir / "ledger.sqlite3"
        if not isinstance(error, sqlite3.OperationalError):  # damaged: waiting mends nothing
            complain(f"{ledger}: {error}; {MOVE_AWAY}")
            return ENVIRONMENT
        why = f"{ledger}: {error}; is its disk full or failing?"
        raise StateLost(why, service.loop.asked_to_stop) from error


def absolute(path: str) -> str:
    """The path without following the last link; as written where a share does not answer."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(reach.real([folder], _LOOK_S)[folder], name)


def ask(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """The running daemon's answer, else the ledger's; errors are printed, then `Quit`.

    A daemon that runs and does not answer is an error: nothing is changed behind its back.
    """
    from nobgd.status import control

    try:
        answer = control.ask(config, request)
    except PermissionError as error:
        complain(f"{control.path_of(config)}: {error.strerror}; ask as the daemon's user or group")
        raise Quit(ENVIRONMENT) from None
    except control.Busy as busy:
        complain(str(busy))
        raise Quit(ENVIRONMENT) from None
    except control.NotRunning:
        answer = _from_ledger(config, request)
    if "error" in answer:
        complain(str(answer["error"]))
        raise Quit(WORK_FAILED)
    return answer


def _from_ledger(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    import sqlite3

    from nobgd.fs import lock
    from nobgd.status import answers
    from nobgd.status.listening import READING
    from nobgd.supervisor import state_folder

    held = ledger = None
    try:
        config.state_dir.mkdir(parents=True, exist_ok=True)
        _be_its_owner(config.state_dir)
        if request["do"] not in READING:
            held = lock.take(config.state_dir / "lock", _LOOK_S)
            if held is None:  # it has started just now
                complain(f"another nobgd uses {config.state_dir}; nothing was changed, ask again")
                raise Quit(ENVIRONMENT)
        ledger = state_folder.open_ledger(config.state_dir)
        return answers.answer(config, ledger, None, request)
    except (OSError, sqlite3.Error) as error:
        complain(f"{config.state_dir}: the ledger cannot be opened ({error}); check state_dir")
        raise Quit(ENVIRONMENT) from None
    finally:
        if ledger is not None:
            ledger.close()
        if held is not None:
            os.close(held)


def _be_its_owner(folder: Path) -> None:
    """Root becomes the folder's owner: what is made in it now must be the daemon's to open."""
    info = folder.stat()
    if os.geteuid() == 0 and info.st_uid != 0:
        os.setegid(info.st_gid)
        os.seteuid(info.st_uid)
        os.umask(0o002)  # as the unit's: the page is another user of the daemon's group


def judge(args: argparse.Namespace, do: str, done: str) -> int:
    """Say what somebody thinks of cut-outs."""
    paths = list(dict.fromkeys(absolute(path) for path in args.paths))
    try:
        answer = ask(load(args), {"do": do, "paths": paths})
    except Quit as end:
        return end.code
    for source in answer["judged"]:
        print(f"{source}: {done}")
    left = len(paths) - len(answer["judged"])
    if left:
        complain(f"{left} of these are not done, and have no cut-out to judge; see `nobgd why`")
    return WORK_FAILED if left else GOOD


def switch(args: argparse.Namespace, do: str, done: str, **more: Any) -> int:
    """Pause or resume one inbox or all; ``more`` is asked besides."""
    try:
        config = load(args)
        inbox = absolute(args.inbox) if args.inbox else None
        answer = ask(config, {"do": do, "inbox": inbox, **more})
    except Quit as end:
        return end.code
    print(f"{done}: {answer['inbox'] or 'all inboxes'}")
    return GOOD

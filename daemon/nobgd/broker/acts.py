"""What `nobgd cluster` does to the broker's folder: set up, let a machine in, shut it out.

Each writes the truth first (machines.json), then what the broker reads, then has it read; each
can be run again after it was cut short anywhere.  A secret, which is kept nowhere, is handed over
before: it opens nothing yet, and the machine is invited again as if for the first time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nobgd.broker import folder as folders
from nobgd.broker import server, users
from nobgd.broker.folder import BrokerError, Folder
from nobgd.broker.users import UserError
from nobgd.cluster import join
from nobgd.cluster.join import HOME, Join, JoinError
from nobgd.config import Config
from nobgd.fs import lock

_LOCK_S = 10.0
_LOCAL = re.compile(r"\|-- ([\d.]+)\n +/32 host LOCAL")  # this machine's addresses
_HERE = ("localhost", "127.0.0.1", "::1")
_SOMEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))  # RFC 5737, 3849


@dataclass(frozen=True, slots=True)
class SetUp:
    """What `set_up` found or made."""

    folder: Folder
    addresses: tuple[str, ...]
    new_authority: bool
    new_certificate: bool
    new_home: bool
    reloaded: bool


def set_up(config: Config, addresses: Sequence[str]) -> SetUp:
    """Have all that a broker needs; ``addresses``: others reach it by, empty: as before, or guess.

    Raises `BrokerError`.
    """
    host, port = folders.listened(config)
    folder = folders.of(config)
    folders.make(folder)
    with _alone(folder):
        known = tuple(addresses) or folders.addresses(folder) or guessed(host)
        for each in known:
            _check_address(each)
        folders.put_addresses(folder, known)
        names = tuple(dict.fromkeys((*_HERE, *known)))
        new_ca, new_mine = folders.certify(folder, names, dt.datetime.now(dt.UTC))
        there = folders.machines(folder)
        own = next((each for each in there if each.name == HOME), None)
        ca = folders.ca(folder)
        url = _url(_own_host(host), port)
        new_home = not _is_homes(home_join(config), own, url, ca)
        if new_home:
            own, secret = users.make(HOME, "home", time.time())
            _put_home(config, Join(HOME, url, HOME, secret, ca))
            there = users.changed(there, own)
        folders.put(folder, config, there)
        return SetUp(folder, known, new_ca, new_mine, new_home, _told(folder))


def invite(
    config: Config, name: str, *, role: users.Role, again: bool,
    hand: Callable[[Join], None] = lambda _: None,
) -> tuple[Join, bool]:  # fmt: skip
    """Let a machine in: what its join file holds, and whether a broker here knows already.

    ``hand`` writes the join file; it is let in once that has returned, and not if it raises.
    Raises `BrokerError`, `UserError` and what ``hand`` does.
    """
    folder = _there(config)
    port = folders.listened(config)[1]
    with _alone(folder):
        there = folders.machines(folder)
        if name == HOME:
            raise UserError(f"{HOME} is this machine itself; `nobgd cluster init` lets it in")
        if any(each.name == name for each in there) and not again:
            raise UserError(
                f"{name} is invited already, and its secret is kept nowhere; with --again it gets"
                " another one, and the one it has opens nothing any more"
            )
        user, secret = users.make(name, role, time.time())
        addresses = folders.addresses(folder)
        made = Join(name, _url(addresses[0], port), name, secret, folders.ca(folder))
        hand(made)
        folders.put(folder, config, users.changed(there, user))
        return made, _told(folder)


def revoke(config: Config, name: str) -> bool:
    """Shut a machine out; whether a broker here was told to end its connection.

    Raises `BrokerError`, `UserError`.
    """
    folder = _there(config)
    with _alone(folder):
        there = folders.machines(folder)
        left = tuple(each for each in there if each.name != name)
        if name == HOME:
            raise UserError(f"{HOME} is this machine itself; take cluster: out to end it all")
        if len(left) == len(there):
            known = ", ".join(each.name for each in there if each.name != HOME) or "none"
            raise UserError(f"no machine {name} is invited; there are: {known}")
        folders.put(folder, config, left)
        return _told(folder)


def port_taken(config: Config) -> bool:
    """Whether somebody else listens where the broker is to; False while it runs itself."""
    host, port = folders.listened(config)
    if server.running(folders.of(config)) is not None:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def home_join(config: Config) -> Path:
    """The join file of this machine itself."""
    return config.state_dir / "cluster" / "home.join"


def guessed(host: str) -> tuple[str, ...]:
    """How others reach this machine: what is listened on, else the addresses it goes out by."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - looked for, not listened on
        return (host,)
    found = []
    for somewhere, family in _SOMEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as out:
            out.connect((somewhere, 9))  # sends nothing: only the way is looked up
            found.append(str(out.getsockname()[0]))
    if not found:  # a network of its own, from which nothing leads out
        with contextlib.suppress(OSError):
            tries = Path("/proc/net/fib_trie").read_text(encoding="ascii")
            found += [each for each in _LOCAL.findall(tries) if not each.startswith("127.")]
    with contextlib.suppress(OSError):
        name = socket.gethostname()
        if _is_host(name):
            found.append(name)
    return tuple(dict.fromkeys(found)) or ("127.0.0.1",)


def _there(config: Config) -> Folder:
    folder = folders.of(config)
    if not folder.conf.exists():
        raise BrokerError(f"{folder.path}: there is no broker yet; `nobgd cluster init` sets it up")
    return folder


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    try:
        held = lock.take(folder.path / "lock", _LOCK_S)
    except OSError as error:
        said = f"{folder.path}: {error.strerror}; try as its owner, or with sudo"
        raise BrokerError(said) from None
    if held is None:
        raise BrokerError(f"{folder.path}: another `nobgd cluster` is at work; try again")
    try:
        yield
    finally:
        os.close(held)


def _told(folder: Folder) -> bool:
    """Have the broker read it, if one runs here and it has nothing against it."""
    if (wrong := server.complaint(folder)) is not None:
        raise BrokerError(f"{folder.conf}: the broker refuses it: {wrong}")
    try:
        return server.reload(folder)
    except (OSError, subprocess.SubprocessError) as error:  # it failed, or is another user's
        raise BrokerError(
            f"{folder.conf} is written, but the broker was not told ({error}); it takes effect with"
            f" `sudo systemctl restart {server.UNIT}`"
        ) from None


def _is_homes(file: Path, own: users.User | None, url: str, ca: str) -> bool:
    """Whether home's join file opens the broker as it is now."""
    try:
        found = join.read(file)
    except JoinError:
        return False
    return own is not None and (found.url, found.ca) == (url, ca) and users.fits(own, found.secret)


def _put_home(config: Config, made: Join) -> None:
    """Write it as the owner of the state folder: what root would write there could be led away."""
    folder = home_join(config).parent
    try:
        with _owner_of(config.state_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            join.write(home_join(config), made)
    except OSError as error:
        said = f"{folder}: {error.strerror}; try as the daemon's user, or with sudo"
        raise BrokerError(said) from None


@contextlib.contextmanager
def _owner_of(folder: Path) -> Iterator[None]:
    """Root becomes the folder's owner for a while; anybody else stays what he is."""
    folder.mkdir(parents=True, exist_ok=True)
    info = folder.stat()
    if os.geteuid() != 0 or info.st_uid == 0:
        yield
        return
    groups = os.getegid()
    os.setegid(info.st_gid)
    os.seteuid(info.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(groups)


def _own_host(host: str) -> str:
    """How this machine itself reaches what it listens on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _url(host: str, port: int) -> str:
    return f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"


def _check_address(address: str) -> None:
    if not _is_host(address):
        raise BrokerError(f"{address!r} is neither an address nor a host's name; name another one")


def _is_host(text: str) -> bool:
    if ":" in text or text.replace(".", "").isdigit():
        for family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError, ValueError):
                socket.inet_pton(family, text)
                return True
        return False
    labels = text.lower().rstrip(".").split(".")
    return 0 < len(text) < 254 and all(join.is_name(each) for each in labels)

"""Setting up, letting in, shutting out: what lies where afterwards, with which rights."""

from __future__ import annotations

import datetime as dt
import re
import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography import x509

from nobgd import config
from nobgd.broker import acts, authority, users
from nobgd.broker import folder as folders
from nobgd.broker.folder import BrokerError
from nobgd.broker.users import UserError
from nobgd.cluster import join

NAMES = ("127.0.0.1", "nas.lan", "fd00::1")


def _config(base: Path, listen: str = "tls://0.0.0.0:4222") -> config.Config:
    file = base / "nobgd.yaml"
    file.write_text(
        f"state_dir: state\ncluster: {{listen: '{listen}'}}\ninboxes: [{{path: in, outbox: out}}]\n"
    )
    return config.load(file)


def _files(base: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(each.relative_to(base)): (each.stat().st_mode & 0o7777, each.read_bytes())
        for each in base.rglob("*")
        if each.is_file()
    }


def _holds(data: bytes, secret: str) -> bool:
    return secret.encode() in data


def test_set_up_again_changes_nothing(tmp_path: Path) -> None:
    """The second time everything is found as it is; secrets are the owner's alone."""
    made = _config(tmp_path)
    first = acts.set_up(made, NAMES)
    assert (first.new_authority, first.new_certificate, first.new_home) == (True, True, True)
    before = _files(tmp_path)
    again = acts.set_up(made, [])
    assert (again.new_authority, again.new_certificate, again.new_home) == (False, False, False)
    assert again.addresses == NAMES
    assert _files(tmp_path) == before
    assert (tmp_path / "broker").stat().st_mode & 0o7777 == 0o700
    assert (tmp_path / "state/cluster").stat().st_mode & 0o7777 == 0o700
    for name in ("broker/ca.key", "broker/broker.key", "broker/nats.conf", "broker/machines.json",
                 "state/cluster/home.join"):  # fmt: skip
        assert before[name][0] == 0o600, name
    home = join.read(acts.home_join(made))
    assert (home.name, home.url) == ("home", "tls://127.0.0.1:4222")


def test_the_secret_is_in_the_join_file_and_nowhere_else(tmp_path: Path) -> None:
    """What is kept is a hash, in the broker's configuration too."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    desk, told = acts.invite(made, "desk-3", role="worker", again=False)
    assert not told
    assert desk.url == "tls://127.0.0.1:4222"
    assert len(desk.secret) >= 43
    kept_where = [name for name, (_, data) in _files(tmp_path).items() if _holds(data, desk.secret)]
    assert kept_where == []
    kept = next(each for each in folders.machines(folders.of(made)) if each.name == "desk-3")
    assert users.fits(kept, desk.secret)
    assert not users.fits(kept, desk.secret + "x")
    assert not users.fits(kept, "\udcff")
    conf = (tmp_path / "broker/nats.conf").read_text()
    assert kept.hashed in conf


def test_who_is_invited_already_gets_another_secret_only_when_told_so(tmp_path: Path) -> None:
    """As the one that is in use would open nothing any more."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    first, _ = acts.invite(made, "desk-3", role="worker", again=False)
    with pytest.raises(UserError, match=r"desk-3 is invited already.* with --again"):
        acts.invite(made, "desk-3", role="worker", again=False)
    second, _ = acts.invite(made, "desk-3", role="worker", again=True)
    there = [each for each in folders.machines(folders.of(made)) if each.name == "desk-3"]
    assert [users.fits(each, second.secret) for each in there] == [True]
    assert not users.fits(there[0], first.secret)


@pytest.mark.parametrize(
    "name", ["", "Desk", "a.b", "a*", "a>", "-a", "../a", "a b", "ä", "x" * 64]
)
def test_a_name_that_could_mean_something_is_refused(tmp_path: Path, name: str) -> None:
    """It becomes a part of subjects and of a file's name."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    with pytest.raises(UserError, match="is no name for a machine: use a-z"):
        acts.invite(made, name, role="worker", again=False)


def test_home_is_not_invited_and_not_shut_out(tmp_path: Path) -> None:
    """It is the machine itself."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    with pytest.raises(UserError, match="home is this machine itself"):
        acts.invite(made, "home", role="worker", again=True)
    with pytest.raises(UserError, match="home is this machine itself"):
        acts.revoke(made, "home")


def test_who_is_not_there_cannot_be_shut_out(tmp_path: Path) -> None:
    """And is told who is."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    acts.invite(made, "desk-3", role="worker", again=False)
    with pytest.raises(UserError, match="no machine desk-4 is invited; there are: desk-3"):
        acts.revoke(made, "desk-4")
    acts.revoke(made, "desk-3")
    assert [each.name for each in folders.machines(folders.of(made))] == ["home"]
    assert "desk-3" not in (tmp_path / "broker/nats.conf").read_text()


def test_without_a_broker_the_way_to_it_is_said(tmp_path: Path) -> None:
    """For each act."""
    made = _config(tmp_path)
    with pytest.raises(BrokerError, match="no broker yet; `nobgd cluster init`"):
        acts.invite(made, "desk-3", role="worker", again=False)
    with pytest.raises(BrokerError, match="no broker yet"):
        acts.revoke(made, "desk-3")
    file = tmp_path / "nobgd.yaml"
    file.write_text("cluster: {join: nas.join}\ninboxes: [{path: in, outbox: out}]\n")
    with pytest.raises(BrokerError, match=r"nobgd\.yaml: it has no cluster\.listen"):
        acts.set_up(config.load(file), NAMES)


def test_damage_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    """A file that was cut short is not taken for nobody."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    (tmp_path / "broker/machines.json").write_text('[{"name": "home"')
    with pytest.raises(BrokerError, match=r"machines\.json: it is damaged; take it from a copy"):
        acts.set_up(made, [])
    (tmp_path / "broker/machines.json").write_text('[{"name": "x", "role": "root"}]')
    with pytest.raises(BrokerError, match=r"machines\.json: it is damaged"):
        acts.invite(made, "desk-3", role="worker", again=False)


def test_a_lost_home_join_is_made_anew(tmp_path: Path) -> None:
    """With another secret, the only one that opens."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    before = join.read(acts.home_join(made))
    acts.home_join(made).unlink()
    assert acts.set_up(made, []).new_home
    after = join.read(acts.home_join(made))
    kept = folders.machines(folders.of(made))
    assert [users.fits(kept[0], each.secret) for each in (before, after)] == [False, True]


def test_another_address_or_port_is_taken_over(tmp_path: Path) -> None:
    """The authority stays, so nobody has to be invited again."""
    made = _config(tmp_path)
    acts.set_up(made, NAMES)
    ca = (tmp_path / "broker/ca.pem").read_bytes()
    changed = acts.set_up(_config(tmp_path, "tls://[::1]:4333"), ["nas.home"])
    assert (changed.new_authority, changed.new_certificate, changed.new_home) == (False, True, True)
    assert (tmp_path / "broker/ca.pem").read_bytes() == ca
    names = authority.names((tmp_path / "broker/broker.pem").read_bytes())
    assert set(names) == {"localhost", "127.0.0.1", "::1", "nas.home"}
    assert join.read(acts.home_join(made)).url == "tls://[::1]:4333"
    conf = (tmp_path / "broker/nats.conf").read_text()
    assert 'host: "::1"\nport: 4333\n' in conf


@pytest.mark.parametrize("address", ["nas lan", "1.2.3", "fe80::x", "a/b", "-a.lan", ""])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    """Before it is in a certificate."""
    with pytest.raises(BrokerError, match="is neither an address nor a host's name"):
        acts.set_up(_config(tmp_path), [address])


def test_an_address_is_guessed(tmp_path: Path) -> None:
    """That one goes out by, or the one listened on."""
    assert acts.guessed("10.0.0.7") == ("10.0.0.7",)
    assert all(acts.guessed("0.0.0.0"))
    assert acts.set_up(_config(tmp_path), []).addresses == acts.guessed("0.0.0.0")


def test_a_clock_that_is_a_day_behind_believes_them() -> None:
    """At the moment when they are made, and not by a second only."""
    now = dt.datetime.now(dt.UTC)
    ca = authority.authority(now)
    behind = now - dt.timedelta(days=1, hours=1)
    for each in (ca, authority.broker(ca, NAMES, now)):
        assert x509.load_pem_x509_certificate(each.certificate).not_valid_before_utc < behind


def test_the_certificates_pass_the_strictest_check() -> None:
    """As Python has it from 3.13 on (RFC 5280), in memory; a renewed one too."""
    now = dt.datetime.now(dt.UTC)
    ca = authority.authority(now)
    mine = authority.broker(ca, NAMES, now)
    assert authority.fits(mine, ca, NAMES, now)
    assert not authority.fits(mine, ca, NAMES[:1], now)
    assert not authority.fits(mine, authority.authority(now), NAMES, now)
    assert 729 < authority.days_left(mine.certificate, now) < 731
    later = now + dt.timedelta(days=authority.BROKER_DAYS - authority.RENEW_DAYS + 1)
    assert not authority.fits(mine, ca, NAMES, later)
    late = now + dt.timedelta(days=authority.AUTHORITY_DAYS - 30)
    assert authority.fits(authority.broker(ca, NAMES, late), ca, NAMES, late)
    with pytest.raises(ValueError, match="not that of its certificate"):
        authority.broker(authority.Pair(ca.certificate, mine.key), NAMES, now)
    assert "PRIVATE" not in repr(mine)
    for name in NAMES:
        assert _handshake(ca, mine, name) == ""
    assert "mismatch" in _handshake(ca, mine, "10.9.9.9")


def _handshake(ca: authority.Pair, mine: authority.Pair, name: str) -> str:
    """Without a socket; why it fails, or nothing."""
    client = ssl.create_default_context(cadata=ca.certificate.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as file:
        file.write(mine.certificate + mine.key)
        file.flush()
        server.load_cert_chain(file.name)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there, server_hostname=name),
            server.wrap_bio(there, back, server_side=True))  # fmt: skip
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return str(error)
    return ""


def test_a_folder_that_nats_cannot_be_told_of_is_refused(tmp_path: Path) -> None:
    """Rather than a configuration with another line in it."""
    odd = tmp_path / 'a "b" \\ $c'
    odd.mkdir()
    acts.set_up(_config(odd), NAMES)
    conf = (odd / "broker/nats.conf").read_text()
    assert re.search(r'cert_file: "[^\n]*/a \\"b\\" \\\\ \$c/broker/broker.pem"', conf)
    (odd / "broker/own.conf").write_text("http: 127.0.0.1:8222\n")
    acts.set_up(_config(odd), NAMES)
    assert (odd / "broker/own.conf").read_text() == "http: 127.0.0.1:8222\n"
    assert 'include "own.conf"\n' in conf
    worse = tmp_path / "a\nb"
    worse.mkdir()
    with pytest.raises(BrokerError, match=r"a\\nb.* cannot stand in the broker's configuration"):
        acts.set_up(_config(worse), NAMES)

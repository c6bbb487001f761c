"""The real broker refuses whoever is not let in, and what a worker has no business with."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import json
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from broker.conftest import WAIT_S, Broker
from nobgd.broker import acts, authority, server
from nobgd.cluster import frames, join, streams, subjects
from nobgd.cluster.join import Join
from nobgd.cluster.link import open_link
from nobgd.cluster.words import Hello, Order
from nobgd.machines import draining

RECIPE = "0123abcd"


pytestmark = pytest.mark.usefixtures("lost_lines_end_here")


async def connect(through: Join, **options: Any) -> Client:
    """As a machine does, with its join file; it gives up at once."""
    context = ssl.create_default_context(cadata=through.ca)
    settings: dict[str, Any] = {
        "tls": context, "user": through.user, "password": through.secret,
        "inbox_prefix": subjects.inbox(through.user).encode(), "allow_reconnect": False,
        "max_reconnect_attempts": 0, "connect_timeout": 20, "error_cb": _unheard,
    }  # fmt: skip
    return await nats.connect(through.url, **{**settings, **options})


async def _unheard(error: Exception) -> None:
    """What a client says besides raising it."""


async def heard_by_broker(client: Client) -> None:
    """Wait until the broker has read what was said; the ping of one flush overtakes what waits."""
    for _ in range(2):
        await client.flush(timeout=20)


async def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def home(broker: Broker) -> Join:
    """The join file of the machine that has the photos."""
    return join.read(acts.home_join(broker.config))


@pytest.fixture(scope="module")
def desk(broker: Broker) -> Join:
    """A worker's, of a machine that was let in while the broker ran."""
    made, told = acts.invite(broker.config, "desk-3", role="worker", again=False)
    assert told
    _admitted(made)
    return made


async def _stream(client: Client) -> None:
    """What home makes: the stream of questions and a consumer."""
    api = "$JS.API."
    stream = {
        "name": subjects.THINK, "subjects": [subjects.QUESTIONS], "storage": "memory",
        "retention": "workqueue",
    }  # fmt: skip
    consumer = {
        "durable_name": subjects.consumer(RECIPE), "ack_policy": "explicit",
        "filter_subject": subjects.question(RECIPE), "priority_groups": [subjects.GROUP],
        "priority_policy": "prioritized",
    }  # fmt: skip
    for what, body in (
        (f"STREAM.CREATE.{subjects.THINK}", stream),
        (f"CONSUMER.DURABLE.CREATE.{subjects.THINK}.{subjects.consumer(RECIPE)}",
         {"stream_name": subjects.THINK, "config": consumer}),
    ):  # fmt: skip
        said = await client.request(api + what, json.dumps(body).encode(), timeout=20)
        assert "error" not in json.loads(said.data), said.data


def test_a_worker_may_do_its_work(home: Join, desk: Join) -> None:
    """Pull a question, answer it, acknowledge it, say hello, hear what it is told."""

    async def act() -> None:
        first, second = await connect(home), await connect(desk)
        await _stream(first)
        answers = await first.subscribe(subjects.answers("run"))
        hellos = await first.subscribe(subjects.HELLOS)
        orders = await second.subscribe(subjects.cast("desk-3"))
        await heard_by_broker(first)
        await heard_by_broker(second)
        await second.publish(subjects.hello("desk-3"), b"hello")
        assert (await hellos.next_msg(timeout=20)).data == b"hello"
        await first.publish(subjects.cast("desk-3"), b"drain")
        assert (await orders.next_msg(timeout=20)).data == b"drain"
        await first.request(subjects.question(RECIPE), b"tensor", timeout=20)
        box = second.new_inbox()
        questions = await second.subscribe(box)
        wanted = {"batch": 1, "expires": 20 * 10**9, "group": subjects.GROUP, "priority": 1}
        await second.publish(subjects.next_question(RECIPE), json.dumps(wanted).encode(), box)
        question = await questions.next_msg(timeout=20)
        assert question.data == b"tensor"
        await second.publish(subjects.answer("run", "desk-3"), b"mask")
        assert (await answers.next_msg(timeout=20)).data == b"mask"
        await question.ack_sync(timeout=20)
        info = await first.request(f"$JS.API.STREAM.INFO.{subjects.THINK}", timeout=20)
        assert json.loads(info.data)["state"]["messages"] == 0
        await first.close()
        await second.close()

    asyncio.run(act())


FORBIDDEN = [
    subjects.question(RECIPE),
    subjects.job(RECIPE, "0" * 20),
    subjects.answer("run", "desk-4"),
    subjects.hello("desk-4"),
    subjects.cast("desk-3"),
    subjects.cast("desk-4"),
    f"$JS.API.STREAM.DELETE.{subjects.THINK}",
    f"$JS.API.STREAM.PURGE.{subjects.THINK}",
    f"$JS.API.STREAM.INFO.{subjects.THINK}",
    f"$JS.API.STREAM.MSG.GET.{subjects.THINK}",
    f"$JS.API.STREAM.MSG.DELETE.{subjects.THINK}",
    f"$JS.API.STREAM.PURGE.{subjects.WORK}",
    f"$JS.API.STREAM.MSG.GET.{subjects.WORK}",
    f"$JS.API.CONSUMER.CREATE.{subjects.WORK}",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.CREATE.other",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{subjects.THINK}.mine",
    f"$JS.API.CONSUMER.CREATE.{subjects.THINK}",
    "$JS.API.CONSUMER.MSG.NEXT.other.mine",
    "$JS.API.DIRECT.GET.KV_x",
    f"{subjects.inbox('home')}.x",
    "$SYS.REQ.SERVER.PING",
    "nobgd.2.hello.desk-3",
    "anything",
]
DEAF = [
    ">",
    "nobgd.>",
    subjects.QUESTIONS,
    subjects.JOBS,
    subjects.answers("run"),
    subjects.HELLOS,
    subjects.cast("desk-4"),
    subjects.cast("*"),
    f"{subjects.inbox('home')}.>",
    f"{subjects.inbox('desk-4')}.>",
    "_INBOX.>",
    "$JS.API.>",
    "$JS.EVENT.>",
    "$SYS.>",
]


async def _refused(through: Join, act: Callable[[Client], Awaitable[Any]]) -> str:
    """What the broker says to an act."""
    said: list[str] = []

    async def heard(error: Exception) -> None:
        said.append(str(error))

    client = await connect(through, error_cb=heard)
    try:
        await act(client)
        await heard_by_broker(client)
        await until(lambda: bool(said))
        return said[0]
    finally:
        await client.close()


@pytest.mark.parametrize("subject", FORBIDDEN)
def test_a_worker_may_say_nothing_else(home: Join, desk: Join, subject: str) -> None:
    """No question, nothing in another's name, no orders, nothing of streams; nobody hears it."""

    async def act() -> None:
        first = await connect(home)
        heard = await first.subscribe("nobgd.1.>")
        await heard_by_broker(first)
        said = await _refused(desk, lambda client: client.publish(subject, b"{}"))
        assert "permissions violation for publish" in said.lower()
        await first.publish("nobgd.1.end", b"")
        assert (await heard.next_msg(timeout=20)).subject == "nobgd.1.end"
        await first.close()

    asyncio.run(act())


@pytest.mark.parametrize("subject", DEAF)
def test_a_worker_may_hear_nothing_else(desk: Join, subject: str) -> None:
    """Neither questions that are not pulled, nor what others say or are told."""
    said = asyncio.run(_refused(desk, lambda client: client.subscribe(subject)))
    assert "permissions violation for subscription" in said.lower()


def _unwelcome(through: Join, **options: Any) -> str:
    """Why one does not get in."""

    async def act() -> str:
        try:
            client = await connect(through, **options)
        except (nats.errors.Error, OSError) as error:
            return f"{type(error).__name__}: {error}"
        await client.close()
        return "ACCEPTED"

    with warnings.catch_warnings():  # nats-py leaves a socket open where it does not get in
        warnings.simplefilter("ignore", ResourceWarning)
        said = asyncio.run(act()).lower()
        gc.collect()
    return said


def _shown(through: Join) -> bytes:
    """The certificate that the broker proves itself by; it speaks first, then comes TLS."""
    context = ssl.create_default_context(cadata=through.ca)
    try:
        with socket.create_connection((through.host, through.port), timeout=20) as plain:
            plain.recv(4096)
            with context.wrap_socket(plain, server_hostname=through.host) as safe:
                found = safe.getpeercert(binary_form=True)
    except OSError:  # it is reading its files
        return b""
    return b"" if found is None else ssl.DER_cert_to_PEM_cert(found).encode()


def _admitted(through: Join) -> None:
    """The broker reads its files a moment after it was told to."""
    end = time.monotonic() + WAIT_S
    while _unwelcome(through) != "accepted":
        assert time.monotonic() < end


def test_who_is_not_invited_stays_outside(broker: Broker, home: Join, desk: Join) -> None:
    """With a wrong secret, another's, none, or the hash that is kept here."""
    hashed = (broker.folder.path / "machines.json").read_text().split('"hashed": "')[1][:60]
    for changed in (
        replace(desk, secret="x" * 43), replace(desk, secret=home.secret),
        replace(desk, user="home"), replace(desk, user="desk-4"), replace(desk, secret=hashed),
        replace(desk, user="", secret=""),
    ):  # fmt: skip
        assert "authorization violation" in _unwelcome(changed), changed
    assert "authorization violation" in _unwelcome(desk, user=None, password=None)


def test_a_machine_trusts_no_other_authority(
    desk: Join, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A broker that another one has certified is not told the secret."""
    other = Broker(tmp_path_factory.mktemp("other"))
    stranger = join.read(acts.home_join(other.config))
    said = _unwelcome(replace(desk, ca=stranger.ca))
    assert "certificate" in said
    assert "verif" in said


def test_a_machine_takes_no_certificate_for_another_name(desk: Join) -> None:
    """The authority's word for one address is none for another."""
    assert _unwelcome(desk, tls_hostname="nas.lan") == "accepted"
    assert "hostname mismatch" in _unwelcome(desk, tls_hostname="nas2.lan")


def test_nothing_is_said_without_tls(desk: Join) -> None:
    """Nor with an old one."""
    with socket.create_connection((desk.host, desk.port), timeout=20) as plain:
        told = {"user": desk.user, "pass": desk.secret, "verbose": True}
        plain.sendall(f"CONNECT {json.dumps(told)}\r\nPING\r\n".encode())
        heard = b"".join(iter(lambda: _received(plain), b""))
    assert b'"tls_required":true' in heard
    assert b"PONG" not in heard
    assert b"+OK" not in heard
    context = ssl.create_default_context(cadata=desk.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert "accepted" not in _unwelcome(desk, tls=context)


def _received(plain: socket.socket) -> bytes:
    try:
        return plain.recv(4096)
    except ConnectionError:
        return b""


def test_who_is_revoked_is_thrown_out_at_once(broker: Broker, home: Join) -> None:
    """The connection that is open ends; it does not come back; others stay; a new secret helps."""
    desk, _ = acts.invite(broker.config, "desk-5", role="worker", again=False)
    _admitted(desk)

    async def act() -> None:
        ended = asyncio.Event()

        async def gone() -> None:
            ended.set()

        stays = await connect(home)
        client = await connect(desk, closed_cb=gone)
        assert acts.revoke(broker.config, "desk-5")
        await asyncio.wait_for(ended.wait(), WAIT_S)
        assert client.is_closed
        await stays.flush(timeout=20)
        await stays.close()

    asyncio.run(act())
    assert "authorization violation" in _unwelcome(desk)
    again, _ = acts.invite(broker.config, "desk-5", role="worker", again=False)
    _admitted(again)
    assert "authorization violation" in _unwelcome(desk)


def test_a_certificate_that_is_made_anew_ends_no_connection(
    broker: Broker, home: Join, desk: Join
) -> None:
    """Who is in stays in, who comes believes the new one by the old join file."""
    folder = broker.folder.path
    ca = authority.Pair((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
    spent = dt.datetime.now(dt.UTC) - dt.timedelta(days=authority.BROKER_DAYS - 20)
    mine = authority.broker(ca, ["localhost", "127.0.0.1", "::1", "nas.lan"], spent)
    (folder / "broker.key").write_bytes(mine.key)
    (folder / "broker.pem").write_bytes(mine.certificate)
    assert server.reload(broker.folder)

    async def act() -> None:
        await until(lambda: _shown(desk) == mine.certificate)
        client = await connect(home)
        assert acts.set_up(broker.config, []).new_certificate
        await until(lambda: _shown(desk) == (folder / "broker.pem").read_bytes())
        await client.flush(timeout=20)
        await client.close()

    asyncio.run(act())
    _admitted(desk)


def test_another_home_may_do_what_home_does(broker: Broker) -> None:
    """For a machine with photos whose broker is elsewhere."""
    made, _ = acts.invite(broker.config, "studio", role="home", again=False)
    _admitted(made)

    async def act() -> None:
        client = await connect(made)
        info = await client.request("$JS.API.INFO", timeout=20)
        assert json.loads(info.data)["limits"] is not None
        await client.close()

    asyncio.run(act())
    others = f"{subjects.inbox('home')}.>"
    said = asyncio.run(_refused(made, lambda client: client.subscribe(others)))
    assert "permissions violation" in said.lower()


def test_the_broker_has_nothing_against_its_configuration(broker: Broker) -> None:
    """And a file that it cannot read is named, while the one that runs goes on."""
    assert server.complaint(broker.folder) is None
    assert "warn" not in broker.log.lower(), broker.log
    program = server.find()
    assert program is not None
    listed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = server.version(program)
    assert version is not None
    assert version in listed.stdout


def test_a_thousand_seats_may_wait(home: Join, desk: Join) -> None:
    """JetStream by itself lets 512 pulls of a consumer wait, and refuses the next."""
    seats = 700

    async def act() -> None:
        first, second = await open_link(home, "home"), await open_link(desk, "desk-3")
        try:
            await first.prepare(streams.think(), [streams.questions("feedbeef", 30.0)])
            where = subjects.next_question("feedbeef")
            waiting = [asyncio.create_task(second.pull(where, 5, 40.0)) for _ in range(seats)]
            info = f"$JS.API.CONSUMER.INFO.{subjects.THINK}.{subjects.consumer('feedbeef')}"
            end = time.monotonic() + WAIT_S
            while json.loads(await first.ask(info, b"", 20.0))["num_waiting"] < seats:
                assert time.monotonic() < end
            for _ in range(seats):
                await first.store(subjects.question("feedbeef"), b"tensor")
            got = await asyncio.gather(*waiting)
            assert [each.data for each in got if each is not None] == [b"tensor"] * seats
        finally:
            await second.close()
            await first.close()

    asyncio.run(act())


def test_an_order_reaches_the_machine_it_is_for(home: Join, desk: Join) -> None:
    """And is believed when the machine says that it obeys; one that is silent is said to be."""

    async def act() -> int:
        worker = await connect(desk)

        async def heard(message: Msg) -> None:
            order, _ = frames.unpack(Order, message.data)
            hello = Hello(
                protocol=1, run="0" * 16, seats=2, priority=5, busy=3, draining=order.drain
            )
            await worker.publish(subjects.hello("desk-3"), frames.pack(hello))

        await worker.subscribe(subjects.cast("desk-3"), cb=heard)
        await heard_by_broker(worker)
        try:
            return await draining.order(home, "desk-3", drain=True)
        finally:
            await worker.close()

    assert asyncio.run(act()) == 3


def test_a_machine_that_is_silent_is_said_to_be(
    home: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some patience."""
    monkeypatch.setattr(draining, "_EVERY_S", 0.05)
    monkeypatch.setattr(draining, "_PATIENCE_S", 0.1)
    with pytest.raises(draining.Silent):
        asyncio.run(draining.order(home, "desk-4", drain=True))

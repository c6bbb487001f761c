"""The connection to the broker; the only importer of `nats`.

One connection, no more: when it breaks everything that waits on it is told, and whoever owns it
opens another.  Reconnecting is left out on purpose: a client that reconnects by itself keeps
subscriptions of which nobody knows whether they still hear anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import math
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from nobgd.cluster import subjects, unreached

_CONNECT_S, _AGAIN_S = 5.0, 0.1
_PING_S = 3.0  # two that are not answered end the connection
_API_S = 5.0
_PENDING = 64 << 20  # bytes that wait to be read here: a flood is dropped, not kept
_OTHERWISE = 10058  # server/errors.json: there is a stream of this name that is not like this
_EXISTS = (_OTHERWISE, 10148)  # and a consumer
_TTL = "Nats-TTL"  # of one message: how long it is kept, in whole seconds from 1 on
_HEADERS = 64  # bytes of a message that are no longer its own
_REFUSED = ("authorization violation", "authentication", "user authentication revoked")
logging.getLogger("asyncio").setLevel(logging.ERROR)  # each end by TLS is a warning there
_ACK, _NAK, _RENEW = b"+ACK", b"-NAK", b"+WPI"


class Refused(Exception):  # noqa: N818 - a state
    """The broker does not let us in; a sentence."""


class Lost(Exception):  # noqa: N818 - a state
    """There is no connection (any more); a sentence."""


class Unheard(Exception):  # noqa: N818 - a state
    """Nobody answered, or the broker says no."""


class Access(Protocol):
    """The part of a join file that is used here."""

    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def user(self) -> str: ...  # noqa: D102
    @property
    def secret(self) -> str: ...  # noqa: D102
    @property
    def ca(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Heard:
    """One message."""

    subject: str
    reply: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Pulled:
    """A question or a job that is ours until its lease ends."""

    data: bytes
    reply: str
    delivery: int  # 1 for the first machine that got it


class Link:
    """One open connection; made by `open_link`."""

    def __init__(self, client: Client, ended: asyncio.Future[str]) -> None:
        self._client = client
        self._ended = ended  # its result is why
        self.keep_s = 3600.0  # that the broker keeps what is stored, by its own clock

    async def ended_within(self, seconds: float) -> str | None:
        """Why the connection has ended; None: it has not, after so long.

        The client may end without a word, as it did in a worker that had slept.
        """
        done, _ = await asyncio.wait([self._ended], timeout=seconds)
        if done:
            return self._ended.result()
        return "the connection has ended" if self._client.is_closed else None

    @property
    def longest(self) -> int:
        """Bytes of a message that the broker takes."""
        return int(self._client.max_payload) - _HEADERS

    @property
    def version(self) -> str:
        """Of the broker."""
        return str(self._client.connected_server_version)

    async def close(self) -> None:
        """End it.

        What a connection had hangs together in circles, and a program that does little else is
        collected so seldom that each connection to a broker that hung left 0.3 MB.
        """
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.close(), 2.0)
        gc.collect()

    # --- messages --------------------------------------------------------------------------

    async def publish(self, subject: str, data: bytes = b"", reply: str = "") -> None:
        """Send and forget.  Raises `Lost`."""
        with _translated():
            await self._client.publish(subject, data, reply)

    async def ask(
        self, subject: str, data: bytes, within_s: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """Send and wait for what is answered.  Raises `Lost`, `Unheard`."""
        with _translated():
            found = await self._client.request(subject, data, within_s, headers=headers)
            return bytes(found.data)

    async def listen(
        self, subject: str, heard: Callable[[Heard], Coroutine[Any, Any, None]]
    ) -> None:
        """Have every message of ``subject`` handled, one after the other.  Raises `Lost`."""

        async def take(message: Msg) -> None:
            await heard(Heard(message.subject, message.reply, message.data))

        with _translated():
            await self._client.subscribe(subject, cb=take, pending_bytes_limit=_PENDING)

    # --- questions, as home ------------------------------------------------------------------

    async def prepare(self, stream: dict[str, Any], consumers: list[dict[str, Any]]) -> None:
        """Have a stream and its consumers, see `streams`.  Raises `Lost`, `Unheard`.

        One that an older nobgd has made becomes like this.
        """
        name = stream["name"]
        if await self._api(f"STREAM.CREATE.{name}", stream) == _OTHERWISE:
            with contextlib.suppress(Unheard):  # somebody's own: `nobgd doctor` says so
                await self._api(f"STREAM.UPDATE.{name}", stream)
        for each in consumers:
            body = {"stream_name": name, "config": each}
            await self._api(f"CONSUMER.DURABLE.CREATE.{name}.{each['durable_name']}", body)

    async def purge(self, stream: str) -> None:
        """Have all of it forgotten.  Raises `Lost`, `Unheard`."""
        await self._api(f"STREAM.PURGE.{stream}", {})

    async def store(self, subject: str, data: bytes) -> int:
        """Have it kept until it is answered, or for `keep_s`; its number.

        Raises `Lost`, `Unheard`.
        """
        headers = {_TTL: f"{max(1, math.ceil(self.keep_s))}s"}
        said = _read(await self.ask(subject, data, _API_S, headers))
        if "error" in said or not isinstance(number := said.get("seq"), int):
            raise Unheard(_why(said))  # a refusal has a number, too: 0
        return number

    async def withdraw(self, stream: str, number: int) -> None:
        """Take it back.  Raises `Lost`."""
        body = json.dumps({"seq": number, "no_erase": True}).encode()
        await self.publish(f"$JS.API.STREAM.MSG.DELETE.{stream}", body)

    async def _api(self, what: str, body: dict[str, Any]) -> int:
        """0, or which of `_EXISTS` is in the way."""
        said = _read(await self.ask(f"$JS.API.{what}", json.dumps(body).encode(), _API_S))
        wrong = said.get("error")
        number = 0 if wrong is None else wrong.get("err_code")
        if number and number not in _EXISTS:
            raise Unheard(_why(said))
        return int(number)

    # --- questions, as a worker ----------------------------------------------------------------

    async def pull(self, where: str, priority: int, within_s: float) -> Pulled | None:
        """The next of a queue; None if there was none ``within_s``.  Raises `Lost`."""
        body = {
            "batch": 1, "expires": int(within_s * 1e9), "group": subjects.GROUP,
            "priority": priority,
        }  # fmt: skip
        with _translated():
            box = self._client.new_inbox()
            waiting = await self._client.subscribe(box, pending_bytes_limit=_PENDING)
            try:
                asked = json.dumps(body).encode()
                await self._client.publish(where, asked, box)
                message = await waiting.next_msg(timeout=within_s + 1.0)
            except (nats.errors.TimeoutError, TimeoutError):
                return None
            finally:
                with contextlib.suppress(nats.errors.Error):
                    await waiting.unsubscribe()
        if (message.headers or {}).get("Status") is not None:
            await asyncio.sleep(0.05)  # no such consumer, or an end: never in a tight loop
            return None
        try:
            delivery = int(message.metadata.num_delivered)
        except (nats.errors.Error, ValueError):
            return None
        return Pulled(message.data, message.reply, delivery)

    async def renew(self, pulled: Pulled) -> None:
        """Have its lease begin anew.  Raises `Lost`."""
        await self.publish(pulled.reply, _RENEW)

    async def renew_surely(self, pulled: Pulled) -> None:
        """The same, and the broker says that it has.  Raises `Lost`, `Unheard`."""
        await self.ask(pulled.reply, _RENEW, _API_S)

    async def done(self, pulled: Pulled) -> None:
        """It is answered: take it off the queue.  Raises `Lost`."""
        await self.publish(pulled.reply, _ACK)

    async def put_back(self, pulled: Pulled) -> None:
        """It is somebody else's.  Raises `Lost`."""
        await self.publish(pulled.reply, _NAK)


async def open_link(join: Access, name: str) -> Link:
    """A connection to the broker.  Raises `Refused`, `Lost`."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    why, refused = ["the broker has ended the connection"], [False]

    async def failed(error: Exception) -> None:
        why[0] = unreached.why(error)
        refused[0] = refused[0] or _is_refusal(error)

    async def gone() -> None:
        if not ended.done():
            ended.set_result(why[0])

    try:
        context = ssl.create_default_context(cadata=join.ca) if join.ca else None
        client = await nats.connect(
            join.url, tls=context, user=join.user, password=join.secret, name=name,
            inbox_prefix=subjects.inbox(join.user).encode(), allow_reconnect=False,
            max_reconnect_attempts=1, reconnect_time_wait=_AGAIN_S,  # else it tries for minutes
            connect_timeout=_CONNECT_S, ping_interval=_PING_S, max_outstanding_pings=2,
            error_cb=failed, disconnected_cb=gone, closed_cb=gone,
        )  # fmt: skip
    except ssl.SSLError as error:
        said = getattr(error, "verify_message", "") or error.reason or str(error)
        raise Refused(f"{join.url}: {unreached.untrusted(said, join.user)}") from None
    except (OSError, nats.errors.Error, TimeoutError, ValueError) as error:
        if refused[0] or _is_refusal(error):
            raise Refused(f"{join.url}: {unreached.unknown(join.user)}") from None
        nobody = isinstance(error, nats.errors.NoServersError)
        raise Lost(f"{join.url}: {why[0] if nobody else unreached.why(error)}") from None
    return Link(client, ended)


def _is_refusal(error: Exception) -> bool:
    return any(each in str(error).lower() for each in _REFUSED)


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError, TimeoutError) as error:
        raise Unheard(str(error) or "nobody answered") from None
    except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
        raise Lost(unreached.why(error)) from None


def _read(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {}


def _why(said: dict[str, Any]) -> str:
    wrong = said.get("error")
    return str(wrong.get("description", wrong)) if isinstance(wrong, dict) else "no answer of its"

"""What becomes of bodies that nobody read."""

import asyncio
from typing import Any, cast

import pytest
from litestar.types import HTTPReceiveMessage, Message, Receive, Scope, Send

from webapp.http.middleware import lingering
from webapp.http.middleware.lingering import UnreadBodies

ANSWER: tuple[dict[str, Any], ...] = (
    {"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"no", "more_body": False},
)


class Client:
    """The other end: sends the given pieces of a body, then nothing more; notes what it gets."""

    def __init__(self, *pieces: tuple[bytes, bool]) -> None:
        self._pieces = list(pieces)
        self.received: list[Any] = []
        self.asked = 0

    async def receive(self) -> HTTPReceiveMessage:
        self.asked += 1
        if not self._pieces:
            await asyncio.Event().wait()
        body, more_body = self._pieces.pop(0)
        return cast("HTTPReceiveMessage", {"type": "http.request", "body": body, "more_body": more_body})

    async def send(self, message: Message) -> None:
        self.received.append(message)

    @property
    def is_told_to_close(self) -> bool:
        return (b"connection", b"close") in self.received[0]["headers"]

    @property
    def body(self) -> bytes:
        assert [message["more_body"] for message in self.received[1:]][-1] is False
        return b"".join(message["body"] for message in self.received[1:])


async def _ask(client: Client, *headers: tuple[bytes, bytes], reads: bool = False) -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while reads and cast("Any", await receive())["more_body"]:
            pass
        for message in ANSWER:
            await send(cast("Message", dict(message)))

    scope = {"type": "http", "headers": list(headers)}
    await UnreadBodies(app)(cast("Any", scope), client.receive, client.send)
    assert client.body == b"no"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "SMALL_S", 0.02)
    monkeypatch.setattr(lingering, "LINGER_S", 0.02)


async def test_without_a_body_nothing_is_asked_for() -> None:
    client = Client()
    await _ask(client)
    assert (client.asked, client.is_told_to_close) == (0, False)


async def test_a_small_body_that_was_sent_is_dropped_and_the_connection_goes_on() -> None:
    client = Client((b"x" * 50, True), (b"x" * 50, False))
    await _ask(client, (b"content-length", b"100"))
    assert (client.asked, client.is_told_to_close) == (2, False)


async def test_a_body_that_was_read_changes_nothing() -> None:
    client = Client((b"x" * 50, True), (b"x" * 50, False))
    await _ask(client, (b"content-length", b"100"), reads=True)
    assert (client.asked, client.is_told_to_close) == (2, False)


@pytest.mark.parametrize("header", [(b"content-length", b"100"), (b"transfer-encoding", b"chunked")])
async def test_a_body_that_does_not_come_ends_the_connection(header: tuple[bytes, bytes]) -> None:
    client = Client((b"x" * 50, True))
    await _ask(client, header)
    assert client.is_told_to_close


async def test_a_large_body_is_answered_before_it_is_read_on() -> None:
    client = Client(*[(b"x" * 65_536, True)] * 3, (b"x", False))
    await _ask(client, (b"content-length", b"196609"))
    assert client.is_told_to_close
    assert client.received[1] == {**ANSWER[1], "more_body": True}
    assert client.asked == 4


async def test_a_body_without_end_is_not_read_for_ever() -> None:
    client = Client(*[(b"x" * 1_000_000, True)] * 100)
    await _ask(client, (b"transfer-encoding", b"chunked"))
    assert client.is_told_to_close
    assert client.asked < 10


async def test_a_client_that_waits_to_be_told_to_go_on_is_not_told() -> None:
    client = Client()
    await _ask(client, (b"content-length", b"100"), (b"expect", b"100-continue"))
    assert (client.asked, client.is_told_to_close) == (0, True)

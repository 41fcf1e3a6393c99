"""Event streams: what goes over the wire, and that nothing is left behind."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from litestar.types import HTTPReceiveMessage, HTTPResponseStartEvent, Message

from webapp.http.streams.sse import HEARTBEAT, HEARTBEAT_S, EventStream, ServerEvent, StopSignal

SCOPE = cast("Any", {"type": "http", "method": "GET", "path": "/events", "headers": []})


class Reader:
    """The other end of a connection."""

    def __init__(self) -> None:
        self.started: HTTPResponseStartEvent | None = None
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_complete = asyncio.Event()
        self._left = asyncio.Event()

    async def receive(self) -> HTTPReceiveMessage:
        await self._left.wait()
        return cast("HTTPReceiveMessage", {"type": "http.disconnect"})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = message
        elif message["type"] == "http.response.body" and message["more_body"]:
            await self.chunks.put(message["body"])
        else:
            self.is_complete.set()

    def leave(self) -> None:
        self._left.set()


class Source:
    """Events that come when told, and a note of how they ended."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[ServerEvent | Exception | None] = asyncio.Queue()
        self.was_closed = False

    async def events(self) -> AsyncGenerator[ServerEvent, None]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.was_closed = True


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (ServerEvent("hello"), b"data: hello\n\n"),
        (ServerEvent("two\nlines"), b"data: two\ndata: lines\n\n"),
        (ServerEvent("a\r\nb\rc"), b"data: a\ndata: b\ndata: c\n\n"),
        (ServerEvent(""), b"data: \n\n"),
        (
            ServerEvent("x", name="job", event_id="7", retry_ms=1000),
            b"retry: 1000\nid: 7\nevent: job\ndata: x\n\n",
        ),
        (
            ServerEvent("x", name="a\ndata: forged", event_id="1\n2"),
            b"id: 1 2\nevent: a data: forged\ndata: x\n\n",
        ),
        (ServerEvent("naïve 🌧️"), "data: naïve 🌧️\n\n".encode()),
    ],
)
def test_an_event_on_the_wire(event: ServerEvent, wire: bytes) -> None:
    assert event.encode() == wire


async def start(
    source: Source, stop: StopSignal, heartbeat_s: float = 60.0
) -> tuple[Reader, asyncio.Task[None], list[str]]:
    reader, closed = Reader(), list[str]()
    stream = EventStream(
        source.events(), stop, heartbeat_s=heartbeat_s, on_close=lambda: closed.append("closed")
    )
    return reader, asyncio.create_task(stream(SCOPE, reader.receive, reader.send)), closed


async def test_events_reach_the_reader_as_they_come() -> None:
    source = Source()
    reader, answer, closed = await start(source, StopSignal())
    await source.queue.put(ServerEvent("one"))
    assert await reader.chunks.get() == b"data: one\n\n"
    assert reader.started is not None
    headers = dict(reader.started["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"no-transform" in headers[b"cache-control"]
    assert b"content-length" not in headers
    await source.queue.put(None)
    await answer
    assert reader.is_complete.is_set()
    assert (source.was_closed, closed) == (True, ["closed"])


async def test_a_reader_who_leaves_leaves_nothing_behind() -> None:
    source = Source()
    reader, answer, closed = await start(source, StopSignal())
    await source.queue.put(ServerEvent("one"))
    await reader.chunks.get()
    reader.leave()
    await answer
    assert (source.was_closed, closed) == (True, ["closed"])


async def test_a_stream_ends_when_the_server_stops() -> None:
    source, stop = Source(), StopSignal()
    reader, answer, closed = await start(source, stop)
    await source.queue.put(ServerEvent("one"))
    await reader.chunks.get()
    stop.set()
    await answer
    assert reader.is_complete.is_set()
    assert (source.was_closed, closed) == (True, ["closed"])


async def test_a_quiet_stream_is_kept_alive() -> None:
    source = Source()
    reader, answer, _ = await start(source, StopSignal(), heartbeat_s=0.001)
    assert await reader.chunks.get() == HEARTBEAT
    await source.queue.put(ServerEvent("at last"))
    while (chunk := await reader.chunks.get()) == HEARTBEAT:
        pass
    assert chunk == b"data: at last\n\n"
    reader.leave()
    await answer
    assert source.was_closed


async def test_silence_is_counted_from_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: asyncio.Queue[float] = asyncio.Queue()
    gate = asyncio.Semaphore(0)

    async def sleep(delay_s: float) -> None:
        asked.put_nowait(delay_s)
        await gate.acquire()

    monkeypatch.setattr("webapp.http.streams.sse.asyncio.sleep", sleep)
    source = Source()
    reader, answer, _ = await start(source, StopSignal())
    await asked.get()
    await source.queue.put(ServerEvent("in between"))
    await reader.chunks.get()
    gate.release()
    # What is left of the time since the event, and not all of it again.
    assert 0 < await asked.get() < 60
    reader.leave()
    await answer


def test_no_stream_is_silent_for_longer_than_others_wait() -> None:
    assert HEARTBEAT_S <= 15


async def test_a_stream_that_breaks_ends_and_says_why_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    reader, answer, closed = await start(source, StopSignal())
    await source.queue.put(RuntimeError("broken"))
    await answer
    assert reader.is_complete.is_set()
    assert closed == ["closed"]
    assert [record.getMessage() for record in caplog.records] == ["an event stream broke"]


async def test_a_cancelled_answer_leaves_nothing_behind() -> None:
    source = Source()
    reader, answer, closed = await start(source, StopSignal())
    await source.queue.put(ServerEvent("one"))
    await reader.chunks.get()
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    assert (source.was_closed, closed) == (True, ["closed"])

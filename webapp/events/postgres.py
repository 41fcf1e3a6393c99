"""Hints between any number of hosts, over PostgreSQL's LISTEN and NOTIFY."""

import asyncio
import logging
from typing import TypeAlias

import asyncpg
import msgspec

from webapp.events.bus import Event, LocalBus, Subscription

logger = logging.getLogger(__name__)

CHANNEL = "soundloom_events"
RECONNECT_S = 0.5

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Notice(msgspec.Struct):
    """What travels in one NOTIFY: who sent it, and a batch of hints."""

    sender: str
    events: list[Event]


class PostgresBus(LocalBus):
    """Carries hints through the database server. `sender` tells this process's own hints apart."""

    def __init__(self, url: str, sender: str) -> None:
        super().__init__()
        self._url = url
        self._sender = sender
        self._outgoing = Subscription()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        connection = await self._connect()
        self._task = asyncio.create_task(self._run(connection))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def publish(self, *events: Event) -> None:
        super().publish(*events)
        for event in events:
            self._outgoing.offer(event)

    async def _connect(self) -> Connection:
        connection = await asyncpg.connect(self._url)
        await connection.add_listener(CHANNEL, self._receive)
        # Something to send makes the sender notice that the connection is gone.
        connection.add_termination_listener(lambda _connection: self._outgoing.offer(Event("status")))
        return connection

    async def _run(self, first: Connection) -> None:
        connection: Connection | None = first
        while True:
            try:
                connection = connection or await self._connect()
                # Whatever happened while nobody listened is to be looked up.
                self.deliver(Event("queue"), Event("status"))
                await self._send_from(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                logger.warning("lost the event channel; trying again", exc_info=True)
                connection = None
                await asyncio.sleep(RECONNECT_S)
            finally:
                if connection is not None:
                    connection.terminate()

    async def _send_from(self, connection: Connection) -> None:
        while True:
            events = await self._outgoing.wait()
            # A NOTIFY holds under 8,000 bytes; a batch of hints that is too long is one big hint.
            payload = msgspec.json.encode(Notice(self._sender, events[:64]))
            if len(events) > 64:
                payload = msgspec.json.encode(Notice(self._sender, [Event("queue"), Event("status")]))
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload.decode())

    def _receive(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        notice = msgspec.json.decode(str(payload), type=Notice)
        if notice.sender != self._sender:
            self.deliver(*notice.events)

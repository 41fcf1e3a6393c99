"""Hints between any number of hosts, over PostgreSQL's LISTEN and NOTIFY."""

import asyncio
import contextlib
import logging

import asyncpg
import msgspec

from webapp.clock import Clock
from webapp.database.faults import postgres_faults
from webapp.database.link import Connection, PostgresLimits, PostgresLink
from webapp.database.patience import PASSING, Outage
from webapp.events.bus import MISSED, Event, LocalBus, Subscription

logger = logging.getLogger(__name__)

CHANNEL = "soundloom_events"
RECONNECT_S = 0.5
LAST_WORDS_S = 1.0
MAX_BATCH = 64
SEND_S = 5.0
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, *PASSING)


class Notice(msgspec.Struct):
    """The payload of one NOTIFY: its sender, and a batch of hints."""

    sender: str
    events: list[Event]


class PostgresBus(LocalBus):
    """Carries hints through the database server. `sender` identifies this process's own hints."""

    def __init__(self, url: str, sender: str, clock: Clock, limits: PostgresLimits | None = None) -> None:
        super().__init__(clock)
        self._link = PostgresLink(url, limits)
        self._sender = sender
        self._outgoing = Subscription()
        self._outage = Outage(logger, "the event channel")
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and start listening. Raises DatabaseAway."""
        with postgres_faults():
            self._connection = await self._connect()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send the last hints, if that is quick, and disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            with contextlib.suppress(*LOST, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await _send(self._connection, self._sender, self._outgoing.take())
            self._connection.terminate()

    def publish(self, *events: Event) -> None:
        super().publish(*events)
        for event in events:
            self._outgoing.offer(event)

    async def _connect(self) -> Connection:
        connection = await self._link.connect()
        async with asyncio.timeout(self._link.limits.connect_s):
            await connection.add_listener(CHANNEL, self._receive)
        # A hint to send makes the sender notice that the connection is lost.
        connection.add_termination_listener(lambda _connection: self._outgoing.offer(Event("status")))
        return connection

    async def _run(self) -> None:
        while True:
            try:
                with postgres_faults():
                    await self._send_next()
            except LOST as error:
                self._outage.begun(error)
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                await asyncio.sleep(RECONNECT_S)

    async def _send_next(self) -> None:
        if self._connection is None:
            self._connection = await self._connect()
            # Whatever happened while nobody listened is to be looked up.
            self.deliver(*MISSED)
            self._outage.over()
        await _send(self._connection, self._sender, await self._outgoing.wait())

    def _receive(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        notice = msgspec.json.decode(str(payload), type=Notice)
        if notice.sender != self._sender:
            self.deliver(*notice.events)


async def _send(connection: Connection, sender: str, events: list[Event]) -> None:
    """Send a batch of hints; for what does not fit into a NOTIFY (8,000 bytes), that all may have changed."""
    if not events:
        return
    fitting = events if len(events) <= MAX_BATCH else list(MISSED)
    payload = msgspec.json.encode(Notice(sender, fitting)).decode()
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload, timeout=SEND_S)
